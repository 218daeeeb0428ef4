"""How well a network predicts a text: in nats, which training minimises, and bits per character, for reports."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, exp, log
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from model.adaptation import AdaptedOutput
from model.lstm import WINDOW, CharLSTM, Context, State

WARM_UP = 256  # characters that each stream but the first reads before it is measured
CHUNK = 128  # time steps in one forward pass
BATCH = 512  # windows in one forward pass
UNMEASURED = -100  # in place of the id of a target that is not measured
SECTION = 16, 1024  # streams, and characters of each, that are read at once before an output layer learns from them

CONTEXTS = 25, 50, 100, 200, 400, 800, 1600  # characters; the others are compared with the last one
SPREAD = 5  # a context of C characters is one of at least C and less than C + C / SPREAD
COMPARED = 4_000  # characters, about, that are predicted with each context


@dataclass(frozen=True)
class Evaluation:
    """The summed nats of a text, and the number of its characters; each mean divides these sums once."""

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
        """All figures by name, for training records and for JSON output."""
        names = ("nats", "bits_per_character", "perplexity", "characters")
        return {name: getattr(self, name) for name in names}


@torch.inference_mode()
def evaluate(network: CharLSTM, ids: Tensor, context: Context = "carried", streams: int | None = None) -> Evaluation:
    """The surprise at `ids` (N,), each predicted from those before it, without dropout.

    With carried context all but the first are predicted. The text is cut into `streams` parts (by default one for each
    1,024 characters, at most 64) that are read side by side. All parts but the first begin with the `WARM_UP`
    characters before them, which are not measured, so the cut changes the figures very little.
    With window context all but the first `WINDOW` are predicted, each from only the `WINDOW` ids before it.
    """
    with _without_dropout(network):
        if context == "window":
            return _windows(network, ids)
        streams = streams or max(1, min(64, len(ids) // (4 * WARM_UP)))
        rows, state = _side_by_side(network, ids, 0, streams, ceil((len(ids) - 1) / streams))
        return _in_order(network, rows[:, :-1].clamp(min=0), rows[:, 1:], state)


@torch.inference_mode()
def evaluate_each(network: CharLSTM, texts: Sequence[Tensor], context: Context = "carried") -> Evaluation:
    """The surprise at B `texts` of ids (WINDOW + N,), each read by itself; the first `WINDOW` ids are only a prompt.

    N may differ from text to text.
    """
    with _without_dropout(network):
        if context == "window":
            parts = [_windows(network, ids) for ids in texts]
            return Evaluation(sum(part.total_nats for part in parts), sum(part.characters for part in parts))
        rows = pad_sequence(list(texts), batch_first=True, padding_value=UNMEASURED)
        targets = rows[:, 1:].clone()
        targets[:, : WINDOW - 1] = UNMEASURED
        return _in_order(network, rows[:, :-1].clamp(min=0), targets, network.zero_state(len(rows)))


@torch.inference_mode()
def evaluate_adapting(network: CharLSTM, ids: Tensor) -> Evaluation:
    """As `evaluate`, with carried context and an output layer that learns from the text as it reads (`AdaptedOutput`).

    Each character is predicted before it is learned from.
    """
    output = AdaptedOutput(network.output)
    streams, length = SECTION
    total = 0.0
    with _without_dropout(network):
        for begin in range(0, len(ids) - 1, streams * length):
            targets = ids[begin + 1 : begin + 1 + streams * length].cpu()
            rows, state = _side_by_side(network, ids, begin, ceil(len(targets) / length), length)
            hidden, _ = network.read(rows[:, :-1].clamp(min=0), state)
            logits = output.read(hidden.flatten(0, 1)[: len(targets)].float().cpu(), targets)
            total += _surprise(logits, targets)
    return Evaluation(total, len(ids) - 1)


@torch.inference_mode()
def context_loss(network: CharLSTM, ids: Tensor) -> dict[str, Any]:
    """The extra bits for each character if a network with carried context sees only the C characters before it.

    `bits_lost` has this loss for each C of `CONTEXTS` but the last, in comparison with the last (`against`). The
    result is {} if `ids` (N,) are too few. All contexts are measured on the same characters (`characters` is their
    number), in blocks spread evenly over the text. For a context of C characters a block is cut into pieces of C /
    `SPREAD` characters. Each piece is read from a zero state, starting C characters before the piece. So each
    prediction sees at least C and less than C + C / `SPREAD` characters.
    """
    longest = CONTEXTS[-1]
    block = longest // SPREAD
    space = len(ids) - longest - block
    if space < 0:
        return {}
    blocks = min(1 + space // block, ceil(COMPARED / block))
    begins = torch.tensor([longest + space * i // max(1, blocks - 1) for i in range(blocks)])
    with _without_dropout(network):
        nats = {C: _with_context(network, ids, begins, block, C) for C in CONTEXTS}
    characters = blocks * block
    lost = {str(C): (nats[C] - nats[longest]) / characters / log(2) for C in CONTEXTS[:-1]}
    return {"characters": characters, "against": longest, "bits_lost": lost}


def _with_context(network: CharLSTM, ids: Tensor, begins: Tensor, block: int, C: int) -> float:
    """The summed nats of the `block` characters from each of `begins` (B,) on, with a context of C (`context_loss`)."""
    piece = C // SPREAD
    starts = (begins[:, None] + torch.arange(0, block, piece)).flatten()
    rows = ids[(starts[:, None] + torch.arange(-C, piece)).to(ids.device)]  # (B * block / piece, C + piece)
    targets = rows[:, 1:].clone()
    targets[:, : C - 1] = UNMEASURED
    batches = zip(rows[:, :-1].split(BATCH), targets.split(BATCH), strict=True)
    return sum(_in_order(network, x, y, network.zero_state(len(x))).total_nats for x, y in batches)


@contextmanager
def _without_dropout(network: CharLSTM) -> Iterator[None]:
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _side_by_side(network: CharLSTM, ids: Tensor, begin: int, B: int, length: int) -> tuple[Tensor, State]:
    """B consecutive parts of `ids` (N,) from `begin` on, as (B, length + 1), and the state before each part.

    The first id of a part is the last one of the part before it. Places after the end of `ids` hold `UNMEASURED`.
    The state is that after the `WARM_UP` ids before the part, or zero at the beginning of `ids`.
    """
    N = len(ids)
    starts = begin + length * torch.arange(B, device=ids.device)[:, None]  # (B, 1)
    state = network.zero_state(B)
    if begin + B > 1:
        before = starts + torch.arange(-WARM_UP, 0, device=ids.device)
        _, (hidden, cell) = network.read(ids[before.clamp(min=0, max=N - 1)], state)
        hidden[:, starts[:, 0] == 0] = cell[:, starts[:, 0] == 0] = 0  # nothing comes before the first part
        state = hidden, cell
    places = starts + torch.arange(length + 1, device=ids.device)
    return ids[places.clamp(max=N - 1)].masked_fill(places >= N, UNMEASURED), state


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
