"""What the page shows about each model: title, sizes, beginnings and details."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from interface.models import complaint, load_models, offered
from model.about import details, held_out_bits, title, title_of
from model.checkpoint import save
from model.loaded import Model


def test_a_model_is_shown_with_its_title_and_sizes(model: Model) -> None:
    assert title(dataclasses.replace(model, name="alice")) == ("Alice in Wonderland", "in Carroll’s manner")
    assert title(dataclasses.replace(model, name="my-own_book")) == ("My own book", "")
    assert title(dataclasses.replace(model, name="The lamp at Grey Point")) == ("The lamp at Grey Point", "")
    [told] = offered({"tiny": model})
    assert (told["name"], told["layers"], told["neurons"], told["lowercase"]) == ("tiny", 2, 11, True)


@pytest.mark.parametrize(
    ("language", "first"), [("de", "Am"), ("fr", "Au"), ("en", "The"), ("fi", "The"), (None, "The")]
)
def test_beginnings_are_in_the_models_language_or_in_english(model: Model, language: str | None, first: str) -> None:
    speaking = dataclasses.replace(model, training={"corpus": {"language": language}})
    [told] = offered({"tiny": speaking})
    assert told["beginnings"][0].split()[0] == first
    assert told["language"] == (language or "")


def test_the_details_name_the_books_the_training_time_and_the_held_out_figure(model: Model) -> None:
    record = {
        "corpus": {"name": "pooh"},
        "init": {"name": "storyteller"},
        "seconds": 61,
        "parameters": 1_234_567,
        "held_out": {"bits_per_character": 1.4567},
    }
    told = details(dataclasses.replace(model, training=record))
    assert told.startswith("Trained on what Storyteller had read, then on Winnie-the-Pooh. 1.2 million weights.")
    base = dataclasses.replace(model, training={"corpus": {"name": "a and 4 more", "files": [{}] * 5}})
    tuned = dataclasses.replace(model, training=record)
    assert details(tuned, {"storyteller": base}).startswith("Trained on 5 books, then on Winnie-the-Pooh.")
    later = dataclasses.replace(base, name="storyteller", training=base.training | {"init": {"name": "storyteller"}})
    assert details(later, {"storyteller": base}).startswith("Trained on 5 books.")
    assert "1 minute of training. On pages it never saw it needs 1.46 bits per character" in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("alice", "Alice in Wonderland"),
        ("my_book", "my book"),
        ("a + b_c", "a + b c"),
        ("coral_island and 170 more", "171 books"),
        (f"a and {9 * '1'}{5_000 * '0'} more", f"a and {9 * '1'}{5_000 * '0'} more"),
    ],
)
def test_a_corpus_name_becomes_a_readable_title(name: str, told: str) -> None:
    assert title_of(name) == told


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"held_out": [1]},
        {"seconds": "5"},
        {"seconds": 10**400, "parameters": -1},
        {"corpus": 3, "init": []},
        {"held_out": {"bits_per_character": None}},
        {"held_out": {"bits_per_character": 10**400}},
    ],
)
def test_a_wrong_value_in_a_record_leaves_out_only_its_own_sentence(model: Model, record: dict[str, Any]) -> None:
    odd = dataclasses.replace(model, training=record)
    assert details(odd) == "2 LSTM layers of 11 neurons."
    assert held_out_bits(odd) == float("inf")


def test_the_log_says_why_a_model_cannot_be_used_and_the_page_names_no_place(model: Model, tmp_path: Path) -> None:
    places = [tmp_path / "one" / "tiny", tmp_path / "other" / "tiny", tmp_path / "nothing"]
    for place in places[:2]:
        save(model, place)
    models, unavailable = load_models(places)
    assert list(models) == ["tiny"]
    absent, twice = unavailable.values()
    assert absent.startswith(f"there is no checkpoint directory {places[2]}")
    assert twice == "two models have the name tiny: rename the directory of one of them"
    assert complaint(unavailable) == "Unavailable: nothing, tiny. The log of the server says why."
    assert complaint({}) == ""
