"""The app as a visitor finds it: in a process of its own, at an address."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


@contextlib.contextmanager
def running_app() -> Iterator[str]:
    """`python app.py`, once its page answers: its address. Ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_NUM_PORTS": "1"}
    app = subprocess.Popen([sys.executable, ROOT / "app.py"], env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url).close()
                break
            if app.poll() is not None:
                raise RuntimeError("the app has ended before its page answered")
            time.sleep(0.01)
        yield url
    finally:
        app.kill()
        app.wait()
