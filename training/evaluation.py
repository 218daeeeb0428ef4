"""How well a network predicts a text: in nats, which training minimises, and bits per character, for reports."""

from dataclasses import dataclass
from math import ceil, exp, log

import torch
import torch.nn.functional as F
from torch import Tensor

from model.checkpoint import Context
from model.generation import WINDOW
from model.lstm import CharLSTM

WARM_UP = 256  # characters that each stream but the first reads before it is measured
CHUNK = 128  # time steps in one forward pass
BATCH = 512  # windows in one forward pass


@dataclass(frozen=True)
class Evaluation:
    """Summed surprise over a text: nats and characters are summed apart and divided once."""

    total_nats: float
    characters: int

    @property
    def nats(self) -> float:
        """Mean nats for each character."""
        return self.total_nats / self.characters

    @property
    def bits_per_character(self) -> float:
        return self.nats / log(2)

    @property
    def perplexity(self) -> float:
        return exp(self.nats)


@torch.inference_mode()
def evaluate(network: CharLSTM, ids: Tensor, context: Context = "carried", streams: int | None = None) -> Evaluation:
    """The surprise at each of `ids` (N,) given those before it, without dropout.

    *Carried* predicts all but the first, reading in order. The text is cut into `streams` parts (by default one for
    each 1,024 characters, at most 64) that are read side by side; all but the first begin with the `WARM_UP` characters
    before them, unmeasured, so that the cut changes next to nothing.
    *Window* predicts all but the first `WINDOW`, each from just the `WINDOW` before it.
    """
    was_training = network.training
    network.eval()
    try:
        if context == "window":
            return _windows(network, ids)
        return _carried(network, ids, streams or max(1, min(64, len(ids) // (4 * WARM_UP))))
    finally:
        network.train(was_training)


def _carried(network: CharLSTM, ids: Tensor, streams: int) -> Evaluation:
    N = len(ids)
    length = ceil((N - 1) / streams)
    starts = torch.arange(streams, device=ids.device)[:, None] * length  # (B, 1)

    def places(t: int, width: int) -> Tensor:
        return starts + t + torch.arange(width, device=ids.device)  # (B, width)

    state = network.zero_state(streams)
    if streams > 1:
        _, (hidden, cell) = network.read(ids[places(-WARM_UP, WARM_UP).clamp(min=0)], state)
        hidden[:, 0] = cell[:, 0] = 0  # nothing comes before the first stream
        state = hidden, cell
    total, characters = 0.0, 0
    for t in range(0, length, CHUNK):
        width = min(CHUNK, length - t)
        targets = places(t + 1, width)
        logits, state = network(ids[places(t, width).clamp(max=N - 1)], state)
        nats = _surprise(logits, ids[targets.clamp(max=N - 1)])[targets < N]  # the last stream ends early
        total += nats.double().sum().item()
        characters += len(nats)
    return Evaluation(total, characters)


def _windows(network: CharLSTM, ids: Tensor) -> Evaluation:
    total, characters = 0.0, 0
    for windows in ids.unfold(0, WINDOW + 1, 1).split(BATCH):  # (B, T + 1)
        hidden, _ = network.read(windows[:, :-1], network.zero_state(len(windows)))
        nats = _surprise(network.output(hidden[:, -1]), windows[:, -1])
        total += nats.double().sum().item()
        characters += len(nats)
    return Evaluation(total, characters)


def _surprise(logits: Tensor, targets: Tensor) -> Tensor:
    """The nats at each target: logits (..., V), targets (...) to float32 (...)."""
    return F.cross_entropy(logits.float().flatten(0, -2), targets.flatten(), reduction="none").view(targets.shape)
