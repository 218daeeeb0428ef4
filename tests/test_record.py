"""The record of a run: its curve, its best step and its identity."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model.lstm import CharLSTM, LSTMConfig
from tests.conftest import E, H, V, book
from training.corpus import Corpus, read
from training.evaluation import Evaluation
from training.recipes import MODERN, Recipe
from training.record import Record

RECIPE = replace(MODERN, network=LSTMConfig(embedding_size=E, hidden_size=H))


@pytest.fixture
def corpus(write: Callable[..., Path]) -> Corpus:
    return read([write(book(2_100))])


def record(corpus: Corpus, recipe: Recipe = RECIPE, **options: Any) -> Record:
    options = {"seed": 3, "device": torch.device("cpu"), "precision": "float32", **options}
    return Record(corpus, recipe, CharLSTM(RECIPE.network, V), **options)


def test_measurements_are_noted_in_order_and_the_first_best_one_counts(corpus: Corpus) -> None:
    run = record(corpus)
    assert run.since_best == 0
    for step, nats in ((0, 3.0), (5, 2.0), (10, 2.0), (15, 2.5)):
        run.add(step, step / 7, None if step == 0 else 2.2, Evaluation(nats * 100, 100), f"sample {step}")
    assert run.best_step == 5
    assert run.since_best == 2
    content = run.content(17, 4.26, Evaluation(200.0, 100))
    assert json.loads(json.dumps(content)) == content
    assert content["steps"] == 17
    assert content["seconds"] == 4.3
    assert content["held_out"]["nats"] == 2.0
    assert [point["step"] for point in content["curve"]] == [0, 5, 10, 15]
    assert content["curve"][1] == {"step": 5, "seconds": 0.71, "training_nats": 2.2, "held_out_nats": 2.0}
    assert content["samples"][3] == {"step": 15, "text": "sample 15"}


def test_the_identity_depends_only_on_what_decides_the_weights(corpus: Corpus) -> None:
    same = [record(corpus), record(corpus), record(corpus, command="python -m training.train book.txt")]
    others = [
        record(corpus, seed=4),
        record(corpus, minutes=1.0),
        record(corpus, precision="bfloat16"),
        record(corpus, replace(RECIPE, steps=7)),
        record(replace(corpus, files=({**corpus.files[0], "sha256": "0"},))),
    ]
    assert len({run.identity for run in same}) == 1
    assert len({run.identity for run in [same[0], *others]}) == 1 + len(others)
