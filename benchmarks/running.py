"""The running app, in its own process and at its own address."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent
End = Callable[["subprocess.Popen[bytes]"], None]  # how a process is ended


@contextlib.contextmanager
def running_app(
    *command: str | Path,
    cwd: Path = ROOT,
    output: IO[str] | int = subprocess.DEVNULL,
    end: End = subprocess.Popen.terminate,
    **variables: str,
) -> Iterator[str]:
    """Start `python app.py`, or another Python command that serves the app; yield its address once the page answers.

    The process ends with the block. RuntimeError if the process ends before the page answers, or if the page does not
    answer within ten minutes, which allows for a busy machine.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        variables = {"GRADIO_SERVER_PORT": str(free.getsockname()[1]), "GRADIO_NUM_PORTS": "1"} | variables
    environment = os.environ | variables
    app = subprocess.Popen(
        [sys.executable, *(command or ["app.py"])], cwd=cwd, env=environment, stdout=output, stderr=output
    )
    url = f"http://127.0.0.1:{variables['GRADIO_SERVER_PORT']}"
    deadline = time.monotonic() + 600
    try:
        while True:
            if app.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the app's page does not answer")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url).close()
                break
            time.sleep(0.01)
        yield url
    finally:
        end(app)
        app.wait(30)
