"""The streams of answers: a text or an analysis is computed only while its stream is open and is read."""

import asyncio
import re
import struct
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from inspect import Parameter, signature
from math import inf
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interface.visitor import refusal
from model.serving.limits import LimitError, Limits

OPENING = 3  # seconds from a request until its stream must be open
UNREAD = 0.5  # seconds in which a reader takes no bytes, after which its text is set aside
PATIENCE = 30  # seconds in which a reader takes no bytes, after which its answer ends
BEHIND = 16  # messages that wait in a stream; while there are more, no new one is made
SWEEP = 30  # seconds between two sweeps, at least; a session without a stream at both of them is dropped
CALL = re.compile(r"/call/(?:v2/)?[^/]+/(?P<event>\w+)/?$")


class Reader:
    """The reader of one stream: how many bytes were sent, and whether the client still takes them."""

    def __init__(self, transport: asyncio.Transport | None) -> None:
        """Without a `transport`, as under a server other than uvicorn, the client counts as one that reads."""
        self.transport = transport
        self.sent = self.taken = 0  # bytes; `taken` never falls
        self.since: float | None = None  # when bytes were first seen to wait with none taken

    def idle(self) -> float:
        """Seconds in which bytes waited and none were taken, as seen by the calls so far; inf if it is closed."""
        if self.transport and self.transport.is_closing():
            return inf
        waiting, now = unsent(self.transport) if self.transport else 0, time.monotonic()
        if not waiting or self.sent - waiting > self.taken:
            self.taken, self.since = max(self.taken, self.sent - waiting), None
        elif self.since is None:
            self.since = now
        return 0.0 if self.since is None else now - self.since


class Listening:
    """The sessions that have an open stream, as counted by the ASGI middleware `middleware`.

    A request has two steps in Gradio: a POST that begins the event, and a GET that reads its messages. The scheduler
    gets the request only after the GET. So a client that posts and never reads takes no slot, and a text ends when its
    stream is closed.
    """

    def __init__(self, demo: gr.Blocks, limits: Limits) -> None:
        self.demo, self.limits = demo, limits
        self._streams: defaultdict[str, list[Reader]] = defaultdict(list)  # readers of the open streams, by session
        self._opened: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._unopened: Counter[str] = Counter()  # events that wait for a stream, by visitor
        self._quiet: set[str] = set()  # sessions that had no stream at the last sweep
        self._swept = 0.0

    async def visitor(self, request: gr.Request) -> str:
        """Wait until the stream of a request is open, and return the visitor; gr.Error if it is not opened in time."""
        visitor, session = address(request.client), str(request.session_hash)
        if session not in self._streams:
            own, every = self._unopened[visitor] + 1, self._unopened.total() + 1
            with within_limits():
                self.limits.admit("texts", every, own)
            self._unopened[visitor] += 1
            try:
                await asyncio.wait_for(self._opened[session].wait(), OPENING)
            except TimeoutError:
                raise refusal("nobody reads the answer: open its stream right after asking") from None
            finally:
                self._unopened[visitor] -= 1
                self._unopened += Counter()  # drops what is 0
                if session not in self._streams:
                    self._opened.pop(session, None)
        return visitor

    def idle(self, request: gr.Request) -> float:
        """Seconds in which nothing was taken of the stream of a request, though bytes wait; inf if it is closed."""
        readers = self._streams.get(str(request.session_hash), ())
        return min([reader.idle() for reader in readers], default=inf)

    def behind(self, request: gr.Request) -> bool:
        """Whether the stream of a request has many messages still to read."""
        messages = self.demo._queue.pending_messages_per_session.get(str(request.session_hash))
        return messages is not None and messages.qsize() > BEHIND

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """`app`, whose streams are counted."""

        async def listened(scope: Scope, receive: Receive, send: Send) -> None:
            session = self._session(scope) if scope["type"] == "http" else None
            if session is None:
                return await app(scope, receive, send)

            reader = Reader(self._transport(scope))

            async def watched(message: Message) -> None:
                reader.sent += len(message.get("body", b""))
                await send(message)

            with self._listening(session, reader):
                await app(scope, receive, watched)

        return listened

    def _session(self, scope: Scope) -> str | None:
        """The session whose messages a request reads; None if it reads none."""
        self._sweep()
        if scope["path"].rstrip("/").endswith("/queue/data"):
            return next(iter(parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])), None)
        if scope["method"] == "GET" and (found := CALL.search(scope["path"])):
            event = self.demo._queue.event_ids_to_events.get(found["event"])
            return str(event.session_hash) if event else found["event"]
        return None

    def _transport(self, scope: Scope) -> asyncio.Transport | None:
        """The connection of a request; None where the server is not Gradio's own, which is uvicorn."""
        server = getattr(self.demo, "server", None)
        connections = server.server_state.connections if server else ()
        return next((each.transport for each in connections if getattr(each, "scope", None) is scope), None)

    @contextmanager
    def _listening(self, session: str, reader: Reader) -> Iterator[None]:
        self._streams[session].append(reader)
        self._opened[session].set()
        try:
            yield
        finally:
            self._streams[session].remove(reader)
            if not self._streams[session]:
                del self._streams[session]
                self._opened.pop(session, None)

    def _sweep(self) -> None:
        """Drop what Gradio 6.31.0 keeps forever for sessions without a stream (Queue.pending_... in queueing.py)."""
        if time.monotonic() < self._swept + SWEEP:
            return
        self._swept = time.monotonic()
        ids, messages = self.demo._queue.pending_event_ids_session, self.demo._queue.pending_messages_per_session
        busy = {event.session_hash for event in self.demo._queue.event_ids_to_events.values()}
        quiet = {session for session in (*ids, *messages) if session not in self._streams and session not in busy}
        for session in quiet & self._quiet:
            ids.pop(session, None)
            messages.pop(session, None)
        self._quiet = quiet


def unsent(transport: asyncio.Transport) -> int:
    """The number of sent bytes that wait in this process or in the operating system, not yet taken by the client."""
    waiting = transport.get_write_buffer_size()
    if sys.platform == "linux":
        import fcntl
        import termios

        with suppress(OSError, AttributeError, ValueError):  # it was closed
            descriptor = transport.get_extra_info("socket").fileno()
            (of_system,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))  # tcp(7): SIOCOUTQ
            waiting += of_system
    return waiting


@contextmanager
def within_limits() -> Iterator[None]:
    """Turn a LimitError into a refusal."""
    try:
        yield
    except LimitError as error:
        raise refusal(str(error)) from None


def endpoint_for(function: Callable[..., Any], answer: Callable[..., Any], returns: Any) -> Callable[..., Any]:
    """Return `answer` as an endpoint with the name, the parameters and the docstring of `function`.

    `answer` takes the request and then the arguments of `function`; `returns` is its return annotation. Gradio reads
    the name, the parameters and the help of an endpoint from its signature and docstring.
    """
    asked = Parameter("asked", Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    parameters = [asked, *signature(function).parameters.values()]
    endpoint: Any = wraps(function)(answer)
    endpoint.__signature__ = signature(function).replace(parameters=parameters, return_annotation=returns)
    endpoint.__annotations__ = {**function.__annotations__, "asked": gr.Request, "return": returns}
    return endpoint


def address(client: Any) -> str:
    """The visitor: the network address of the client; "" if there is none.

    Behind a trusted proxy, uvicorn takes this address from the header X-Forwarded-For. The environment variable
    FORWARDED_ALLOW_IPS names the trusted proxies, by default the machine itself.
    """
    return str(client[0]) if client else ""
