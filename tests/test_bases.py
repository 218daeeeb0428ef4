"""From which model a run begins, if from any."""

import dataclasses
import math
from pathlib import Path

import pytest

from model.checkpoint import TRAINING, save
from model.loaded import Model
from model.lstm import LSTMConfig
from tests.conftest import book
from training import bases as module
from training.bases import UNKNOWN_BITS, bases, begin, bits_per_character, choose, learned_on_the_fly
from training.corpus import read
from training.recipes import CLASSIC, LIBRARY, MODERN, Recipe
from training.trainer import Trainer

TINY = Recipe(
    name="modern",
    network=LSTMConfig(embedding_size=7, hidden_size=40, layers=1),
    context="carried",
    window=32,
    batch_size=16,
    learning_rate=2e-2,
    steps=150,
    evaluate_every=150,
    patience=0,
)
CIPHER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")  # another language, the same letters
RUSSIAN = "Широка страна моя родная, много в ней лесов, полей и рек. " * 9
TEXT = book(600, seed=3)


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that knows the language of `book`."""
    directory = tmp_path_factory.mktemp("knowing")
    (directory / "pages.txt").write_text(book(20_000, seed=1), encoding="utf-8")
    list(Trainer(read([directory / "pages.txt"], form="lines"), TINY, directory / "english").run())
    return directory / "english"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that knows a language of its own."""
    directory = tmp_path_factory.mktemp("other")
    (directory / "pages.txt").write_text(book(20_000, seed=1).translate(CIPHER), encoding="utf-8")
    list(Trainer(read([directory / "pages.txt"], form="lines"), TINY, directory / "cipher").run())
    return directory / "cipher"


# ---- which model knows a text ----------------------------------------------------------------------------------------


def test_of_several_models_the_one_that_knows_the_language_is_taken(knowing: Path, other: Path) -> None:
    for text, name in ((TEXT, "english"), (TEXT.translate(CIPHER), "cipher")):
        choice = choose(text, [knowing, other])
        assert choice.base
        assert choice.base.name == name
        assert choice.reason.startswith(f"from {name}, which needs ")


@pytest.mark.parametrize(
    "text",
    [TEXT.translate(CIPHER), "Широка страна моя родная, много в ней лесов, полей и рек. " * 9],
    ids=["language", "script"],
)
def test_a_text_in_another_language_or_script_gets_no_model(knowing: Path, text: str) -> None:
    choice = choose(text, [knowing])
    assert choice.base is None
    assert choice.reason.startswith("from nothing: english, the best model at hand, needs ")


def test_where_there_is_no_model_it_begins_from_nothing() -> None:
    assert choose(TEXT, []).base is None


def test_an_unknown_character_costs_what_it_takes_to_name_it(model: Model) -> None:
    known = "the old lion ate a hot tin on the hill"
    bits = bits_per_character(model, known) * len(known)
    assert bits_per_character(model, known + "ж!") * (len(known) + 2) == pytest.approx(bits + 2 * UNKNOWN_BITS)
    assert bits_per_character(model, "ж") == math.inf


def test_what_repeats_is_learned_on_the_fly_and_what_does_not_is_not() -> None:
    assert learned_on_the_fly("ab" * 500) < 0.1
    assert learned_on_the_fly("a" * 99) < learned_on_the_fly(TEXT) < math.log2(len(set(TEXT)))
    # Two of two characters, by hand: 1/2; then, of "a" seen once, (0 + 1 * 1/2) / 2.
    assert learned_on_the_fly("ab") == pytest.approx((1 + 2) / 2)


# ---- what can be a base ----------------------------------------------------------------------------------------------


def test_a_base_is_a_model_that_has_read_a_library(model: Model, tmp_path: Path) -> None:
    for name, context, characters in (
        ("base", "carried", LIBRARY + 1),
        ("tuned", "carried", LIBRARY),
        ("classic", "window", LIBRARY + 1),
    ):
        record = {"recipe": {"context": context}, "split": {"training": characters}}
        save(dataclasses.replace(model, training=record), tmp_path / name)
    save(dataclasses.replace(model, training={}), tmp_path / "unknown")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / TRAINING).write_text("{")
    assert bases(tmp_path) == [tmp_path / "base"]
    assert bases(tmp_path / "nowhere") == []


# ---- the option ------------------------------------------------------------------------------------------------------


def test_auto_looks_for_bases_among_the_assets(knowing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASSETS", knowing.parent)
    assert begin("auto", TEXT, MODERN).base is None  # it has read too little
    monkeypatch.setattr(module, "LIBRARY", 10_000)
    chosen = begin("auto", TEXT, MODERN)
    assert chosen.base
    assert chosen.base.name == "english"
    assert begin("auto", TEXT, CLASSIC).base is None
    assert begin("auto", TEXT, MODERN, own_sizes=True).base is None


def test_a_text_as_large_as_a_library_begins_from_nothing(knowing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASSETS", knowing.parent)
    monkeypatch.setattr(module, "LIBRARY", 10_000)
    assert begin("auto", book(10_000, seed=3), MODERN).base
    assert begin("auto", book(10_001, seed=3), MODERN).base is None


def test_none_begins_from_nothing_and_a_name_from_that_model(knowing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASSETS", knowing.parent)
    assert begin("none", TEXT, MODERN).base is None
    chosen = begin(str(knowing), TEXT.translate(CIPHER), MODERN)
    assert chosen.base
    assert chosen.base.name == "english"
    with pytest.raises(ValueError, match="there is no checkpoint directory"):
        begin("nowhere", TEXT, MODERN)
