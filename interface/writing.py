"""The endpoints `/predict` and `/write`, which continue a text. They keep nothing of a story between requests."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import gradio as gr
from gradio.events import api

from interface.listening import PATIENCE, UNREAD, Listening, within_limits
from interface.models import Models
from interface.visitor import checked, named, place, refusal, settings, sound
from model.analysis.alignment import align
from model.analysis.stepping import write_fixed
from model.generation import GenerationConfig, Request
from model.loaded import Model
from model.options import check, option
from model.serving.mixture import AnyModel, Mixture, Pair
from model.serving.scheduler import Scheduler
from model.words import words

FRAME = 1 / 18  # seconds between two frames, at least
REPAINT = 1 / 150  # seconds of the server's time that one frame costs, with sending
SHADES = 6  # tints of a character, from the first of two models to the second


@dataclass(frozen=True)
class Share:
    """The mixture weight of the second of two models; ValueError for a value outside its range."""

    share: float = option(0.5, "0 is the first model alone, 1 the second alone", 0, 1)

    def __post_init__(self) -> None:
        check(self)


class Writing:
    """Checks requests to write, and runs those that hold a neuron fixed."""

    def __init__(self, models: Models, scheduler: Scheduler) -> None:
        self.models, self.scheduler = models, scheduler
        self._pair = lru_cache(16)(lambda name, second: Pair(models[name], models[second]))
        models.forgotten.append(lambda _: self._pair.cache_clear())

    def settle(
        self, text: Any, model: Any, second: Any = None, share: Any = None, **typed: Any
    ) -> tuple[AnyModel, GenerationConfig]:
        """Return the model or mixture that writes, and its settings; None stands for the model's own value.

        With a `second` model both write, and `share` is its mixture weight, 0.5 if None. gr.Error if a value is wrong.
        """
        sound(text, "the prompt", most=self.scheduler.limits.prompt)
        first = named(self.models, model)
        config = settings(first, typed)
        writing: AnyModel = first
        if second:
            named(self.models, second)
            if second == model:
                raise refusal("a model cannot be mixed with itself: choose another second model")
            mixture = checked(Share, share=0.5 if share is None else share)
            writing = Mixture(self._pair(model, second), float(mixture.share))
        checked(config.endings, vocabulary=writing.vocabulary)
        if second and config.adapt:
            raise refusal("a mixture of two models cannot learn from the text: choose one model, or no learning")
        both = set(words(config.avoid)) & set(words(config.favour))
        if both:
            raise refusal(f"{min(both)} is both to be avoided and to be favoured: leave it in one of the two lists")
        return writing, config

    def steer(self, request: Request, layer: Any, neuron: Any, value: Any) -> None:
        """Write the text of `request` with a neuron held at `value`.

        gr.Error if an argument is wrong, LimitError if too many analyses run or wait.
        """
        assert isinstance(request.model, Model)
        network = request.model.network
        config = network.config
        at = place(layer, config.layers, "the layer"), place(neuron, config.hidden_size, "the neuron")
        if not isinstance(value, int | float) or isinstance(value, bool) or not -1 <= value <= 1:
            raise refusal("the value of the neuron must be a number from -1 to 1")

        def failed(error: Exception) -> None:
            logging.error("a text with a neuron held fixed was broken off", exc_info=error)
            request.fail()

        self.scheduler.compute(write_fixed(request, network, {at: float(value)}), request.visitor, failed)


async def frames(
    request: Request,
    start: Callable[[Request], None],
    scheduler: Scheduler,
    listening: Listening,
    asked: gr.Request,
) -> AsyncIterator[Request]:
    """Yield the request while its text grows, at most 18 times a second, and once more when the text is complete.

    `start` submits a request. While the client takes no bytes of the answer, the text is set aside, so that its slot is
    free for others; when the client reads again, a new request continues it. The text ends when the stream is closed,
    or when the client has taken no bytes for `PATIENCE` seconds. gr.Error if the text broke off or a limit is met.
    """
    with within_limits():
        start(request)
    done = aside = False
    pause = FRAME
    try:
        while not done:
            await asyncio.sleep(pause)
            idle = listening.idle(asked)
            if idle > PATIENCE:
                raise refusal("nobody read the answer for some time, so its text has ended: ask again")
            # Only a text that has grown since `start` is set aside.
            if idle > UNREAD and not request.done and len(request.characters) > request.given:
                request.cancel()
                aside = not request.whole  # it may have come to its end just before
            elif aside and idle <= UNREAD:
                request, aside = request.again(), False
                with within_limits():
                    start(request)
            done = request.done and not aside  # read before the text, which grows until it is done
            if done or not (aside or listening.behind(asked)):
                yield request
            # The more texts there are, the fewer frames each gets; but the first characters come at once.
            begins = not (request.characters or scheduler.queue_position(request))
            pause = FRAME if begins else max(FRAME, REPAINT * scheduler.unfinished)
    finally:
        request.cancel()
    if request.failed:
        raise refusal("the text broke off, through a fault of this program: ask again")


def own_characters(prompt: str, repaired: str, begin: int, typed: list[list[int]]) -> list[bool]:
    """For each character of the repaired prompt, whether the visitor typed it.

    The text begins at `begin` of the prompt. `typed` are pairs (start, end) of places in the text, the end not
    included, one after the other; gr.Error if they are not.
    """
    mine, last = [False] * len(prompt), 0
    try:
        for start, end in typed:
            if not last <= start <= end:
                raise ValueError
            mine[begin + start : begin + end] = [True] * len(mine[begin + start : begin + end])
            last = end
    except (TypeError, ValueError):
        raise refusal(
            "typed must be a list of pairs [start, end] of places in the text: give them in order, and no place twice"
        ) from None
    places = align(prompt, repaired)
    own = [False] * len(repaired)
    for is_mine, (start, end) in zip(mine, pairwise(places), strict=True):
        own[start:end] = [is_mine] * (end - start)
    return own


def shades(request: Request) -> str:
    """A digit for each new character: from 0, more likely to the first model, to 5, more likely to the second."""
    return "".join(str(round(share * (SHADES - 1))) for share in request.responsibilities)


def writing_endpoints(models: Models, scheduler: Scheduler, listening: Listening) -> None:
    """Add `/predict` and `/write` to the page that is open."""
    desk, (first, *_) = Writing(models, scheduler), models

    async def predict(
        asked: gr.Request,
        prompt: str = "",
        model: str = first,
        length: int = 1000,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        context: str | None = None,
        seed: int | None = None,
        stop: str = "length",
        until: str = "",
        second: str | None = None,
        share: float | None = None,
    ) -> AsyncIterator[str]:
        """Continue a prompt with one model, or with two together; sends the continuation so far, without the prompt.

        None stands for the model's own setting; `share` is the mixture weight of the `second` model, 0.5 if None.
        """
        sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
        typed = {"length": length, "stop": stop, "until": until, "context": context, "seed": seed}
        writing, config = desk.settle(prompt, model, second, share, **sampling, **typed)
        visitor = await listening.visitor(asked)
        request = Request(writing, prompt, config, visitor=visitor)
        async for current in frames(request, scheduler.enqueue, scheduler, listening, asked):
            yield current.text

    async def write(
        asked: gr.Request,
        text: str = "",
        written: str = "",
        model: str = first,
        length: int = 300,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        context: str | None = None,
        seed: int | None = None,
        skip: int = 0,
        stop: str = "length",
        least: int = 0,
        until: str = "",
        avoid: str = "",
        favour: str = "",
        adapt: bool = False,
        typed: list[list[int]] | None = None,
        second: str | None = None,
        share: float | None = None,
        layer: int | None = None,
        neuron: int | None = None,
        value: float | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """Continue a story, as the page does; sends the continuation so far and its status.

        `text` is the whole story. `written` is the part of this continuation that arrived before it was cut off: with
        it and the same seed, the continuation is the same as without the cut. With `adapt` the model learns from the
        text for this request only: from all of it, or from the parts `typed`, pairs [start, end]. With `layer`,
        `neuron` (from 0) and `value` (-1 to 1) that neuron is held fixed.
        """
        sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
        ending = {"length": length, "stop": stop, "least": least, "until": until, "context": context, "seed": seed}
        ending |= {"skip": skip, "avoid": avoid, "favour": favour, "adapt": adapt}
        sound(written, "what was written")
        steered = neuron is not None
        if steered and (second or adapt):
            other = "two models write" if second else "the model learns from the text"
            raise refusal(f"a neuron cannot be held fixed while {other}: choose one of the two")
        writing, config = desk.settle(text, model, second, share, **sampling, **ending)
        prompt = writing.opening + text
        repaired = writing.vocabulary.repair(prompt)  # the page keeps the text as typed; the model reads it repaired
        own = None if typed is None or not adapt else own_characters(prompt, repaired.text, len(writing.opening), typed)
        visitor = await listening.visitor(asked)
        request = Request(writing, prompt, config, own, written, visitor)
        steer = partial(desk.steer, layer=layer, neuron=neuron, value=value)
        begun, first_at = time.monotonic(), 0.0
        async for current in frames(request, steer if steered else scheduler.enqueue, scheduler, listening, asked):
            so_far, now = current.text, time.monotonic() - begun
            new = len(so_far) - len(written)
            first_at = first_at or (now if new > 0 else 0.0)
            seconds = now - first_at if first_at else 0.0
            yield {
                "text": so_far,
                "seed": config.seed,
                "shades": shades(current),
                "read_as": repaired.report,
                "waiting": scheduler.queue_position(current),
                "unread": len(current.unread),
                "speed": round(new / seconds) if seconds else 0,
            }

    api(predict, concurrency_limit=None)
    api(write, concurrency_limit=None)
