"""Writing on from a prompt, one character at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.checkpoint import Checkpoint, Context
from model.lstm import State
from model.options import option
from model.sampling import SamplingConfig, sample

LONGEST = 100_000  # characters in one continuation
WINDOW = 100  # characters that a prediction sees in window context, as in both tutorials


@dataclass(frozen=True, kw_only=True)
class GenerationConfig(SamplingConfig):
    """How a continuation is written; ValueError for values outside their range."""

    length: int = option(1000, "characters to write", 1, LONGEST)
    context: Context = option("carried", "carry the state on, or let every prediction see the last 100 characters")
    seed: int = option(0, "the same seed writes the same text", 0, 2**63 - 1)


def defaults(checkpoint: Checkpoint) -> dict[str, Any]:
    """The options of `GenerationConfig` that `checkpoint` was saved with."""
    return {**vars(checkpoint.sampling), "context": checkpoint.context}


@torch.inference_mode()
def generate(checkpoint: Checkpoint, prompt: str, config: GenerationConfig) -> Iterator[str]:
    """Yield `config.length` characters that continue `prompt`, each as soon as it is drawn.

    Any text will do as a prompt: it is repaired first, and an empty one stands for the start of a line. The random
    numbers are this call's own, so that what others draw in the same process changes nothing.
    """
    vocabulary, network = checkpoint.vocabulary, checkpoint.network
    random = np.random.default_rng(config.seed)
    ids = vocabulary.encode(vocabulary.repair(prompt).text)
    if len(ids) == 0:
        ids = torch.tensor([vocabulary.start])

    zero = network.zero_state(B=1)
    if config.context == "window":
        ids = ids[-WINDOW:]
    logits, state = _last_logits(checkpoint, ids, zero)
    for _ in range(config.length):
        id = sample(logits, config, random)
        yield vocabulary.characters[id]
        if config.context == "window":
            ids = torch.cat((ids, torch.tensor([id])))[-WINDOW:]
            logits, _ = _last_logits(checkpoint, ids, zero)
        else:
            logits, state = _last_logits(checkpoint, torch.tensor([id]), state)


def _last_logits(checkpoint: Checkpoint, ids: Tensor, state: State) -> tuple[NDArray[np.float32], State]:
    """Read `ids` (T,) on from `state`; return the logits (V,) of what follows the last of them, and the new state."""
    hidden, state = checkpoint.network.read(ids[None], state)
    return checkpoint.network.output(hidden[0, -1]).numpy(), state
