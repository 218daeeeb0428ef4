"""How a model reads a given text: its surprise at each character, and the activations of its hidden units."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from model.adaptation import AdaptedOutput
from model.loaded import Model
from model.lstm import WINDOW, CharLSTM, Context
from model.serving.work import Pieces, finish
from model.vocabulary import Repair, Vocabulary

CHUNK = 128  # time steps in one forward pass
BATCH = 32  # windows in one forward pass


@dataclass(frozen=True, eq=False)
class Reading:
    """A text of T characters, repaired, with a model's predictions; `report` says what was repaired ("" if nothing)."""

    text: str
    report: str
    surprise: Tensor  # bits for each character, float32 (T,)
    expected: Tensor  # log2 of the probability of each character at each position and after the end, float32 (T + 1, V)
    vocabulary: Vocabulary

    @property
    def bits_per_character(self) -> float:
        """The mean surprise; nan for an empty text."""
        return self.surprise.double().mean().item()

    def likeliest(self, t: int, n: int = 10) -> list[tuple[str, float]]:
        """The `n` most likely characters at position `t`, from 0 to T, with their probabilities; the highest first."""
        ids = self.expected[t].argsort(descending=True, stable=True)[:n]
        return list(zip(self.vocabulary.decode(ids), self.expected[t, ids].exp2().tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Activity:
    """The activations of the hidden units over a text of T characters, repaired; `report` as in `Reading`."""

    text: str
    report: str
    hidden: Tensor  # the hidden state after each character, from -1 to 1, float32 (T, L, H)


def read(model: Model, text: str, adapt: bool = False) -> Reading:
    """The result of `reading`, computed without a pause."""
    return finish(reading(model, text, adapt))


@torch.inference_mode()
def reading(model: Model, text: str, adapt: bool = False) -> Pieces[Reading]:
    """Compute, in pieces, the model's predictions for the repaired `text`, in the model's own context.

    `Vocabulary.start` is read before the text. With `adapt`, the output layer learns from the text as it reads, and
    each character is predicted before it is learned from. A comparison with the reading without `adapt` shows the gain.
    ValueError for `adapt` if the model has window context.
    """
    if adapt and model.context == "window":
        raise ValueError("adapt is for context carried: with context window only the last 100 characters count")
    repaired, ids, before = _prepared(model.vocabulary, text)
    network = model.network
    hidden = []
    for x in _hidden(network, before, model.context):
        hidden.append(network.output_input(x.unbind(1)))
        yield
    if adapt:
        logits = AdaptedOutput(network.output).read(torch.cat(hidden), ids)
    else:
        logits = torch.cat([network.output(x) for x in hidden])
    expected = logits.log_softmax(-1) / log(2)
    surprise = expected[:-1].gather(1, ids[:, None])[:, 0].abs()
    return Reading(repaired.text, repaired.report, surprise, expected, model.vocabulary)


def activations(model: Model, text: str) -> Activity:
    """The result of `activity`, computed without a pause."""
    return finish(activity(model, text))


@torch.inference_mode()
def activity(model: Model, text: str) -> Pieces[Activity]:
    """Compute, in pieces, the hidden state of every unit after each character of `text`, read as by `reading`.

    After Karpathy, Johnson, Fei-Fei, "Visualizing and Understanding Recurrent Networks", 2015, section 4.2.
    """
    repaired, _, before = _prepared(model.vocabulary, text)
    hidden = []
    for x in _hidden(model.network, before, model.context):
        hidden.append(x)
        yield
    return Activity(repaired.text, repaired.report, torch.cat(hidden)[1:])


def _prepared(vocabulary: Vocabulary, text: str) -> tuple[Repair, Tensor, Tensor]:
    """`text` repaired, its ids (T,), and the ids with `Vocabulary.start` before them (T + 1,)."""
    repaired = vocabulary.repair(text)
    ids = vocabulary.encode(repaired.text)
    return repaired, ids, torch.cat((torch.tensor([vocabulary.start]), ids))


def _hidden(network: CharLSTM, before: Tensor, context: Context) -> Iterator[Tensor]:
    """The hidden states after each of the ids `before` (T + 1,), in order, in parts of shape (n, L, H)."""
    # Until the first window is full, both contexts give the same states.
    carried = before[:WINDOW] if context == "window" else before
    state = network.zero_state(1)
    for some in carried.split(CHUNK):
        layers, state = network.read_layers(some[None], state)
        yield torch.stack([x[0] for x in layers], 1)
    if len(before) > len(carried):
        for some in before[1:].unfold(0, WINDOW, 1).split(BATCH):
            layers, _ = network.read_layers(some, network.zero_state(len(some)))
            yield torch.stack([x[:, -1] for x in layers], 1)
