"""Writing on from a prompt, one character at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.checkpoint import Checkpoint, Context
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
    vocabulary = checkpoint.vocabulary
    random = np.random.default_rng(config.seed)
    prompt_ids = vocabulary.encode(vocabulary.repair(prompt).text)
    if len(prompt_ids) == 0:
        prompt_ids = torch.tensor([vocabulary.start])
    reader = (_Window if config.context == "window" else _Carried)(checkpoint)
    logits = reader.read(prompt_ids)
    for written in range(1, config.length + 1):
        id = sample(logits, config, random)
        yield vocabulary.characters[id]
        if written < config.length:
            logits = reader.step(torch.tensor([id]))


class _Carried:
    """The state runs on from character to character."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.network, self.decoder = checkpoint.network, checkpoint.decoder

    def read(self, ids: Tensor) -> NDArray[np.float32]:
        """Read a prompt (T,) in one pass; return the logits (V,) of what follows."""
        hidden, self.state = self.network.read(ids[None], self.network.zero_state(B=1))
        return self.network.output(hidden[0, -1]).numpy()

    def step(self, id: Tensor) -> NDArray[np.float32]:
        """Read one more character (1,)."""
        logits, self.state = self.decoder(id, self.state)
        return logits[0].numpy()


class _Window:
    """Every prediction sees just the last `WINDOW` characters, from a zero state.

    Read anew for each prediction, that is `WINDOW` steps a character. Here all the windows that hold the next character
    are read on together, as the streams of one step; the one that is then full gives the prediction.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.decoder = checkpoint.decoder
        self.state = checkpoint.network.zero_state(B=WINDOW)
        self.position = 0

    def read(self, ids: Tensor) -> NDArray[np.float32]:
        *before, last = ids[-WINDOW:, None]
        for id in before:
            self.step(id)
        return self.step(last)

    def step(self, id: Tensor) -> NDArray[np.float32]:
        hidden, cell = self.state
        begins = self.position % WINDOW  # the stream whose window begins with this character
        hidden[:, begins] = cell[:, begins] = 0
        logits, self.state = self.decoder(id.expand(WINDOW), self.state)
        self.position += 1
        full = max(0, self.position - WINDOW) % WINDOW
        return logits[full].numpy()
