"""Requests that are refused before Gradio receives them."""

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from interface.guard import Guard
from model.serving.figures import Figures
from model.serving.limits import Limits


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI app that reads the whole body and answers with its length."""
    length, more = 0, True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        length += len(message.get("body", b""))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps({"length": length, "at": scope["path"]}).encode()})


def ask(
    guard: Guard,
    path: str = "/gradio_api/call/predict",
    parts: tuple[bytes, ...] = (b"",),
    told: bool = True,
    by: str = "x",
) -> tuple[int, Any]:
    """Send a request, with its Content-Length if `told`; return the status and the answer."""
    messages = [{"type": "http.request", "body": part, "more_body": i < len(parts)} for i, part in enumerate(parts, 1)]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-length", str(len(b"".join(parts))).encode())] if told else []
    asyncio.run(guard({"type": "http", "path": path, "headers": headers, "client": (by, 5)}, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize("told", [True, False])
def test_a_body_is_refused_from_the_first_byte_over_the_limit(told: bool) -> None:
    figures = Figures()
    guard = Guard(reading, Limits(body=1000), figures)
    assert ask(guard, parts=(b"a" * 600, b"b" * 400), told=told) == (
        200,
        {"length": 1000, "at": "/gradio_api/call/predict"},
    )
    status, answer = ask(guard, parts=(b"a" * 600, b"b" * 401, b"c"), told=told)
    assert (status, answer["detail"]) == (413, "A request may have 1,000 bytes: send less text.")
    assert figures.refusals == {"body": 1}


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/upload/", "/gradio_api/process_recording"])
def test_a_file_is_refused_unless_the_limit_is_raised(path: str) -> None:
    assert ask(Guard(reading, Limits(), Figures()), path, (b"a",))[0] == 403
    allowed = Guard(reading, Limits(upload=10_000_000, body=10), Figures())
    assert ask(allowed, path, (b"a" * 5_000,) * 1_000)[0] == 200
    assert ask(allowed, path, (b"a" * 5_000,) * 3_000)[0] == 413


@pytest.mark.parametrize(
    ("visitors", "refusal", "limit"),
    [
        ("aabb", "Too many visitors have asked for open connections", "connections"),
        ("aaa", "You have asked for 3 open connections at once, and 2 are allowed", "visitor_connections"),
    ],
)
def test_open_connections_are_limited_and_a_closed_one_no_longer_counts(
    visitors: str, refusal: str, limit: str
) -> None:
    figures, limits = Figures(), Limits(visitor_connections=2, connections=3)
    nested: list[tuple[int, Any]] = []

    async def asking(scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app in which a request stays open while the next one arrives."""
        if scope["path"] != "/health":
            by = visitors[len(nested) + 1]
            nested.append((0, None))
            place = len(nested) - 1
            sent: list[Message] = []

            async def kept(message: Message) -> None:
                sent.append(message)

            await guard({**scope, "client": (by, 5)}, receive, kept)
            nested[place] = sent[0]["status"], json.loads(sent[1]["body"])
        await reading(scope, receive, send)

    async def nothing() -> Message:
        return {"type": "http.request"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(asking, limits, figures, exempt=["/health"])
    asyncio.run(guard({"type": "http", "path": "/", "headers": [], "client": ("a", 5)}, nothing, send))
    assert [status for status, _ in nested] == [200] * (len(visitors) - 2) + [429], "the last one is refused"
    assert nested[-1][1]["detail"].startswith(refusal)
    assert figures.refusals == {limit: 1}
    assert ask(guard, "/health", by="a")[0] == 200
    assert not guard._open


def test_only_the_routes_for_monitoring_that_exist_have_no_limits() -> None:
    guard = Guard(reading, Limits(body=1), Figures(), exempt=["/health"])
    assert [ask(guard, path, (b"ab",))[0] for path in ("/health", "/metrics")] == [200, 413]
