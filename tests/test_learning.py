"""The tab “How it learned”: the curve and the samples of any training record, valid or not."""

import dataclasses
from math import inf, log, nan
from pathlib import Path
from typing import Any

import pytest

from interface.learning import HELD_OUT, TRAINING, axes, curve, explain, lines, memory, sample, slider, y_range
from model.checkpoint import load
from model.loaded import Model

SHIPPED = sorted(file.parent for file in (Path(__file__).parent.parent / "assets").glob("*/config.json"))


def record(*held_out: float, seconds: float = 60) -> dict[str, Any]:
    """Return a training record with these held-out bits, measured at intervals of `seconds`."""
    curve = [
        {
            "step": 100 * i,
            "seconds": seconds * i,
            "training_nats": (bits - 0.5) * log(2) if i else None,
            "held_out_nats": bits * log(2),
        }
        for i, bits in enumerate(held_out)
    ]
    return {"curve": curve, "samples": [{"step": 100 * i, "text": f"text {i}"} for i in range(len(held_out))]}


@pytest.fixture
def learned(model: Model) -> Model:
    return dataclasses.replace(model, training=record(6, 3, 2.5, 2.25))


def test_the_curve_has_two_lines_in_bits_over_minutes(learned: Model) -> None:
    rows = curve(learned)
    assert rows[rows.text == HELD_OUT][["time", "bits"]].values.tolist() == [[0, 6], [1, 3], [2, 2.5], [3, 2.25]]
    assert rows[rows.text == TRAINING][["time", "bits"]].values.tolist() == [[1, 2.5], [2, 2], [3, 1.75]]


def test_a_run_of_less_than_a_minute_is_drawn_over_steps(model: Model) -> None:
    short = dataclasses.replace(model, training=record(6, 3, seconds=12))
    assert curve(short).time.max() == 100
    assert sample(short, 2)[1] == "After 12 seconds, step 100: 3.00 bits a character."


def test_the_untrained_network_does_not_squash_the_curve(learned: Model) -> None:
    assert y_range(learned) == pytest.approx([1.75, 3], abs=0.1)
    assert "began at 6.00" in explain(learned)


def test_a_first_measurement_near_the_others_is_drawn(model: Model) -> None:
    tuned = dataclasses.replace(model, training=record(2.4, 2.2, 2))
    assert y_range(tuned) == pytest.approx([1.5, 2.4], abs=0.1)
    assert "began" not in explain(tuned)


@pytest.mark.parametrize(
    ("bits_lost", "told"),
    [
        ({"25": 0.31, "50": 0.062, "100": 0.003, "200": 0.0}, "0.31 with 25, 0.06 with 50. More than 100 characters"),
        ({"100": -0.001, "25": 0.0}, "context): More than 25 characters bring it nothing."),
        ({"25": 0.4, "800": 0.02}, "0.40 with 25, 0.02 with 800."),
        ({"25": 0.4, "²": 0.3, "9" * 5_000: 0.2}, "0.40 with 25."),
    ],
)
def test_it_tells_how_far_back_a_model_looks(model: Model, bits_lost: dict[str, float], told: str) -> None:
    assert told in memory(dataclasses.replace(model, training={"context": {"bits_lost": bits_lost}}))


@pytest.mark.parametrize("context", [None, {}, 5, {"bits_lost": None}, {"bits_lost": {"25": "much", "x": 1}}])
def test_it_says_nothing_of_the_memory_where_the_record_does_not(model: Model, context: Any) -> None:
    assert memory(dataclasses.replace(model, training={"context": context})) == ""


def test_each_place_has_its_sample(learned: Model) -> None:
    assert sample(learned, 1) == ("text 0", "Before the first step: 6.00 bits a character.")
    assert sample(learned, 3) == ("text 2", "After 2 minutes, step 200: 2.50 bits a character.")


@pytest.mark.parametrize(
    ("place", "shown"),
    [(None, 0), ("", 0), ("3", 2), ([2], 0), ({}, 0), (-5, 0), (2.2, 1), (99, 3), (inf, 3), (nan, 0), (10**400, 0)],
)
def test_whatever_the_slider_sends_gives_a_sample(learned: Model, place: Any, shown: int) -> None:
    assert sample(learned, place)[0] == f"text {shown}"


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"curve": None, "samples": 3},
        {"curve": [1, {}, {"step": "x"}], "samples": ["a", {"text": 5, "step": 0}]},
        {"curve": [{"step": 0, "seconds": 1, "held_out_nats": nan}]},
    ],
)
def test_an_empty_record_is_reported(model: Model, training: dict[str, Any]) -> None:
    foreign = dataclasses.replace(model, training=training)
    assert curve(foreign).empty
    assert y_range(foreign) is None
    assert explain(foreign) == "Nothing is recorded of how this model learned."
    assert sample(foreign, 1) == ("", "No sample was recorded as this model learned.")


def test_a_single_measurement_is_stated_but_not_drawn(model: Model) -> None:
    once = dataclasses.replace(model, training=record(6))
    assert curve(once).empty
    assert "only once, at 6.00 bits" in explain(once)
    assert sample(once, 1)[0] == "text 0"


@pytest.mark.parametrize("directory", SHIPPED, ids=lambda directory: directory.name)
def test_every_shipped_model_shows_how_it_learned(directory: Path) -> None:
    model = load(directory)
    best = min(round(bits, 3) for bits in curve(model).query("text == @HELD_OUT").bits)
    assert best == pytest.approx(model.training["held_out"]["bits_per_character"], abs=0.002)
    text, line = sample(model, inf)
    assert text == model.training["samples"][-1]["text"]
    assert f"step {model.training['steps']:,}" in line


def test_choosing_another_model_changes_plot_and_slider(model: Model, learned: Model) -> None:
    assert lines(learned)["visible"] is True
    assert lines(learned)["value"].equals(curve(learned))
    assert axes(learned) == {"x_title": "minutes", "y_lim": y_range(learned)}
    assert slider(learned) == {"value": 1, "maximum": 4, "visible": True}
    empty = dataclasses.replace(model, training={})
    assert lines(empty) == {"visible": "hidden"}
    assert not slider(empty)["visible"]
