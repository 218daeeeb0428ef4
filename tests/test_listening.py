"""A client that does not read its answer keeps no slot: raw requests to the running app, as from a program."""

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from interface import listening
from model.serving.limits import Limits
from tests.browser import APP, serving
from tests.conftest import wait

PREDICT = "/gradio_api/call/predict"


@pytest.fixture(scope="module")
def app(shelf: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app with small models and narrow limits; afterwards its log must hold no traceback."""
    command: list[str | Path] = [APP, "--metrics", "--checkpoint", *shelf]
    place = tmp_path_factory.mktemp("listening")
    with serving(place, *command, LIMIT_SLOTS="3", LIMIT_VISITOR_TEXTS="5") as (url, log):
        yield urlparse(url).netloc
    assert "Traceback" not in log.read_text(), log.read_text()


def send(app: str, path: str, body: Any = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(app, timeout=60)
    data = None if body is None else json.dumps(body).encode()
    connection.request("GET" if body is None else "POST", path, data, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def begin(app: str, length: int = 100_000, model: str = "cased", seed: int | None = None) -> str:
    """Post a request; return the id of the event whose stream has the answer."""
    status, answer = send(app, PREDICT, {"data": ["the ", model, length, *[None] * 5, seed, *[None] * 4]})
    assert status == 200
    event: str = json.loads(answer)["event_id"]
    return event


def connect(app: str, event: str, narrow: bool = False) -> socket.socket:
    """Connect to the stream of the answer; with `narrow`, the system receives little of it before it is read."""
    host, port = app.split(":")
    stream = socket.socket()
    stream.settimeout(60)
    if narrow:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.connect((host, int(port)))
    stream.sendall(f"GET {PREDICT}/{event} HTTP/1.1\r\nHost: {app}\r\n\r\n".encode())
    return stream


def open_stream(app: str, event: str) -> socket.socket:
    """Connect to the stream of the answer, and wait for its first bytes."""
    stream = connect(app, event)
    assert stream.recv(12) == b"HTTP/1.1 200"
    return stream


def figure(app: str, name: str) -> float:
    status, told = send(app, "/metrics")
    assert status == 200
    return next(float(line.split()[1]) for line in told.decode().splitlines() if line.startswith(f"{name} "))


def test_a_client_that_never_reads_takes_no_slot(app: str) -> None:
    for _ in range(3):
        begin(app)
    written = figure(app, "lstm_characters_total")
    time.sleep(0.5)
    assert figure(app, "lstm_slots_used") == 0
    assert figure(app, "lstm_characters_total") == written
    assert b"complete" in send(app, f"{PREDICT}/{begin(app, 20)}")[1], "another is served at once"


def test_a_client_that_disconnects_leaves_its_slot_or_the_queue(app: str) -> None:
    streams = [open_stream(app, begin(app)) for _ in range(4)]
    wait(lambda: figure(app, "lstm_slots_used") == 3 and figure(app, "lstm_queue_length") == 1)
    for stream in streams:
        stream.close()
    wait(lambda: figure(app, "lstm_slots_used") == figure(app, "lstm_queue_length") == 0)


def test_a_client_that_reads_nothing_loses_its_slot_and_one_that_reads_keeps_it(app: str) -> None:
    begun = figure(app, "lstm_first_character_seconds_count")
    with closing(connect(app, begin(app), narrow=True)), closing(connect(app, begin(app), narrow=True)) as reading:
        wait(lambda: figure(app, "lstm_first_character_seconds_count") == begun + 2)

        def one_is_left() -> bool:
            assert reading.recv(100_000)
            return figure(app, "lstm_slots_used") == 1

        wait(one_is_left)
        assert reading.recv(100_000), "the other's text goes on"
    wait(lambda: figure(app, "lstm_slots_used") == 0)


def test_a_client_that_pauses_reading_gets_the_whole_text_afterwards(app: str) -> None:
    def text(answer: bytes) -> str:
        event, data = answer.decode().rstrip("\n").split("\n")[-2:]
        assert event == "event: complete"
        written: str = json.loads(data.removeprefix("data: "))[0]
        return written

    begun = figure(app, "lstm_first_character_seconds_count")
    with closing(connect(app, begin(app, 30_000, seed=5), narrow=True)) as stream:
        wait(lambda: figure(app, "lstm_first_character_seconds_count") == begun + 1)
        wait(lambda: figure(app, "lstm_slots_used") == 0)
        written = figure(app, "lstm_characters_total")
        whole = text(send(app, f"{PREDICT}/{begin(app, 30_000, seed=5)}")[1])
        assert figure(app, "lstm_characters_total") == written + 30_000, "the text that nobody reads stands still"
        answer = http.client.HTTPResponse(stream)
        answer.begin()
        assert text(answer.read()) == whole
    assert len(whole) == 30_000


def test_too_many_texts_of_one_visitor_are_refused_in_a_sentence(app: str) -> None:
    streams = [open_stream(app, begin(app)) for _ in range(5)]
    wait(lambda: figure(app, "lstm_slots_used") + figure(app, "lstm_queue_length") == 5)
    _, answer = send(app, f"{PREDICT}/{begin(app)}")
    assert b"event: error" in answer
    assert b"You have asked for 6 texts at once, and 5 are allowed" in answer
    for stream in streams:
        stream.close()
    wait(lambda: figure(app, "lstm_slots_used") == figure(app, "lstm_queue_length") == 0)


def test_a_closed_connection_counts_as_not_reading_and_has_no_unsent_bytes() -> None:
    async def closed() -> asyncio.Transport:
        ours, theirs = socket.socketpair()
        with theirs:
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
            reader = listening.Reader(transport)
            assert reader.idle() == 0
            transport.abort()
            assert reader.idle() == inf
            await asyncio.sleep(0.01)
        return transport

    transport = asyncio.run(closed())
    assert listening.unsent(transport) == 0


def test_a_call_that_bypasses_the_queue_is_refused(app: str) -> None:
    assert send(app, "/gradio_api/run/predict", {"data": ["the "]})[0] == 404


def test_health_is_always_served_and_metrics_only_if_they_are_switched_on(app: str, small_server: str) -> None:
    assert send(app, "/health") == (200, b"ok\n")
    there = urlparse(small_server).netloc
    assert send(there, "/health")[0] == 200
    assert send(there, "/metrics")[0] == 404


def test_the_data_that_gradio_keeps_for_a_session_without_a_stream_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    class Queue:
        pending_event_ids_session: dict[str, set[str]] = {"left": {"1"}, "read": {"2"}}  # noqa: RUF012
        pending_messages_per_session: dict[str, Any] = {"left": 1, "read": 2, "other": 3}  # noqa: RUF012
        event_ids_to_events: dict[str, Any] = {}  # noqa: RUF012

    class Demo:
        _queue = Queue

    monkeypatch.setattr(listening, "SWEEP", 0)
    known = listening.Listening(Demo(), Limits())  # type: ignore[arg-type]
    with known._listening("read", listening.Reader(None)):
        for _ in range(2):
            known._sweep()
        assert set(Queue.pending_event_ids_session) == set(Queue.pending_messages_per_session) == {"read"}
    for _ in range(2):
        known._sweep()
    assert not Queue.pending_event_ids_session
    assert not known._streams
