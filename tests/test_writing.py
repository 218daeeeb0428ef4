"""What a request to write becomes, without a page."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from interface.models import Models
from interface.writing import Writing, shades
from model.generation import GenerationConfig, Request
from model.loaded import Model
from model.serving.mixture import Mixture, networks
from model.serving.scheduler import Scheduler


@pytest.fixture
def desk(model: Model) -> Iterator[Writing]:
    scheduler = Scheduler()
    yield Writing(Models({"tiny": model, "other": model}), scheduler)
    scheduler.close()


def test_what_is_not_set_is_the_models_own(desk: Writing, model: Model) -> None:
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
def test_what_cannot_be_written_is_refused_in_a_sentence(desk: Writing, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(gr.Error, match=told) as refused:
        desk.settle(**{"text": "", "model": "tiny"} | wrong)
    assert refused.value.message.endswith(".")


def test_mixtures_of_the_same_two_models_are_of_one_pair_whatever_the_shares(desk: Writing) -> None:
    mixtures = [desk.settle("", "tiny", second="other", share=share)[0] for share in (0.2, None)]
    assert [mixture.weight for mixture in mixtures if isinstance(mixture, Mixture)] == [0.2, 0.5]
    assert networks(mixtures[0]) is networks(mixtures[1])


def test_a_text_to_stop_at_is_read_as_the_model_reads(desk: Writing) -> None:
    assert desk.settle("", "tiny", stop="text", until="THE END")[1].until == "the end"


@pytest.mark.parametrize("wrong", [(2, 0, 0.5), (0, 11, 0.5), (0, 0, 1.5), (0, 0, "up"), (None, 0, 0), (0, True, 0)])
def test_a_neuron_that_is_not_there_is_refused(desk: Writing, model: Model, wrong: tuple[Any, Any, Any]) -> None:
    request = Request(model, "", GenerationConfig(length=3))
    with pytest.raises(gr.Error, match="must be"):
        desk.steer(request, *wrong)


def test_each_character_of_a_mixture_has_a_shade(model: Model) -> None:
    request = Request(model, "", GenerationConfig(length=3))
    request.responsibilities = [0.0, 0.49, 1.0]
    assert shades(request) == "025"
