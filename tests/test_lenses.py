"""The endpoints of the lenses, called as functions without a browser."""

from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from interface.lenses import BEFORE, PIECE, lens_functions
from interface.models import Models
from model.analysis.inspection import read
from model.loaded import Model
from model.serving.work import finish
from tests.conftest import TALE

Ask = Callable[..., Any]


@pytest.fixture
def ask(model: Model) -> Ask:
    """A function that calls an endpoint by its name."""
    functions = {function.__name__: function for function in lens_functions(Models({"tiny": model}), 10**6)}
    return lambda name, *values, **named: finish(functions[name](*values, **named))


def test_surprise_is_given_for_each_typed_character(ask: Ask, model: Model) -> None:
    typed = "The 😀 Hat…"
    told = ask("surprise", typed)
    assert len(told["bits"]) == len(typed)
    assert told["bits"][4] == 0, "what is left out surprises nobody"
    reading = read(model, "\n" + typed)
    assert sum(told["bits"]) == pytest.approx(reading.surprise[1:].sum().item(), abs=0.1)
    assert "left out" in told["read_as"]
    assert ask("surprise", "hat", before="the old ")["bits"] != ask("surprise", "hat")["bits"]
    assert ask("surprise", "") == {"bits": [], "read_as": ""}


def test_all_letters_are_listed_and_their_shares_sum_to_one(ask: Ask, model: Model) -> None:
    letters = ask("likeliest", "the ha")
    assert len(letters) == len(model.vocabulary)
    assert sum(share for _, share in letters) == pytest.approx(1, abs=1e-3)
    assert letters == sorted(letters, key=lambda pair: -pair[1])


def test_copies_are_given_by_their_places_in_the_typed_text(ask: Ask) -> None:
    typed = "Zz😀 " + TALE[10:60].upper() + " zz"
    told = ask("copies", typed)
    [passage] = told["passages"]
    assert typed[passage["start"] : passage["end"]] == TALE[10:60].upper()
    assert passage["source"] == "tale"
    assert 0 < told["new"] < 1
    assert ask("copies", "a hat")["passages"] == []


def test_neurons_are_found_once_with_progress(ask: Ask) -> None:
    last = ask("neurons")
    assert last["progress"] == 1
    for found in last["neurons"]:
        assert -1 <= found["off"] <= 1
        assert -1 <= found["on"] <= 1
        assert abs(found["correlation"]) >= 0.2
    assert ask("neurons") == last, "the second time they are known"


def test_a_neuron_has_a_value_at_each_typed_character(ask: Ask) -> None:
    told = ask("neuron", "The 😀 hat", layer=1, neuron=10)
    assert len(told["activity"]) == 9
    assert all(-1 <= value <= 1 for value in told["activity"])


def test_each_typed_character_has_a_weight_for_a_following_letter(ask: Ask) -> None:
    told = ask("rests_on", "The old lion ate a h", "o")
    assert len(told["weights"]) == 20
    assert max(told["weights"]) == 1


def test_steps_show_the_gates_of_the_busiest_neurons(ask: Ask) -> None:
    told = ask("step_through", "hot", layer=1)
    assert [step["letter"] for step in told["steps"]] == ["\n", "h", "o", "t"]
    assert len(told["neurons"]) == len(told["steps"][0]["f"]) == 11


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("surprise", {"text": 3}),
        ("surprise", {"text": "a" * (PIECE + 1)}),
        ("surprise", {"text": "a", "before": "a" * (BEFORE + 1)}),
        ("likeliest", {"text": "a", "model": "nobody"}),
        ("likeliest", {"text": "a", "second": "nobody"}),
        ("likeliest", {"text": "a", "second": "tiny", "share": "much"}),
        ("copies", {"text": None}),
        ("neuron", {"text": "a", "layer": 2}),
        ("neuron", {"text": "a", "neuron": 1.5}),
        ("rests_on", {"text": "a", "letter": ""}),
        ("step_through", {"text": "a" * 61}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_values_are_refused(ask: Ask, name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(gr.Error, match=r"\.['\"]$"):
        ask(name, **wrong)
