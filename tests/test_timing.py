"""The time that a run takes, estimated from its speed."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from model.lstm import WINDOW
from tests.conftest import book
from training import timing
from training.corpus import Corpus, read
from training.recipes import CLASSIC, MODERN, Recipe
from training.timing import characters_per_second, in_words, seconds

NETWORK = {"hidden_size": 11, "embedding_size": 7, "layers": 1, "batch_size": 5, "window": 13}


@pytest.fixture
def corpus(write: Callable[..., Path]) -> Corpus:
    return read([write(book(4_000))], form="lines")


@pytest.mark.parametrize("recipe", [MODERN, CLASSIC], ids=["modern", "classic"])
def test_real_steps_are_timed_and_leave_nothing_behind(
    corpus: Corpus, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "SECONDS", 0.0)
    before = sorted(tmp_path.iterdir())
    small = recipe.with_options({**NETWORK, "input_encoding": "embedding", "window": recipe.window})
    assert 0 < characters_per_second(corpus, small, None, torch.device("cpu")) < math.inf
    assert sorted(tmp_path.iterdir()) == before


def test_a_run_takes_its_steps_and_its_measurements(corpus: Corpus) -> None:
    recipe = MODERN.with_options({**NETWORK, "steps": 100, "evaluate_every": 50})
    learned, measured = 100 * 5 * 13, 3 * len(corpus.held_out)
    assert seconds(corpus, recipe, 10.0) == pytest.approx((learned + measured / 3) / 10)


def test_epochs_are_counted_in_streams_or_in_windows(corpus: Corpus) -> None:
    streams = MODERN.with_options({**NETWORK, "epochs": 2, "evaluate_every": 0})
    steps = 2 * math.ceil(corpus.split / (5 * 13))
    assert seconds(corpus, streams, 1.0) == pytest.approx(steps * 65 + 3 * len(corpus.held_out) / 3)
    windows = CLASSIC.with_options({"epochs": 2, "batch_size": 7})
    steps = 2 * math.ceil((corpus.split - windows.window) / 7)
    measured = 3 * len(corpus.held_out) * WINDOW
    assert seconds(corpus, windows, 1.0) == pytest.approx(steps * 7 * windows.window + measured / 3)


def test_a_time_is_told_as_a_person_would() -> None:
    assert [in_words(each) for each in (12.3, 600, 7_200)] == ["12 seconds", "10 minutes", "2.0 hours"]
