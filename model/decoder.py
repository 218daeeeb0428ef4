"""The decoder: a network made ready for fast single steps, in one stream or in many side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.hardware import has_bfloat16
from model.lstm import CharLSTM

SMALL = 2**21  # bytes: float32 weights up to this size stay in a processor core's own cache
EIGHT_BITS = 2**8  # whole numbers up to this are exact in bfloat16
EXACT = 2**24  # whole numbers up to this are exact in float32, and so is every sum on the way to one of them

Floats = NDArray[np.float32]


class Decoder:
    """The function of the network it is made from, for one character in each of B streams.

    `nn.LSTM` is made for long sequences: called for a single step it rearranges all its weights first. Here a step is
    one matrix product a layer, over the output of the layer below and its own hidden state; the first layer's product
    with its input, which takes only V values, is a table.

    A small network is computed in float32 and agrees with `CharLSTM` to a hundred-thousandth. A larger one is `exact`:
    its hidden states and the rows of its weights are whole multiples of some power of two, of at most eight bits and
    so few that no sum of products is ever rounded in float32. Sums that are not rounded are the same in any order, so
    a stream's logits are the same bit for bit in every batch, by any routine and any number of threads. And bfloat16
    holds such numbers as they are: where the processor has it, half as much is read from memory, and many streams cost
    little more than one. (Splitting numbers until their products are free of error: Ozaki, Ogita, Oishi, Rump,
    Numerical Algorithms 59, 2012.)
    """

    @torch.no_grad()
    def __init__(self, network: CharLSTM, exact: bool | None = None) -> None:
        """Prepare `network`; its size decides about `exact` unless that is given."""
        layers = [layer for layer in network.layers if isinstance(layer, nn.LSTM)]
        self.H, self.L, self.V = network.config.hidden_size, len(layers), network.vocabulary_size
        self.exact = sum(weights.nbytes for weights in network.layers.parameters()) > SMALL if exact is None else exact
        self.halves = self.exact and has_bfloat16(torch.device("cpu"))

        # torch's order of the gates is i, f, g, o: input, forget, candidate (cell), output. Here it is i, f, o, g: the
        # three that are sigmoids come first. sigmoid(x) = (1 + tanh(x / 2)) / 2: the x is halved here, in the weights,
        # so that one tanh serves all four gates; and so is what the hidden state will meet, which is kept without the
        # halving at the end.
        order = torch.arange(4 * self.H).view(4, self.H)[[0, 1, 3, 2]].flatten()
        halved = torch.tensor([0.5, 0.5, 0.5, 1.0]).repeat_interleave(self.H)[:, None]
        self.weights: list[Tensor] = []  # of each layer (4H, H or 2H), and of the output (V, H)
        self.biases: list[Floats] = []  # (4H, 1), and (V, 1)
        for layer in layers:
            of_input, of_hidden, *biases = (weights[order] * halved for weights in _matrices(layer))
            bias = biases[0] + biases[1]
            if self.weights:
                of_hidden = torch.cat((of_input, of_hidden), dim=1)
            else:
                inputs = network.input(torch.arange(self.V))  # (V, E)
                self.table = (inputs @ of_input.T + bias.T).numpy()  # (V, 4H)
            weights = self._quantized(of_hidden / 2, EIGHT_BITS)
            self.weights.append(weights.bfloat16() if self.halves else weights)
            self.biases.append(bias.numpy())
        # A product with the sum of all layers is bounded as one with each of them is.
        self.summed = network.config.output_reads == "sum"
        of_output = (network.output.weight / 2).repeat(1, self.L if self.summed else 1)
        self.weights.append(self._quantized(of_output)[:, : self.H].contiguous())
        self.biases.append(network.output.bias[:, None].numpy(force=True).copy())

    def _quantized(self, weights: Tensor, largest: float = torch.inf) -> Tensor:
        """The weights (N, K); where the decoder is exact, each row is quantized by a scale that is a power of two.

        The scale is the smallest with which no whole number in the row passes `largest`, and no sum of products with
        numbers up to `EIGHT_BITS` passes `EXACT`.
        """
        if not self.exact:
            return weights
        most = EXACT / EIGHT_BITS - weights.size(1) / 2  # the sum of a row's numbers; half of 1 is rounded up in each
        scale = torch.maximum(weights.abs().sum(1) / most, weights.abs().amax(1) / largest)[:, None].clamp_min(1e-30)
        scale = torch.exp2(scale.log2().ceil())
        return (weights / scale).round() * scale

    def streams(self, B: int) -> "Streams":
        """B streams that have read nothing."""
        return Streams(self, B)

    def __call__(self, ids: NDArray[np.int64], streams: "Streams") -> Floats:
        """Read `ids` (B,), or one id for all (1,), in `streams`; return the logits (B, V) of what follows.

        The state of the streams changes.
        All but the products is left to NumPy, whose functions give a number the same result wherever it stands.
        """
        for i, buffers in enumerate(streams.buffers):
            gates, cell, hidden = buffers.gates, buffers.cell, buffers.hidden
            streams.multiply(streams.weights[i], buffers.inputs, out=buffers.sums)
            if self.halves:
                np.copyto(buffers.upper_sums, buffers.sums_bits)
            np.add(buffers.wide_sums, buffers.bias if i else self.table[ids].T, out=gates)
            np.tanh(gates, out=gates)
            np.add(buffers.sigmoids, 1, out=buffers.sigmoids)  # twice the sigmoids, that is
            np.multiply(buffers.i_and_f, buffers.g_and_cell, out=buffers.i_and_f)  # i * g, and f * cell
            np.add(buffers.i_times_g, buffers.f_times_cell, out=cell)
            np.multiply(cell, 0.5, out=cell)
            np.tanh(cell, out=hidden)
            np.multiply(hidden, buffers.o, out=hidden)  # twice the hidden state, from -2 to 2
            if self.exact:
                np.add(hidden, ROUNDING, out=hidden)
                np.subtract(hidden, ROUNDING, out=hidden)
            if self.halves:
                np.copyto(streams.state[i], buffers.upper_hidden)
        if self.summed:
            np.sum([each.hidden for each in streams.buffers], axis=0, out=streams.output_input)
        streams.multiply(streams.weights[-1], streams.last, out=streams.scores)
        return (streams.scores_array + self.biases[-1]).T


# Added to a float32 and taken away again, this leaves of a number from -2 to 2 a multiple of 2 / EIGHT_BITS.
ROUNDING = np.float32(1.5 * (EXACT / 2) * (2 / EIGHT_BITS))


class Streams:
    """The states of B streams, side by side, and the buffers of a step."""

    responsibilities: Floats | None = None  # only a mixture has them

    def __init__(self, decoder: Decoder, B: int) -> None:
        """Streams that have read nothing."""
        self.decoder = decoder
        # Every layer's hidden state, doubled: float32, or the bits of bfloat16, which NumPy does not have.
        self.state = np.zeros((decoder.L, decoder.H, B), np.uint16 if decoder.halves else np.float32)
        self.buffers = [_LayerBuffers(self, i) for i in range(decoder.L)]
        self.scores_array = np.empty((decoder.V, B), np.float32)
        self.output_input = np.empty((decoder.H, B), np.float32) if decoder.summed else self.buffers[-1].hidden
        self.scores, self.last = _operand(self.scores_array), _operand(self.output_input)
        # A product with a vector is faster than one with a matrix of a single column, and in cache faster by columns.
        self.multiply = torch.mv if B == 1 else torch.mm
        by_columns = B == 1 and not decoder.exact
        self.weights = [weights.T.contiguous().T if by_columns else weights for weights in decoder.weights]

    def step(self, ids: NDArray[np.int64]) -> Floats:
        """Read `ids` (B,), or one id for all (1,), and return the logits (B, V) of what follows."""
        return self.decoder(ids, self)

    def reorder(self, keep: Sequence[int], fresh: int = 0) -> "Streams":
        """The streams `keep`, in this order, and after them `fresh` ones that have read nothing."""
        streams = Streams(self.decoder, len(keep) + fresh)
        streams.state[:, :, : len(keep)] = self.state[:, :, keep]
        for new, old in zip(streams.buffers, self.buffers, strict=True):
            new.cell[:, : len(keep)] = old.cell[:, keep]
        return streams

    def save_state(self, b: int) -> tuple[NDArray[Any], list[Floats]]:
        """A copy of the state of stream `b`."""
        return self.state[:, :, b].copy(), [buffers.cell[:, b].copy() for buffers in self.buffers]

    def load_state(self, b: int, state: tuple[NDArray[Any], list[Floats]]) -> None:
        """Give stream `b` a state that `save_state` returned."""
        self.state[:, :, b] = state[0]
        for buffers, cell in zip(self.buffers, state[1], strict=True):
            buffers.cell[:, b] = cell

    def restart(self, b: int) -> None:
        """Give stream `b` the zero state, in which nothing has been read."""
        self.state[:, :, b] = 0
        for buffers in self.buffers:
            buffers.cell[:, b] = 0


class _LayerBuffers:
    """The arrays of a step of one layer. To make a view costs as much as to compute with it: all are made once."""

    def __init__(self, streams: Streams, i: int) -> None:
        L, H, B = streams.state.shape
        halves = streams.decoder.halves
        self.inputs = _operand(streams.state.reshape(L * H, B)[max(0, i - 1) * H : (i + 1) * H])  # layer below and own
        self.bias = np.repeat(streams.decoder.biases[i], B, axis=1)
        everything = np.zeros((5 * H, B), np.float32)  # i, f, o, g, cell
        self.gates, self.sigmoids, self.cell = everything[: 4 * H], everything[: 3 * H], everything[4 * H :]
        self.i_and_f, self.o, self.g_and_cell = np.split(everything, [2 * H, 3 * H])
        self.i_times_g, self.f_times_cell = np.split(self.i_and_f, 2)
        self.hidden = np.zeros((H, B), np.float32) if halves else streams.state[i]
        self.sums_bits = np.empty((4 * H, B), np.uint16)
        self.wide_sums = np.zeros((4 * H, B), np.float32) if halves else self.gates
        self.sums = _operand(self.sums_bits if halves else self.gates)
        self.upper_sums, self.upper_hidden = _upper_halves(self.wide_sums), _upper_halves(self.hidden)


def _operand(x: NDArray[Any]) -> Tensor:
    """The same memory for a matrix product: (N, B), or (N,) of a single stream; uint16 are the bits of bfloat16."""
    tensor = torch.from_numpy(x)
    return (tensor.view(torch.bfloat16) if x.dtype == np.uint16 else tensor).squeeze(1)


def _upper_halves(x: Floats) -> NDArray[np.uint16]:
    """The bits of `x` (N, B) as bfloat16: the upper half of each float32, on little-endian processors as all are."""
    return x.view(np.uint16).reshape(*x.shape, 2)[:, :, 1]


def _matrices(layer: nn.LSTM) -> list[Tensor]:
    """A layer's weights: of its input (4H, E or H), of its hidden state (4H, H), and two biases (4H, 1)."""
    of_input, of_hidden, *biases = layer.parameters()
    return [of_input, of_hidden, *(bias[:, None] for bias in biases)]
