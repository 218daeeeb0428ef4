"""Refuse a run that cannot fit into the memory before it begins, and report a lack of memory in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from model import hardware
from model.lstm import CharLSTM
from training.recipes import Recipe

FLOAT = 4  # bytes
ADVICE = "give a smaller --hidden-size, --layers, --batch-size or --window"


def check(recipe: Recipe, vocabulary_size: int, device: torch.device) -> None:
    """Raise ValueError, in one sentence, if a run surely needs more memory than `device` has."""
    needed, there = least(recipe, vocabulary_size), hardware.memory(device)
    if needed > there:
        raise ValueError(
            f"to train this network takes at least {needed / 1e9:,.1f} GB of memory, "
            f"but there are only {there / 1e9:,.1f} GB: {ADVICE}"
        )


def least(recipe: Recipe, vocabulary_size: int) -> int:
    """The bytes that a run needs at least: several copies of its weights, and activations for the backward pass."""
    with torch.device("meta"):  # sizes without memory
        network = CharLSTM(recipe.network, vocabulary_size)
    H, L, B, T = recipe.network.hidden_size, recipe.network.layers, recipe.batch_size, recipe.window
    moments = 2 if recipe.optimizer == "adamw" else 1
    copies = 2 + moments + bool(recipe.ema_decay) + 1  # weights and gradients, moments, average, best
    weights = sum(parameter.numel() for parameter in network.parameters())
    activations = B * T * L * 5 * H  # four gates and the cell state
    return FLOAT * (copies * weights + activations)


@contextmanager
def explained() -> Iterator[None]:
    """Replace any error that torch raises for lack of memory by a MemoryError with a one-sentence message."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        lacking = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not lacking:
            raise
        raise MemoryError(f"there is not enough memory to train this network: {ADVICE}") from error
