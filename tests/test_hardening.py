"""Requests that no page sends are refused in a sentence without a traceback; a fault of the app leaves a traceback."""

import asyncio
import errno
import http.client
import json
import random
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlparse

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from starlette.types import Message, Receive, Scope, Send

from interface.hardening import Refusing, fitting
from interface.models import complaint
from tests.browser import serving

# The app with an extra endpoint, which has a fault of the app's own code.
HARDENED = """
import app
from gradio.events import api
from interface import models

def broken(text: str) -> str:
    return models.complaint(3)

site = app.build(app.load_models(["assets/alice"])[0], app.Scheduler())
with site.demo:
    api(broken)
app.launch(site)
"""
JOIN, RUN, CALL = "queue/join", "run/predict", "call/predict"
BROKEN: list[Any] = [b"", b"{", b"[" * 100_000, b"\xff", [], {"data": 3}]
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with serving(tmp_path_factory.mktemp("hardened"), "-c", HARDENED) as (url, log):
        yield url, log


def send(url: str, path: str, body: Any = None) -> tuple[int, bytes]:
    """Send a raw request, as no browser would; return the status and the answer."""
    connection = http.client.HTTPConnection(urlparse(url).netloc, timeout=60)
    data: bytes | None = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    connection.request("GET" if data is None else "POST", f"/gradio_api/{path}", data, headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def events(url: str) -> list[dict[str, Any]]:
    """Return Gradio's public description of each event, including private events."""
    with urllib.request.urlopen(f"{url}/config") as answer:
        known: list[dict[str, Any]] = json.load(answer)["dependencies"]
    return known


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *((path, body) for path in (JOIN, RUN, CALL) for body in BROKEN),
        *((path, {"data": [], "fn_index": fn, "session_hash": "a"}) for path in (JOIN, RUN) for fn in (-1, 10**9, "x")),
        ("run/nothing", {"data": []}),
        ("call/nothing", {"data": []}),
        ("call/v2/nothing", {"prompt": "a"}),
        ("call/v2/predict", {"nothing": "a"}),
        ("component_server", {"session_hash": "a", "component_id": 10**9, "fn_name": "x", "data": 1}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_malformed_request_or_one_for_an_unknown_endpoint_gets_a_4xx(
    served: tuple[str, Path], path: str, body: Any
) -> None:
    url, log = served
    status, answer = send(url, path, body)
    assert 400 <= status < 500
    assert json.loads(answer)["detail"]
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("wrong", [None, {}, [], -1, 10**30, "\ud800", float("nan"), FILE], ids=str)
def test_no_event_fails_on_wrong_values_or_too_few_or_too_many(served: tuple[str, Path], wrong: Any) -> None:
    url, log = served
    for event in events(url):
        if event["api_name"] == "broken":
            continue
        count = len(event["inputs"])
        for values in ([wrong] * count, [wrong] * (count + 1), [wrong] * max(0, count - 1)):
            session = f"s{random.random()}"
            body = {"data": values, "fn_index": event["id"], "session_hash": session, "trigger_id": 1}
            body["event_data"] = wrong
            status, answer = send(url, JOIN if event["queue"] is not False else RUN, body)
            if status == 200 and event["queue"] is not False:
                answer = send(url, f"queue/data?session_hash={session}")[1]
                assert b"process_completed" in answer
            else:
                assert status == 200 or "\n" not in json.loads(answer)["error"]
    assert "Traceback" not in log.read_text()


def test_an_unknown_stream_is_ended_with_a_404(served: tuple[str, Path]) -> None:
    url, log = served
    for path in ("queue/data?session_hash=nobody", "call/predict/nothing"):
        status, answer = send(url, path)
        assert status == 200
        assert b"404" in answer
    assert "Traceback" not in log.read_text()
    assert "A request does not fit: '/gradio_api/queue/data'" in log.read_text()


def test_afterwards_it_still_writes_and_accepts_a_session_without_a_name(served: tuple[str, Path]) -> None:
    url, log = served
    count = next(len(event["inputs"]) for event in events(url) if event["api_name"] == "predict")
    data = ["Alice", "alice", 5] + [None] * (count - 3)
    status, answer = send(url, CALL, {"data": data, "session_hash": ""})
    assert status == 200
    assert b"complete" in send(url, f"{CALL}/{json.loads(answer)['event_id']}")[1]
    assert len(Client(url, verbose=False).predict("Alice", length=20, api_name="/predict")) == 20
    assert "Traceback" not in log.read_text()


def test_a_fault_of_the_app_in_an_event_is_still_in_the_log(served: tuple[str, Path]) -> None:
    url, log = served
    with pytest.raises(AppError):
        Client(url, verbose=False).predict("a", api_name="/broken")
    assert "Traceback" in log.read_text()
    log.write_text("")  # the other tests look for none


@pytest.mark.parametrize("ours", [True, False])
def test_a_fault_of_the_app_in_a_route_is_not_taken_for_a_wrong_request(
    ours: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    async def route(*_: Any) -> None:
        complaint(3) if ours else {}["x"]  # type: ignore[arg-type, index]

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    asked: tuple[Scope, Receive, Send] = ({"type": "http", "path": "/", "headers": []}, receive, send)
    if ours:
        with pytest.raises(TypeError):
            asyncio.run(Refusing(route)(*asked))
        assert not sent
    else:
        asyncio.run(Refusing(route)(*asked))
        assert sent[0]["status"] == 400
        assert capsys.readouterr().err == "A request does not fit: '/': KeyError('x')\n"


def test_a_visitor_whose_sign_in_fails_gets_the_page_again() -> None:
    async def route(*_: Any) -> None:
        raise ValueError("access_denied")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    asyncio.run(Refusing(route)({"type": "http", "path": "/login/callback", "headers": []}, receive, send))
    assert (sent[0]["status"], (b"location", b"/") in sent[0]["headers"]) == (307, True)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), MemoryError()])
def test_a_full_disk_or_memory_is_not_taken_for_a_wrong_request(error: Exception) -> None:
    with pytest.raises(type(error)), fitting(SimpleNamespace(name="write")):
        raise error


def test_a_request_that_gradio_cannot_handle_is_refused_in_a_sentence() -> None:
    with pytest.raises(gr.Error, match="This request does not fit the app"), fitting(SimpleNamespace(name="write")):
        raise OSError(errno.ENAMETOOLONG, "File name too long")
