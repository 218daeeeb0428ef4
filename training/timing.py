"""The speed of a run on this machine, from timing some of its steps, and the time that the run takes."""

import dataclasses
from math import ceil
from pathlib import Path

import torch

from model.copying import Copies
from model.loaded import Model
from model.lstm import WINDOW
from training.corpus import Corpus
from training.recipes import Recipe
from training.trainer import Trainer

SECONDS = 2.0  # after which no further step is timed
FEWEST_STEPS = 3
HELD_OUT = 600  # characters that the timed run holds out, because each run must; they are not measured
MEASURING = 1 / 3  # the time to measure a character, as a share of the time to learn from one


def characters_per_second(corpus: Corpus, recipe: Recipe, base: Model | None, device: torch.device) -> float:
    """The speed of training in characters per second, from the first steps of a run that writes nothing to disk."""
    most = max(recipe.batch_size * recipe.window, 10 * recipe.window)
    part = corpus.training[:most]
    short = dataclasses.replace(corpus, text=part + corpus.text[-HELD_OUT:], split=len(part))
    recipe = dataclasses.replace(recipe, steps=1_000, evaluate_every=1_000)
    init = dataclasses.replace(base, copies=Copies(())) if base else None
    return Trainer(short, recipe, Path("timed"), device=device, init=init, overwrite=True).speed(SECONDS, FEWEST_STEPS)


def seconds(corpus: Corpus, recipe: Recipe, speed: float) -> float:
    """The seconds that a run takes at most, with its measurements, at a `speed` in characters per second."""
    a_step = recipe.batch_size * recipe.window
    windows = corpus.split - recipe.window if recipe.context == "window" else corpus.split / recipe.window
    epoch = ceil(windows / recipe.batch_size)
    steps = recipe.steps or ceil(recipe.epochs * epoch)
    measurements = 1 + steps // (recipe.evaluate_every or epoch)
    measured = len(corpus.held_out) * (WINDOW if recipe.context == "window" else 1)
    return (steps * a_step + measurements * measured * MEASURING) / speed


def in_words(seconds: float) -> str:
    """A length of time as a person would say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5_400 else f"{seconds / 3_600:.1f} hours"
