"""How a model reads a text that is there already: its surprise at each character, and what it expected in its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from model.checkpoint import WINDOW, Checkpoint, Context
from model.lstm import CharLSTM
from model.vocabulary import Vocabulary

CHUNK = 128  # time steps in one forward pass
BATCH = 256  # windows in one forward pass


@dataclass(frozen=True, eq=False)
class Reading:
    """A text of T characters as a model reads it, and what was done to it before ("" where nothing was)."""

    text: str
    report: str
    surprise: Tensor  # bits for each character, float32 (T,)
    expected: Tensor  # log2 of the share of each character at each place and behind the end, float32 (T + 1, V)
    vocabulary: Vocabulary

    @property
    def bits_per_character(self) -> float:
        """The mean surprise; nan where there is no text."""
        return self.surprise.double().mean().item()

    def likeliest(self, t: int, n: int = 10) -> list[tuple[str, float]]:
        """The `n` likeliest characters at place `t`, from 0 to T, with their shares, the likeliest first."""
        ids = self.expected[t].argsort(descending=True, stable=True)[:n]
        return list(zip(self.vocabulary.decode(ids), self.expected[t, ids].exp2().tolist(), strict=True))


@torch.inference_mode()
def read(checkpoint: Checkpoint, text: str) -> Reading:
    """`text`, repaired, as the model reads it in its own context; `Vocabulary.start` stands before it."""
    vocabulary = checkpoint.vocabulary
    repaired = vocabulary.repair(text)
    ids = vocabulary.encode(repaired.text)
    before = torch.cat((torch.tensor([vocabulary.start]), ids))
    parts = [logits.log_softmax(-1) / log(2) for logits in _logits(checkpoint.network, before, checkpoint.context)]
    expected = torch.cat(parts)
    surprise = expected[:-1].gather(1, ids[:, None])[:, 0].abs()
    return Reading(repaired.text, repaired.report, surprise, expected, vocabulary)


def _logits(network: CharLSTM, before: Tensor, context: Context) -> Iterator[Tensor]:
    """The logits (some, V) of what follows each of `before` (T,), in order."""
    # Up to a full window, all there is to see is all that was read.
    carried = before[:WINDOW] if context == "window" else before
    state = network.zero_state(1)
    for some in carried.split(CHUNK):
        logits, state = network(some[None], state)
        yield logits[0]
    if len(before) > len(carried):
        for some in before[1:].unfold(0, WINDOW, 1).split(BATCH):
            hidden, _ = network.read(some, network.zero_state(len(some)))
            yield network.output(hidden[:, -1])
