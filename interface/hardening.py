"""Malformed requests: the client gets a refusal in one sentence, and the log gets one line."""

import errno
import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interface.visitor import refusal

MISFIT = "this request does not fit the app: see “Use via API”, at the foot of the page, for what each endpoint takes"
SIGNED_IN = "/login/callback"  # where Hugging Face sends a visitor back
NEVER = 10**12
MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EROFS}
OURS = {"__main__", "app", "interface", "model", "training"}


def harden(demo: gr.Blocks) -> list[Middleware]:
    """Let `demo` refuse what does not fit its events; returns the middleware for its launch."""
    preprocess, push = demo.preprocess_data, demo._queue.push

    # Gradio 6.31.0, Blocks.preprocess_data (blocks.py): values of the wrong number or kind end in a traceback in the
    # log and in a message that names Python's types.
    async def preprocessed(event: Any, inputs: list[Any], *others: Any) -> Any:
        with fitting(event):
            json.dumps(inputs, ensure_ascii=False).encode()  # raises for a lone surrogate, which no answer can contain
            if event.fn is None:
                raise ValueError("it is an event of the browser alone")
            return await preprocess(event, inputs, *others)

    # Gradio 6.31.0, Queue.push (queueing.py): a request without a session gets a new one, but "" counts as the name of
    # a session, which is then not found.
    async def pushed(body: Any, request: Any, username: str | None) -> Any:
        body.session_hash = body.session_hash or None
        return await push(body=body, request=request, username=username)

    demo.preprocess_data = preprocessed  # type: ignore[assignment, method-assign]
    demo._queue.push = pushed  # type: ignore[method-assign]
    # Gradio 6.31.0, Queue.process_events: after each event it makes a table of the last 10,000, for its own monitoring.
    demo._queue.ANAYLTICS_CACHE_FREQUENCY = NEVER
    demo._queue.ANALYTICS_MAX_EVENTS = 1
    return [Middleware(Refusing)]


@contextmanager
def fitting(event: Any) -> Iterator[None]:
    """Turn any error that Gradio raises for a request into a refusal.

    Run only Gradio's code inside: an error of our own code would look like a malformed request.
    """
    try:
        yield
    except Exception as error:
        if of_the_machine(error):
            raise
        note(str(event.name), error)
        raise refusal(MISFIT) from None


def of_the_machine(error: Exception) -> bool:
    """Whether an error comes from the machine, such as a full disk or full memory, and not from the request."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in MACHINE)


class Refusing:
    """An ASGI middleware that answers 400 where a route of Gradio 6.31.0 (routes.py) raises for a malformed request.

    A visitor whose sign-in has failed, or who has cancelled it, gets the page again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http" or fault(error) or of_the_machine(error):
                raise
            note(scope["path"], error)
            if started:  # a stream, in which Gradio has already reported the error
                await send({"type": "http.response.body", "body": b""})
            elif scope["path"].endswith(SIGNED_IN):  # such as after “Cancel” on the page of Hugging Face
                await RedirectResponse(f"{scope.get('root_path', '')}/")(scope, receive, send)
            else:
                await JSONResponse({"detail": f"{MISFIT[0].upper()}{MISFIT[1:]}."}, 400)(scope, receive, send)


def fault(error: Exception) -> bool:
    """Whether an error comes from our own code, not from Gradio's."""
    modules = {frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)}
    return any(module.partition(".")[0] in OURS for module in modules - {__name__})


def note(where: str, error: Exception) -> None:
    print(f"A request does not fit: {where[:100]!r}: {repr(error)[:200]}", file=sys.stderr, flush=True)
