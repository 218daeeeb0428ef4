"""How well a network predicts a text: in nats, which training minimises, and bits per character, for reports."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, exp, log

import torch
import torch.nn.functional as F
from torch import Tensor

from model.lstm import WINDOW, CharLSTM, Context, State

WARM_UP = 256  # characters that each stream but the first reads before it is measured
CHUNK = 128  # time steps in one forward pass
BATCH = 512  # windows in one forward pass
UNMEASURED = -100  # in place of an id: nothing is to be predicted here


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

    @property
    def figures(self) -> dict[str, float]:
        """All of it by name, as records and programs read it."""
        names = ("nats", "bits_per_character", "perplexity", "characters")
        return {name: getattr(self, name) for name in names}


@torch.inference_mode()
def evaluate(network: CharLSTM, ids: Tensor, context: Context = "carried", streams: int | None = None) -> Evaluation:
    """The surprise at each of `ids` (N,) given those before it, without dropout.

    *Carried* predicts all but the first, reading in order. The text is cut into `streams` parts (by default one for
    each 1,024 characters, at most 64) that are read side by side; all but the first begin with the `WARM_UP` characters
    before them, unmeasured, so that the cut changes next to nothing.
    *Window* predicts all but the first `WINDOW`, each from just the `WINDOW` before it.
    """
    with _without_dropout(network):
        if context == "window":
            return _windows(network, ids)
        return _streams(network, ids, streams or max(1, min(64, len(ids) // (4 * WARM_UP))))


@torch.inference_mode()
def evaluate_each(network: CharLSTM, texts: Tensor, context: Context = "carried") -> Evaluation:
    """The surprise at `texts` (B, WINDOW + N), each read by itself, after a prompt of `WINDOW` characters."""
    with _without_dropout(network):
        if context == "window":
            parts = [_windows(network, ids) for ids in texts]
            return Evaluation(sum(part.total_nats for part in parts), sum(part.characters for part in parts))
        targets = texts[:, 1:].clone()
        targets[:, : WINDOW - 1] = UNMEASURED
        return _in_order(network, texts[:, :-1], targets, network.zero_state(len(texts)))


@contextmanager
def _without_dropout(network: CharLSTM) -> Iterator[None]:
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _streams(network: CharLSTM, ids: Tensor, streams: int) -> Evaluation:
    N = len(ids)
    length = ceil((N - 1) / streams)
    places = torch.arange(-WARM_UP, length + 1, device=ids.device)
    places = places + length * torch.arange(streams, device=ids.device)[:, None]  # (B, WARM_UP + length + 1)
    rows = ids[places.clamp(min=0, max=N - 1)]

    state = network.zero_state(streams)
    if streams > 1:
        _, (hidden, cell) = network.read(rows[:, :WARM_UP], state)
        hidden[:, 0] = cell[:, 0] = 0  # nothing comes before the first stream
        state = hidden, cell
    targets = rows.masked_fill(places >= N, UNMEASURED)  # the last stream ends early
    return _in_order(network, rows[:, WARM_UP:-1], targets[:, WARM_UP + 1 :], state)


def _in_order(network: CharLSTM, inputs: Tensor, targets: Tensor, state: State) -> Evaluation:
    """Read `inputs` (B, T) on from `state` and measure the surprise at `targets` (B, T)."""
    total = 0.0
    for x, y in zip(inputs.split(CHUNK, dim=1), targets.split(CHUNK, dim=1), strict=True):
        logits, state = network(x, state)
        total += _surprise(logits, y)
    return Evaluation(total, int((targets != UNMEASURED).sum()))


def _windows(network: CharLSTM, ids: Tensor) -> Evaluation:
    windows = ids.unfold(0, WINDOW + 1, 1)  # (B, T + 1)
    total = 0.0
    for some in windows.split(BATCH):
        hidden, _ = network.read(some[:, :-1], network.zero_state(len(some)))
        total += _surprise(network.output(hidden[:, -1]), some[:, -1])
    return Evaluation(total, len(windows))


def _surprise(logits: Tensor, targets: Tensor) -> float:
    """The summed nats at `targets` (...) under `logits` (..., V)."""
    logits, targets = logits.float().flatten(0, -2), targets.flatten()
    return F.cross_entropy(logits, targets, ignore_index=UNMEASURED, reduction="sum").item()
