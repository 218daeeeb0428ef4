"""The choice of the base model from which a training run begins, or of none."""

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
    """A small model trained on the language of `book`."""
    directory = tmp_path_factory.mktemp("knowing")
    (directory / "pages.txt").write_text(book(20_000, seed=1), encoding="utf-8")
    list(Trainer(read([directory / "pages.txt"], form="lines"), TINY, directory / "english").run())
    return directory / "english"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model trained on another language, which is `book` in cipher."""
    directory = tmp_path_factory.mktemp("other")
    (directory / "pages.txt").write_text(book(20_000, seed=1).translate(CIPHER), encoding="utf-8")
    list(Trainer(read([directory / "pages.txt"], form="lines"), TINY, directory / "cipher").run())
    return directory / "cipher"


# ---- which model knows a text ----------------------------------------------------------------------------------------


def test_the_model_that_knows_the_language_is_chosen_among_several(knowing: Path, other: Path) -> None:
    for text, name in ((TEXT, "english"), (TEXT.translate(CIPHER), "cipher")):
        choice = choose(text, [knowing, other])
        assert choice.base
        assert choice.base.name == name
        assert choice.reason.startswith(f"from {name}, which needs ")


@pytest.mark.parametrize(
    "text",
    [TEXT.translate(CIPHER), RUSSIAN],
    ids=["language", "script"],
)
def test_a_text_in_another_language_or_script_gets_no_model(knowing: Path, text: str) -> None:
    choice = choose(text, [knowing])
    assert choice.base is None
    assert choice.reason.startswith("from nothing: english, the best model at hand, needs ")


def test_training_begins_from_nothing_if_there_is_no_model() -> None:
    assert choose(TEXT, []).base is None


def test_an_unknown_character_costs_a_fixed_number_of_bits(model: Model) -> None:
    known = "the old lion ate a hot tin on the hill"
    bits = bits_per_character(model, known) * len(known)
    assert bits_per_character(model, known + "ж!") * (len(known) + 2) == pytest.approx(bits + 2 * UNKNOWN_BITS)
    assert bits_per_character(model, "ж") == math.inf


def test_a_repetitive_text_needs_few_bits_when_learned_on_the_fly() -> None:
    assert learned_on_the_fly("ab" * 500) < 0.1
    assert learned_on_the_fly("a" * 99) < learned_on_the_fly(TEXT) < math.log2(len(set(TEXT)))
    # By hand: "a" is one of two characters, 1/2. After one "a", "b" has (0 + 1 * 1/2) / (1 + 1) = 1/4.
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
    assert begin("auto", TEXT, MODERN).base is None  # this model was trained on too little text
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


def test_init_none_begins_from_nothing_and_a_path_begins_from_that_model(
    knowing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASSETS", knowing.parent)
    assert begin("none", TEXT, MODERN).base is None
    chosen = begin(str(knowing), TEXT.translate(CIPHER), MODERN)
    assert chosen.base
    assert chosen.base.name == "english"
    with pytest.raises(ValueError, match="there is no checkpoint directory"):
        begin("nowhere", TEXT, MODERN)
