"""Requests to write, without a page: checked settings, refusals, and answers that are not read for a while."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from typing import Any, cast

import gradio as gr
import pytest

from interface.listening import Listening
from interface.models import Models
from interface.writing import Writing, frames, own_characters, shades
from model.generation import GenerationConfig, Request
from model.loaded import Model
from model.serving.mixture import Mixture, Pair, networks
from model.serving.scheduler import Scheduler
from tests.conftest import wait


@pytest.fixture
def desk(model: Model) -> Iterator[Writing]:
    scheduler = Scheduler()
    yield Writing(Models({"tiny": model, "other": model}), scheduler)
    scheduler.close()


def test_missing_settings_are_the_models_own(desk: Writing, model: Model) -> None:
    writing, config = desk.settle("the hat", "tiny", temperature=None, length=20.0)
    assert writing is model
    assert (config.temperature, config.top_k, config.length) == (0.8, 9, 20)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"text": 3}, "must have at most"),
        ({"model": "nobody"}, "no model of that name"),
        ({"second": "nobody"}, "no model of that name"),
        ({"second": "tiny"}, "cannot be mixed with itself"),
        ({"second": "other", "share": 2}, "must be a number from 0 to 1"),
        ({"stop": "text"}, "text to stop at is empty"),
        ({"stop": "text", "until": "😀"}, "text to stop at is empty"),
        ({"avoid": "Hat", "favour": "hat"}, "both to be avoided and to be favoured"),
        ({"least": -1}, "must be a whole number"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused_in_a_sentence(desk: Writing, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(gr.Error, match=told) as refused:
        desk.settle(**{"text": "", "model": "tiny"} | wrong)
    assert refused.value.message.endswith(".")


def test_mixtures_of_the_same_two_models_share_one_pair_whatever_their_weights(desk: Writing) -> None:
    mixtures = [desk.settle("", "tiny", second="other", share=share)[0] for share in (0.2, None)]
    assert [mixture.weight for mixture in mixtures if isinstance(mixture, Mixture)] == [0.2, 0.5]
    assert networks(mixtures[0]) is networks(mixtures[1])


@pytest.mark.parametrize("wrong", [(2, 0, 0.5), (0, 11, 0.5), (0, 0, 1.5), (0, 0, "up"), (None, 0, 0), (0, True, 0)])
def test_a_neuron_that_is_not_there_is_refused(desk: Writing, model: Model, wrong: tuple[Any, Any, Any]) -> None:
    request = Request(model, "", GenerationConfig(length=3))
    with pytest.raises(gr.Error, match="must be"):
        desk.steer(request, *wrong)


def test_the_characters_that_a_visitor_typed_are_found_in_the_repaired_text() -> None:
    own = own_characters("\n\na—bcd", "\n\na--bcd", 2, [[0, 2], [3, 4], [5, 10**12]])
    assert own == [False, False, True, True, True, False, True, False]


@pytest.mark.parametrize(
    "typed",
    [
        *([wrong] for wrong in ((-3, 2), (2, 1), "ab", (1,), 5)),
        [(0, 12), (0, 12)],
        [(4, 5), (3, 4)],
        [(0, 5), (4, 6)],
        3,
    ],
    ids=str,
)
def test_places_that_are_no_passages_of_the_text_in_order_are_refused(typed: Any) -> None:
    with pytest.raises(gr.Error, match=r"Typed must be a list of pairs .* give them in order, and no place twice\."):
        own_characters("\nthe old lion", "\nthe old lion", 1, typed)


def test_a_text_with_a_neuron_held_fixed_ends_if_the_scheduler_fails(
    desk: Writing, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request(model, "", GenerationConfig(length=100_000))
    desk.steer(request, 0, 0, 0.5)
    wait(lambda: request.characters)

    def failing() -> None:
        raise MemoryError

    monkeypatch.setattr(desk.scheduler, "_count", failing)
    wait(lambda: request.done)
    assert request.failed


def test_each_character_of_a_mixture_has_a_shade(model: Model) -> None:
    request = Request(model, "", GenerationConfig(length=3))
    request.responsibilities = [0.0, 0.49, 1.0]
    assert shades(request) == "025"


# ---- a visitor who does not read for a while -------------------------------------------------------------------------


class Listener:
    """A stand-in for `Listening`: a visitor reads some frames, then misses some, in turn, until the stream closes."""

    def __init__(self, takes: int, misses: int, leaves_at: float = inf) -> None:
        self.takes, self.misses, self.leaves_at, self.frames = takes, misses, leaves_at, 0

    def idle(self, _: object) -> float:
        self.frames += 1
        if self.frames >= self.leaves_at:
            return inf
        return 0.0 if self.frames % (self.takes + self.misses) < self.takes else 1.0

    def behind(self, _: object) -> bool:
        return False


Start = Callable[[Writing, Request], None]  # lets the text of a request grow


def submit(desk: Writing, request: Request) -> None:
    desk.scheduler.enqueue(request)


def steer(desk: Writing, request: Request) -> None:
    desk.steer(request, 1, 3, 0.5)


def answered(desk: Writing, start: Start, request: Request, listener: Listener) -> list[Request]:
    """Return the request of each frame of an answer."""
    asked = cast(Listening, listener), cast(gr.Request, None)

    async def answer() -> list[Request]:
        return [current async for current in frames(request, partial(start, desk), desk.scheduler, *asked)]

    return asyncio.run(answer())


@pytest.mark.parametrize(
    ("start", "mixed", "settings"),
    [
        (submit, False, {"length": 4_000}),
        (submit, False, {"context": "window"}),
        (submit, False, {"adapt": True}),
        (submit, False, {"stop": "sentence", "least": 3_000, "length": 4_000}),
        (submit, True, {"length": 4_000}),
        (submit, True, {"context": "window"}),
        (steer, False, {}),
        (steer, False, {"context": "window"}),
    ],
)
def test_a_text_that_is_not_read_for_a_while_goes_on_exactly(
    desk: Writing, exact: Model, start: Start, mixed: bool, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interface.writing.FRAME", 0.002)
    model = Mixture(Pair(exact, exact), 0.3) if mixed else exact
    config = GenerationConfig(**{"length": 1_500, "seed": 5, **settings})
    attentive = answered(desk, start, Request(model, "the old lion ", config), Listener(1, 0))[-1]
    distracted = answered(desk, start, Request(model, "the old lion ", config), Listener(2, 3))
    assert len(set(distracted)) > 1, "it was set aside"
    assert distracted[-1].text == attentive.text
    assert shades(distracted[-1]) == shades(attentive)
    assert len(attentive.text) >= 1_500


def test_a_text_that_is_set_aside_leaves_its_slot_and_ends_with_its_stream(desk: Writing, exact: Model) -> None:
    request = Request(exact, "the ", GenerationConfig(length=100_000))
    with pytest.raises(gr.Error, match="Nobody read the answer"):
        answered(desk, submit, request, Listener(2, 10**6, leaves_at=4))
    assert desk.scheduler.unfinished == 0
