"""Routes for monitoring programs: `/health` says whether texts are being written, `/metrics` has the figures."""

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from model.serving.scheduler import Scheduler

HEALTH, METRICS = "/health", "/metrics"


def monitoring(scheduler: Scheduler, metrics: bool) -> list[Route]:
    """Return the routes; `/metrics` only if it is switched on, because anyone can then read how many visitors write."""

    async def health(_: object) -> Response:
        if scheduler.healthy:
            return PlainTextResponse("ok\n")
        return PlainTextResponse("texts are asked for, and no character has been written for half a minute\n", 503)

    async def figures(_: object) -> Response:
        return PlainTextResponse(scheduler.metrics(), media_type="text/plain; version=0.0.4")

    return [Route(HEALTH, health), *([Route(METRICS, figures)] if metrics else [])]
