"""Visitors of a running app, for `benchmarks.reliability`: many, some who leave, and some who send wrong requests."""

import http.client
import json
import random
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from benchmarks.running import running_app
from model.generation import GenerationConfig, defaults, generate
from model.hub import load

CALL = "/gradio_api/call"
PROMPT = "the door was open and "
LENGTH = 100  # characters of each text that is read to its end
SEEDS = 64  # number of different texts in `writers`, so that each is written beside other ones
LONGEST = 100_000
SLOW = 10  # seconds after which a request counts as hung
GROWTH = 1.2  # largest growth of the memory from the second round to the last
# All visitors have the same address here, so the limits for one visitor are raised.
WIDE = {f"LIMIT_VISITOR_{name}": "100000000" for name in ("SLOTS", "TEXTS", "CHARACTERS", "CONNECTIONS")}
WIDE |= {"LIMIT_CHARACTERS": "100000000"}

# Values for a field, few of them valid.
VALUES: list[Any] = [None, True, -1, 0, 1, 10**30, 0.5, float("nan"), float("inf")]
VALUES += ["", "a", "é😀", "\ud800", "\0", "a" * 200_000, "../../../../etc/passwd", "file:///etc/passwd"]
VALUES += ["alice", "text", "sentence", "window", "carried", [], [[]], [1, [2, [3]]], {}, {"path": "/etc/passwd"}]
VALUES += [
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"__type__": "update", "value": "/etc/passwd"},
]
# Gradio's own routes, and paths that are no routes.
ROUTES = ["/gradio_api/file=/etc/passwd", "/gradio_api/file=../../etc/passwd", "/gradio_api/proxy=http://127.0.0.1:1/"]
ROUTES += ["/gradio_api/upload", "/gradio_api/component_server", "/gradio_api/cancel", "/gradio_api/reset", "/login"]
ROUTES += ["/gradio_api/heartbeat/x%00", "/gradio_api/stream/x", "/gradio_api/queue/join", "/config?x=%ff"]
ROUTES += ["/static/..%2f", "/custom_component/x/client/y/..%2f..%2fetc%2fpasswd", "/gradio_api/vibe-edit"]
ROUTES += ["/gradio_api/deep_link?session_hash=x"]


@contextmanager
def app(checkpoint: Path, **limits: Any) -> Iterator[tuple[str, Path]]:
    """Run the app with `--metrics`; yield its host and port, and the path of its log."""
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        with log.open("w") as output:
            command: list[str | Path] = ["app.py", "--metrics", "--checkpoint", checkpoint]
            try:
                with running_app(*command, output=output, **limits) as url:
                    yield urlparse(url).netloc, log
            except Exception:
                print(log.read_text(errors="replace")[-3000:], file=sys.stderr)
                raise


def send(server: str, path: str, body: Any = None, timeout: float = 300) -> tuple[int, bytes]:
    """Send a request, with `body` as JSON, or unchanged if it is bytes; return the status and the answer."""
    connection = http.client.HTTPConnection(server, timeout=timeout)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request("GET" if data is None else "POST", path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def post(server: str, length: int, seed: int) -> str:
    """Ask for a text; return the path of its stream."""
    _, answer = send(server, f"{CALL}/v2/write", {"text": PROMPT, "length": length, "seed": seed})
    return f"{CALL}/write/{json.loads(answer)['event_id']}"


def opened(server: str, path: str) -> socket.socket:
    """Open a stream and read only its first bytes; return the socket."""
    host, port = server.split(":")
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.settimeout(120)
    stream.connect((host, int(port)))
    stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n".encode())
    stream.recv(12)
    return stream


def figures(server: str) -> dict[str, float]:
    """The values of `/metrics` by name."""
    lines = send(server, "/metrics")[1].decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def busy(server: str) -> float:
    """How many texts are being written or wait."""
    told = figures(server)
    return told["lstm_slots_used"] + told["lstm_queue_length"]


def seconds_until_idle(server: str, most: float) -> float:
    """Wait until no text is written or waits, at most `most` seconds; return the seconds."""
    begun = time.monotonic()
    while busy(server) and time.monotonic() < begun + most:
        time.sleep(0.05)
    return round(time.monotonic() - begun, 1)


def tracebacks(log: Path) -> int:
    return log.read_text(errors="replace").count("Traceback")


# ---- the parts -------------------------------------------------------------------------------------------------------


def writers(checkpoint: Path, count: int, rounds: int) -> dict[str, Any]:
    """Write `count` texts at once, in rounds: each text must be the one that its seed gives alone."""
    model = load(checkpoint)
    own = {**defaults(model), "length": LENGTH}
    seeds = range(min(SEEDS, count))
    alone = ["".join(generate(model, model.opening + PROMPT, GenerationConfig(**own, seed=seed))) for seed in seeds]
    lost = mixed = 0
    memory = []
    with app(checkpoint, **WIDE) as (server, log), ThreadPoolExecutor(count) as threads:

        def write(n: int) -> str:
            with suppress(OSError, http.client.HTTPException, KeyError, ValueError):
                told = send(server, post(server, LENGTH, n % len(alone)))[1].decode()
                event, data = told.rstrip("\n").split("\n")[-2:]
                return str(json.loads(data[6:])[0]["text"]) if event == "event: complete" else ""
            return ""

        for _ in range(rounds):
            for n, text in enumerate(threads.map(write, range(count))):
                lost += not text
                mixed += bool(text) and text != alone[n % len(alone)]
            memory.append(round(figures(server)["process_resident_memory_bytes"] / 1e6))
        found = tracebacks(log)
    leaked = int(len(memory) > 2 and memory[-1] > GROWTH * memory[1])
    result = {"texts": count * rounds, "lost": lost, "mixed": mixed, "tracebacks": found, "leaked": leaked}
    return {**result, "megabytes_by_round": memory}


def vanishing(checkpoint: Path, count: int, unread: int) -> dict[str, Any]:
    """Ask and never open the stream, close it early, or keep it open and never read: all slots must get free."""
    found: dict[str, Any] = {"never_opened": count, "vanished": count, "never_read": unread}
    with app(checkpoint, **WIDE) as (server, log):
        for n in range(count):
            post(server, LONGEST, n)
        found["kept"] = int(busy(server))
        streams = [opened(server, post(server, LONGEST, n)) for n in range(count)]
        for stream in streams:
            stream.close()
        found["seconds_until_free_of_vanished"] = seconds_until_idle(server, 30)
        found["kept"] += int(busy(server))
        streams = [opened(server, post(server, LONGEST, n)) for n in range(unread)]
        text = send(server, post(server, LENGTH, 1))[1]
        found["lost"] = int(b"event: complete" not in text)  # the text of a visitor who reads, beside them
        found["seconds_until_free_of_unread"] = seconds_until_idle(server, 120)
        found["kept"] += int(busy(server))
        for stream in streams:
            stream.close()
        found["tracebacks"] = tracebacks(log)
    return found


def event_of(answer: bytes) -> str:
    """The id of the event that a request has begun, or ""."""
    with suppress(ValueError):
        told = json.loads(answer)
        return str(told.get("event_id", "")) if isinstance(told, dict) else ""
    return ""


def hostile(checkpoint: Path, count: int, seed: int) -> dict[str, Any]:
    """Send requests that no page would send: none may cause a traceback, hang, or return a file of the machine."""
    chance = random.Random(seed)
    hung = leaked = 0
    statuses: dict[int, int] = {}
    with app(checkpoint, **WIDE) as (server, log):
        info = json.loads(send(server, "/gradio_api/info")[1])["named_endpoints"]
        begin = [*(f"{CALL}/v2{name}" for name in info), *(f"{CALL}{name}" for name in info)]
        for _ in range(count):
            path = chance.choice(begin if chance.random() < 0.8 else ROUTES)
            name = "/" + path.rpartition("/")[2]
            body: Any = chance.choice(VALUES)
            if name in info and chance.random() < 0.9:
                given = info[name]["parameters"]
                body = {
                    each["parameter_name"]: chance.choice(VALUES)
                    for each in chance.sample(given, chance.randint(0, len(given)))
                }
                body |= {"length": 20} if "length" in body and chance.random() < 0.9 else {}
                if "/v2/" not in path:
                    body = {
                        "data": [chance.choice(VALUES) for _ in range(len(given) + chance.choice((0, 0, 0, 1, -1)))]
                    }
            if body is not None and chance.random() < 0.1:
                body = json.dumps(body).encode()[: chance.randint(0, 200)] + chance.randbytes(chance.randint(0, 50))
            elif path.startswith("/gradio_api/heartbeat"):
                continue  # it stays open: `vanishing` tests open streams
            ask = partial(send, server, timeout=SLOW)
            try:
                status, answer = ask(path, body)
                leaked += b"root:" in answer
                statuses[status] = statuses.get(status, 0) + 1
                if event := event_of(answer):
                    leaked += b"root:" in ask(f"{CALL}{name}/{event}")[1]
            except TimeoutError:
                hung += 1
            except (OSError, http.client.HTTPException):
                statuses[0] = statuses.get(0, 0) + 1  # the connection was closed
        lost = int(send(server, "/health")[0] != 200)
        memory = round(figures(server)["process_resident_memory_bytes"] / 1e6)
        found = tracebacks(log)
    counts = {str(status): n for status, n in sorted(statuses.items())}
    result = {"requests": count, "tracebacks": found, "hung": hung, "leaked": leaked, "lost": lost}
    return {**result, "megabytes": memory, "statuses": counts}
