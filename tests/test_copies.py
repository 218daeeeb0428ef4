"""Several copies of the app behind nginx, with the configuration that the documents give."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from tests.browser import APP, serving

pytestmark = pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed: apt-get install nginx")

DOCUMENT = (Path(__file__).parent.parent / "docs" / "serving.md").read_text(encoding="utf-8")
CALL = "/gradio_api/call"


@contextmanager
def balanced(directory: Path, ports: list[int]) -> Iterator[str]:
    """Run nginx in front of the copies at these ports, configured as in docs/serving.md; yield its address."""
    [configuration] = re.findall(r"```nginx\n(.*?)```", DOCUMENT, re.DOTALL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        here = f"127.0.0.1:{free.getsockname()[1]}"
    for port, ours in zip((7861, 7862), ports, strict=True):
        assert f"127.0.0.1:{port}" in configuration
        configuration = configuration.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ours}")
    configuration = configuration.replace("127.0.0.1:8080", here)
    # The default folders of nginx belong to the system's service: another user may not write there.
    kept = "".join(
        f"{name}_temp_path {directory}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = configuration.replace("http {", f"http {{ access_log off; {kept}")
    user = "user root; " if os.getuid() == 0 else ""
    file, log = directory / "nginx.conf", directory / "nginx.log"
    file.write_text(f"{user}pid {directory}/pid; error_log {log}; daemon off;\n{configuration}")
    server = subprocess.Popen(["nginx", "-e", log, "-c", file])
    try:
        deadline = time.monotonic() + 30
        while not answers(int(here.split(":")[1])):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield here
    finally:
        server.terminate()
        server.wait(30)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Visitor:
    """A client with a source address of its own, 127.0.0.`n`."""

    def __init__(self, server: str, n: int) -> None:
        self.server, self.source = server, (f"127.0.0.{n}", 0)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.server, timeout=60, source_address=self.source)

    def write(self, begun: Callable[[], object] = bool, **values: Any) -> str:
        """Return the text that arrives until it ends or the copy is lost; call `begun` at the first characters."""
        posted = self.connect()
        posted.request("POST", f"{CALL}/v2/write", json.dumps(values), {"Content-Type": "application/json"})
        event = json.load(posted.getresponse())["event_id"]
        posted.close()
        reading, text = self.connect(), ""
        reading.request("GET", f"{CALL}/write/{event}")
        stream = reading.getresponse()
        with suppress(http.client.HTTPException, OSError):
            for line in stream:
                if line.startswith(b"data: [") and line.endswith(b"\n") and b'"text"' in line:
                    text, before = json.loads(line[6:])[0]["text"], text
                    if text and not before:
                        begun()
        stream.close()
        reading.close()
        return text


def characters(url: str) -> float:
    """Return how many characters the copy at `url` has written."""
    connection = http.client.HTTPConnection(urlparse(url).netloc, timeout=60)
    connection.request("GET", "/metrics")
    told = connection.getresponse().read().decode()
    connection.close()
    return next(float(line.split()[1]) for line in told.splitlines() if line.startswith("lstm_characters_total "))


def test_each_copy_writes_the_same_text_and_another_takes_over_if_one_is_lost(
    shelf: list[Path], tmp_path: Path
) -> None:
    command: list[str | Path] = [APP, "--metrics", "--checkpoint", *shelf]
    for name in ("one", "two", "nginx"):
        (tmp_path / name).mkdir()
    how: dict[str, Any] = {"text": "the old ", "model": "cased", "length": 20_000, "seed": 7}
    short = {**how, "length": 30}
    with ExitStack() as lasting, ExitStack() as losing:
        lost, log_lost = losing.enter_context(serving(tmp_path / "one", *command, end=subprocess.Popen.kill))
        kept, log = lasting.enter_context(serving(tmp_path / "two", *command))
        ports = [urlparse(url).port or 0 for url in (lost, kept)]
        server = lasting.enter_context(balanced(tmp_path / "nginx", ports))
        texts, of_lost = set(), None
        for n in range(2, 40):
            visitor, before = Visitor(server, n), characters(lost)
            texts.add(visitor.write(**short))
            if characters(lost) > before:
                of_lost = visitor
            if of_lost and characters(kept):
                break
        assert of_lost, "both copies get visitors"
        assert len(texts) == 1
        whole = Visitor(server, n).write(**how)
        begun = of_lost.write(losing.close, **how)
        assert whole.startswith(begun)
        assert 0 < len(begun) < len(whole)
        assert of_lost.write(written=begun, **how) == whole
    assert "Traceback" not in log.read_text() + log_lost.read_text()
