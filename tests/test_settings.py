"""The settings of writing: presets, and what a link brings back."""

import json

import pytest

from interface.desk import Desk
from interface.settings import OWN, PRESETS, SAMPLING, new_seed, parse, restored, sampling
from model.loaded import Model
from model.sampling import SamplingConfig
from model.serving.scheduler import Scheduler

LINK = {"text": "a & b?", "model": "tiny", "seed": "7", "temperature": "0.5", "top_k": "3", "until": "5", "takes": "2"}


@pytest.fixture
def desk(model: Model) -> Desk:
    return Desk({"tiny": model}, Scheduler())


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_within_the_ranges_and_says_what_it_is(name: str) -> None:
    what, values = PRESETS[name]
    assert what
    assert SamplingConfig(**values)  # type: ignore[arg-type]


def test_a_preset_changes_what_it_names_and_leaves_the_rest_to_the_model(model: Model) -> None:
    assert sampling(model) == [0.8, 9, 1.0, 0.0, "carried"]
    assert sampling(model, "the tutorial") == [0, 9, 1.0, 0.0, "carried"]
    assert len(sampling(model, "wild")) == len(SAMPLING)
    for unknown in (None, "unknown", ["wild"], 5):
        assert sampling(model, unknown) == sampling(model, OWN)


def test_the_dice_show_another_seed_each_time() -> None:
    assert len({new_seed() for _ in range(9)}) > 7
    assert new_seed().isdecimal()


def test_a_link_brings_back_what_it_holds(desk: Desk) -> None:
    found = restored(desk, json.dumps(LINK))
    assert found == LINK | {"temperature": 0.5, "top_k": 3, "takes": 2}


@pytest.mark.parametrize(
    "unsound",
    [
        None,
        5,
        "",
        "[]",
        "{}",
        "no JSON",
        "[" * 9999,
        *(
            json.dumps(LINK | change)
            for change in ({"model": "nobody"}, {"temperature": "hot"}, {"seed": "x"}, {"x": "1"})
        ),
        *(
            json.dumps({**LINK, name: value})
            for name, value in (
                ("model", "nobody"),
                ("temperature", "hot"),
                ("seed", "x"),
                ("x", "1"),
                ("takes", "9"),
                ("text", None),
                ("text", ["a"]),
                ("top_k", {}),
            )
        ),
    ],
    ids=lambda link: str(link)[-30:],
)
def test_an_unsound_link_brings_nothing(desk: Desk, unsound: object) -> None:
    assert restored(desk, unsound) == {}


def test_a_setting_in_a_link_is_a_number_where_it_can_be() -> None:
    assert [parse(value) for value in ("5", "0.5", "carried", "")] == [5, 0.5, "carried", ""]
