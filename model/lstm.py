"""The network: it reads the ids of characters and returns a logit for every possible next character."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from model.options import check, option

State = tuple[Tensor, Tensor]  # hidden and cell state, each (L, B, H)
Context = Literal["carried", "window"]  # the state runs on, or each prediction sees only the last WINDOW characters
WINDOW = 100  # characters, as in both tutorials


@dataclass(frozen=True)
class LSTMConfig:
    """Sizes and dropout rates of a `CharLSTM`; ValueError for values outside their range."""

    input_encoding: Literal["embedding", "scaled"] = option(
        "embedding", "embedding: a learned vector for each character; scaled: one number, id / V"
    )
    embedding_size: int = option(64, "numbers in a character's vector", 1, 4096)
    hidden_size: int = option(512, "hidden units in a layer", 1, 8192)
    layers: int = option(2, "LSTM layers", 1, 16)
    output_reads: Literal["last", "sum"] = option(
        "last", "what the output layer reads: the last layer, or the sum of all"
    )
    dropout_input: float = option(0.0, "share of the input vector dropped while training", 0, 0.95)
    dropout_hidden: float = option(0.0, "share dropped between layers", 0, 0.95)
    dropout_output: float = option(0.0, "share dropped before the output layer", 0, 0.95)
    weight_drop: float = option(0.0, "share of the recurrent weights dropped", 0, 0.95)

    def __post_init__(self) -> None:
        check(self)


# A network can start from the layers of another one if both have the same values here.
SAME_LAYERS = (
    "input_encoding",
    "embedding_size",
    "hidden_size",
    "layers",
    "output_reads",
)


class CharLSTM(nn.Module):
    """A stack of LSTM layers over characters: `(ids, state) -> (logits, state)`; it stores no state between calls.

    A long sequence gives the same logits at once and in chunks, if the state is carried from each chunk to the next.
    """

    def __init__(self, config: LSTMConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.config, self.vocabulary_size = config, vocabulary_size
        V, H = vocabulary_size, config.hidden_size
        E = config.embedding_size if config.input_encoding == "embedding" else 1
        self.embedding = nn.Embedding(V, E) if config.input_encoding == "embedding" else None
        self.layers = nn.ModuleList(nn.LSTM(E if i == 0 else H, H, batch_first=True) for i in range(config.layers))
        self.output = nn.Linear(H, V)

    def zero_state(self, B: int) -> State:
        """The state of `B` streams that have read nothing: float32 zeros of shape (L, B, H)."""
        zeros = self.output.weight.new_zeros(self.config.layers, B, self.config.hidden_size)
        return zeros, zeros

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read `ids` (B, T), int64, after `state`; return the logits (B, T, V) of the next ids, and the new state."""
        hidden, state = self.read(ids, state)
        return self.output(hidden), state

    def read(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """As `forward`, but return the input of the output layer (B, T, H) in place of the logits."""
        layers, state = self.read_layers(ids, state, self.training)
        return locked_dropout(self.output_input(layers), self.config.dropout_output, self.training), state

    def output_input(self, layers: Sequence[Tensor]) -> Tensor:
        """Return the input of the output layer, given the hidden state (..., H) of each layer: the last, or the sum.

        With the sum, each layer has a short path to the output, so a deep stack learns sooner. These are the skip
        connections of Graves, "Generating Sequences With Recurrent Neural Networks", 2013, section 2, with the same
        output weights for all layers.
        """
        return layers[-1] if self.config.output_reads == "last" else torch.stack(tuple(layers)).sum(0)

    def read_layers(self, ids: Tensor, state: State, training: bool = False) -> tuple[list[Tensor], State]:
        """As `read`, but return the hidden states (B, T, H) of every layer; dropout is applied only if `training`."""
        config = self.config
        x = self.input(ids)  # (B, T, E)
        x = locked_dropout(x, config.dropout_input, training)
        layers, hidden, cell = [], [], []
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, nn.LSTM)
            if i > 0:
                x = locked_dropout(x, config.dropout_hidden, training)
            before = (state[0][i : i + 1], state[1][i : i + 1])
            x, (h, c) = self._run(layer, x, before, training)  # (B, T, H), (1, B, H) twice
            layers.append(x)
            hidden.append(h)
            cell.append(c)
        return layers, (torch.cat(hidden), torch.cat(cell))

    def input(self, ids: Tensor) -> Tensor:
        """Return the input of the first layer for `ids` (...): their embeddings (..., E), or id / V (..., 1)."""
        if self.embedding is not None:
            return self.embedding(ids)
        return (ids / self.vocabulary_size).unsqueeze(-1)

    def _run(self, layer: nn.LSTM, x: Tensor, state: State, training: bool) -> tuple[Tensor, State]:
        """Run one layer over the whole window; while training, some of its recurrent weights are dropped.

        The dropped weights are the same at every step of the window: Merity, Keskar, Socher, "Regularizing and
        Optimizing LSTM Language Models", 2017, section 2.
        """
        if not (training and self.config.weight_drop):
            return layer(x, state)
        weights = layer.get_parameter("weight_hh_l0")
        dropped = locked_dropout(weights, self.config.weight_drop, True, locked=None)
        return functional_call(layer, {"weight_hh_l0": dropped}, (x, state))


def locked_dropout(x: Tensor, rate: float, training: bool, locked: int | None = 1) -> Tensor:
    """Set a share `rate` of `x` to zero and scale up the rest; all indices of dimension `locked` have the same mask.

    With the same mask at all time steps of a window, the network cannot read a dropped number at a later step: Gal and
    Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks", 2016.
    """
    if not training or rate == 0:
        return x
    shape = [1 if d == locked else size for d, size in enumerate(x.shape)]
    kept = torch.rand(shape, device=x.device) >= rate  # twice as fast as bernoulli_ on a CPU
    return x * kept.to(x.dtype) / (1 - rate)
