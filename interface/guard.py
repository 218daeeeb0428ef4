"""Refuse requests before Gradio handles them: too large, too many at once, or uploads where none are allowed."""

import json
from collections import Counter
from collections.abc import Collection
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interface.listening import address
from model.serving.figures import Figures
from model.serving.limits import LimitError, Limits

UPLOADS = ("/upload", "/process_recording")  # Gradio's routes that keep a file
POLITE = 50_000_000  # bytes of a request over the limit that are read and dropped before the refusal
FORM = 100_000  # bytes that an upload may have in addition to its file


class Guard:
    """An ASGI middleware that limits the open connections, of all and of each visitor, and the bytes of each request.

    The limit counts every open connection, including those that Gradio keeps open itself, such as heartbeats. The
    paths `exempt` have no limits.
    """

    def __init__(self, app: ASGIApp, limits: Limits, figures: Figures, exempt: Collection[str] = ()) -> None:
        self.app, self.limits, self.figures, self.exempt = app, limits, figures, exempt
        self._open: Counter[str] = Counter()  # connections, by visitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self.exempt:
            return await self.app(scope, receive, send)
        visitor = address(scope["client"])
        self._open[visitor] += 1
        try:
            self.limits.admit("connections", self._open.total(), self._open[visitor])
            await self._bounded(scope, receive, send)
        except LimitError as error:
            self.figures.refusals[error.limit] += 1
            await refuse(send, HTTPStatus.TOO_MANY_REQUESTS, str(error))
        finally:
            self._open[visitor] -= 1
            if not self._open[visitor]:
                del self._open[visitor]

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request whose body is within the limit; refuse a larger one as soon as its size is known."""
        most = self.limits.body
        if scope["path"].rstrip("/").endswith(UPLOADS):
            if not self.limits.upload:
                return await refuse(send, HTTPStatus.FORBIDDEN, "this app takes no files: send the text itself")
            most = self.limits.upload + FORM
        too_large = f"a request may have {most:,} bytes: send less text"
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            self.figures.refusals["body"] += 1
            left = POLITE
            while left > 0 and (message := await receive()).get("more_body"):  # else the client may not see the answer
                left -= len(message["body"])
            return await refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large)
        read, started, ended = 0, False, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            # Only a body without a content-length header can be too large here.
            return {"type": "http.disconnect"} if read > most else message

        async def watched(message: Message) -> None:
            nonlocal started, ended
            if read <= most or started:
                started = True
                return await send(message)
            if not ended:
                ended = True
                self.figures.refusals["body"] += 1
                await refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large)

        return await self.app(scope, counted, watched)


async def refuse(send: Send, status: HTTPStatus, why: str) -> None:
    """Answer with one sentence, in the same field (`detail`) as Gradio's own errors."""
    body = json.dumps({"detail": f"{why[0].upper()}{why[1:]}."}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
