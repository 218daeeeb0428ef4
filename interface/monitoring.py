"""Routes for monitoring programs: `/health` says whether texts are being written, `/metrics` has the figures."""

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from model.serving.scheduler import Scheduler


def monitoring(scheduler: Scheduler, metrics: bool) -> list[Route]:
    """Return the routes; `/metrics` only if it is switched on, because anyone can then read how many visitors write."""

    async def health(_: object) -> Response:
        if scheduler.healthy:
            return PlainTextResponse("ok\n")
        return PlainTextResponse("texts are asked for, and no character was read or written for half a minute\n", 503)

    async def figures(_: object) -> Response:
        return PlainTextResponse(scheduler.metrics(), media_type="text/plain; version=0.0.4")

    return [Route("/health", health), *([Route("/metrics", figures)] if metrics else [])]
