"""The decoder: a network made ready for fast single steps, in one stream or in many side by side."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.lstm import CharLSTM
from model.product import EXACT, ROUTINES, ZERO, Product, any_streams, chosen
from model.quantization import LARGEST, quantize_rows

SMALL = 2**21  # bytes: float32 weights up to this size stay in a processor core's own cache
PIECE = 256  # characters of a prompt whose sums are computed at once

Floats = NDArray[np.float32]
ALL = slice(None)

STEPS = 1024  # an exact decoder computes tanh only of whole multiples of 1 / STEPS

# These are arrays because NumPy reads arrays faster than Python numbers. Between 8,192 and 16,384, neighbouring float32
# numbers are 1 / 1024 apart. So adding SHIFT and subtracting it again rounds a number to a multiple of 1 / 1024.
ONE, HALF, HALF_RANGE, OFFSET, SHIFT = (np.array(x, np.float32) for x in (1, 0.5, LARGEST / 2, ZERO + 0.5, 12288))


class Decoder:
    """A network prepared for fast steps: each step reads one character in each of B streams.

    `nn.LSTM` is made for long sequences: a call for a single step first rearranges all its weights. Here a step is one
    matrix product per layer. It reads the hidden states of the layer below and of the layer itself, which are stored
    side by side:

        hidden (B, L H)                          weights of layer 1 (4H, 2H)         sums (B, 4H)

        | layer 0 | layer 1 | layer 2 |        i | of layer 0 | of layer 1 |       | i | f | o | g |
        |         |         |         |        f |            |            |       |   |   |   |   |
        '----- for 1 -------'         |        o |            |            |
        |         '------ for 2 ------'        g |            |            |

    Layer 0 has only weights (4H, H) for its own hidden state: a table (V, 4H) holds the products of its V possible
    inputs. The new state is computed from the sums of each layer as in `nn.LSTM`:

        i, f, o = sigmoid(sums * scale + bias),   g = tanh(sums * scale + bias)
        cell = f * cell + i * g
        hidden = o * tanh(cell)

    A small network is computed in float32 and agrees with `CharLSTM` to 1e-5. A larger one is `exact`:

    1. A hidden state is stored as a whole number from -127 to 127. A weight is stored as such a number, with one scale
       for each row (see `quantize_rows`; a loaded network has exactly these weights).
    2. So every sum of their products is a whole number.
    3. No sum exceeds 2^24 (the constructor checks this), and float32 holds every whole number up to 2^24.
    4. So no sum is rounded. The sum is the same in any order of addition: in every batch, with any number of threads,
       and in integers or float32, whichever is faster (see `chosen`).
    5. All other operations treat each number separately, so the logits and states of a stream are always the same, bit
       for bit.
    6. The tanh functions of libraries differ, so tanh is computed only of whole multiples of 1 / `STEPS`. A table of
       some thousand numbers then gives the same results elsewhere: the offline page has one (see `model/offline/`).
    """

    @torch.no_grad()
    def __init__(self, network: CharLSTM, exact: bool | None = None) -> None:
        """Prepare `network`; if `exact` is None, the size of the network decides. ValueError for a wrong `DECODER`."""
        layers = [layer for layer in network.layers if isinstance(layer, nn.LSTM)]
        self.H, self.L, self.V = network.config.hidden_size, len(layers), network.vocabulary_size

        self.reads = self.L if network.config.output_reads == "sum" else 1  # layers that the output layer reads

        # torch's order of the gates is i, f, g, o. Here it is i, f, o, g: the three that are sigmoids come first.
        # sigmoid(x) = (1 + tanh(x / 2)) / 2: with their x halved, one tanh serves all four gates.
        order = torch.arange(4 * self.H).view(4, self.H)[[0, 1, 3, 2]].flatten()
        halved = torch.tensor([0.5, 0.5, 0.5, 1.0]).repeat_interleave(self.H)
        weights: list[Tensor] = []  # for each layer (4H, H or 2H)
        self.biases: list[Floats] = []  # (4H,)
        for i, layer in enumerate(layers):
            of_input, of_hidden, *biases = (each[order].cpu() for each in layer.parameters())
            bias = (biases[0] + biases[1]) * halved
            if i == 0:
                inputs = network.input(torch.arange(self.V)).cpu()  # (V, E)
                products = inputs.double() @ of_input.double().T  # rounded only once, so every routine gives the same
                self.table = (products.float() * halved + bias).numpy()  # (V, 4H)
            weights.append(torch.cat((of_input, of_hidden), dim=1) if i else of_hidden)
            self.biases.append(bias.numpy())
        self.output = network.output.weight.cpu()  # (V, H)
        self.output_bias = network.output.bias.numpy(force=True).copy()

        numbers, scales = zip(*map(quantize_rows, weights), strict=True)
        large = sum(each.nbytes for each in network.layers.parameters()) > SMALL
        bounded = all(int(each.float().abs().sum(1).max()) * LARGEST <= EXACT for each in numbers)
        self.exact = (large if exact is None else exact) and bounded
        # For each layer (4H, H or 2H): int8 whole numbers if exact, else float32. If not exact, streams store twice the
        # hidden state, which saves a multiplication in each step, and these float32 weights are halved.
        self.numbers: Sequence[Tensor] = numbers if self.exact else [each * halved[:, None] / 2 for each in weights]
        if self.exact:
            self.routine = ROUTINES[chosen()]
            self.scales: list[Floats] = [(halved * each / LARGEST).numpy() for each in scales]  # (4H,)
            self.multiply: list[Callable[[Tensor], Tensor]] = [self.routine(each) for each in self.numbers]
            self.output = _rounded(self.output / LARGEST, EXACT / (LARGEST * self.reads))
            self.table, self.biases = self.table + SHIFT, [bias + SHIFT for bias in self.biases]
        else:
            self.multiply = [any_streams(each) for each in self.numbers]
            self.output = self.output / 2
        self.multiply_output = any_streams(self.output)

    def streams(self, B: int) -> "Streams":
        """Return B streams in the zero state."""
        return Streams(self, B)

    def __call__(self, ids: NDArray[np.int64], streams: "Streams", rows: slice = ALL) -> Floats:
        """Read `ids` (B,), or one id (1,) in all `streams`; return the logits (B, V) of the next characters.

        The call changes the state of the streams. It computes logits only for the streams `rows`.
        """
        self.advance(ids, streams)
        return self.multiply_output(torch.from_numpy(self.output_input(streams)[rows])).numpy() + self.output_bias

    def output_input(self, streams: "Streams") -> Floats:
        """Return the input of the output layer (B, H), in the units of the stored hidden states."""
        read = streams.hidden.reshape(-1, self.L, self.H)[:, self.L - self.reads :].sum(1, np.float32)
        return np.subtract(read, ZERO * self.reads, out=read) if self.exact else read

    def advance(self, ids: NDArray[np.int64], streams: "Streams") -> None:
        """As `__call__`, without logits.

        NumPy computes everything except the products: its functions give the same result at any index of an array.
        """
        for i, (multiply, layer) in enumerate(zip(self.multiply, streams.layers, strict=True)):
            layer.update(multiply(layer.inputs).numpy(), self.biases[i] if i else self.table[ids])

    @cached_property
    def _halves(self) -> list[list[Product]]:
        """For each layer above the first: the products with the hidden states of the layer below, and with its own."""
        return [[self.routine(half) for half in numbers.chunk(2, dim=1)] for numbers in self.numbers[1:]]

    def prefill(self, ids: NDArray[np.int64], streams: "Streams") -> None:
        """Read all `ids` (T,) in one stream, layer by layer, with the same result as `advance` for each id.

        The product with the hidden states of the layer below is computed for many characters at once. Each layer then
        has two sums in place of one. Both are whole numbers, so the state is the same bit for bit.
        """
        if not self.exact or self.L == 1:
            for id in ids:
                self.advance(id[None], streams)
            return
        for start in range(0, len(ids), PIECE):
            piece = ids[start : start + PIECE]
            history = np.empty((len(piece), self.H), np.uint8)  # a layer's hidden state after each character
            for i, layer in enumerate(streams.layers):
                if i == 0:
                    multiply, constants = self.multiply[0], self.table[piece]
                else:
                    below, multiply = self._halves[i - 1]
                    sums_below = below(torch.from_numpy(history)).numpy()  # (T, 4H)
                own = torch.from_numpy(layer.hidden)
                for t in range(len(piece)):
                    sums = multiply(own).numpy()
                    if i == 0:
                        layer.update(sums, constants[t])
                    else:
                        layer.update(np.add(sums, sums_below[t], out=sums), self.biases[i])
                    history[t] = layer.hidden


class Streams:
    """The states of B streams, side by side."""

    responsibilities: Floats | None = None  # only a mixture has them

    def __init__(self, decoder: Decoder, B: int) -> None:
        """Set all streams to the zero state."""
        self.decoder = decoder
        # Hidden states of all layers (B, L H): whole numbers if the decoder is exact, else twice the hidden state.
        self.zero, dtype = (ZERO, np.uint8) if decoder.exact else (0, np.float32)
        self.hidden: NDArray[Any] = np.full((B, decoder.L * decoder.H), self.zero, dtype)
        self.layers = [_Layer(self, i) for i in range(decoder.L)]

    def step(self, ids: NDArray[np.int64], rows: slice = ALL) -> Floats:
        """Read `ids` (B,), or one id (1,) in all streams; return the next logits (B, V) of the streams `rows`."""
        return self.decoder(ids, self, rows)

    def prefill(self, b: int, ids: NDArray[np.int64]) -> None:
        """Read `ids` (T,) in stream `b`; an exact decoder gives the same state, bit for bit, as T steps."""
        one = Streams(self.decoder, 1)
        one.load_state(0, self.save_state(b))
        self.decoder.prefill(ids, one)
        self.load_state(b, one.save_state(0))

    @property
    def output_input(self) -> Floats:
        """The input of the output layer (B, H), float32: the hidden state of the last layer, or the sum of all."""
        return np.multiply(self.decoder.output_input(self), np.float32(1 / LARGEST if self.decoder.exact else 0.5))

    def reorder(self, keep: Sequence[int], fresh: int = 0) -> "Streams":
        """Return the streams `keep`, in this order, followed by `fresh` new streams in the zero state."""
        streams = Streams(self.decoder, len(keep) + fresh)
        streams.hidden[: len(keep)] = self.hidden[keep]
        for new, old in zip(streams.layers, self.layers, strict=True):
            new.cell[: len(keep)] = old.cell[keep]
        return streams

    def save_state(self, b: int) -> tuple[NDArray[Any], list[Floats]]:
        """A copy of the state of stream `b`."""
        return self.hidden[b].copy(), [layer.cell[b].copy() for layer in self.layers]

    def load_state(self, b: int, state: tuple[NDArray[Any], list[Floats]]) -> None:
        """Give stream `b` a state that `save_state` returned."""
        self.hidden[b] = state[0]
        for layer, cell in zip(self.layers, state[1], strict=True):
            layer.cell[b] = cell

    def restart(self, b: int) -> None:
        """Set stream `b` to the zero state."""
        self.hidden[b] = self.zero
        for layer in self.layers:
            layer.cell[b] = 0


class _Layer:
    """The state of one layer in B streams, and the arrays of a step; each view is made once, to save time."""

    def __init__(self, streams: Streams, i: int) -> None:
        decoder, B, H = streams.decoder, len(streams.hidden), streams.decoder.H
        self.exact, self.scale = decoder.exact, decoder.scales[i] if decoder.exact else None
        self.hidden = streams.hidden[:, i * H : (i + 1) * H]
        self.inputs = torch.from_numpy(streams.hidden[:, max(0, i - 1) * H : (i + 1) * H])  # layer below and this one
        all_five = np.zeros((B, 5 * H), np.float32)  # i, f, o, g, cell
        self.gates, self.sigmoids, self.o = all_five[:, : 4 * H], all_five[:, : 3 * H], all_five[:, 2 * H : 3 * H]
        self.i_and_f, self.g_and_cell = all_five[:, : 2 * H], all_five[:, 3 * H :]
        self.i_times_g, self.f_times_cell, self.cell = all_five[:, :H], all_five[:, H : 2 * H], all_five[:, 4 * H :]
        self.wide = np.zeros((B, H), np.float32) if decoder.exact else self.hidden

    def update(self, sums: Floats, constant: Floats) -> None:
        """Compute the new state from the sums of products (B, 4H) and the `constant` to add to the scaled sums."""
        gates, cell, wide = self.gates, self.cell, self.wide
        if self.scale is not None:
            np.multiply(sums, self.scale, out=gates)
            sums = gates
        np.add(sums, constant, out=gates)
        if self.exact:
            np.subtract(gates, SHIFT, out=gates)  # SHIFT is part of `constant`
        np.tanh(gates, out=gates)
        np.add(self.sigmoids, ONE, out=self.sigmoids)  # now twice the sigmoids
        np.multiply(self.i_and_f, self.g_and_cell, out=self.i_and_f)  # i * g, and f * cell
        np.add(self.i_times_g, self.f_times_cell, out=cell)
        np.multiply(cell, HALF, out=cell)
        if self.exact:
            np.add(cell, SHIFT, out=wide)
            np.subtract(wide, SHIFT, out=wide)
            np.tanh(wide, out=wide)
        else:
            np.tanh(cell, out=wide)
        np.multiply(wide, self.o, out=wide)  # twice the hidden state, from -2 to 2
        if self.exact:
            np.multiply(wide, HALF_RANGE, out=wide)
            np.add(wide, OFFSET, out=wide)
            np.copyto(self.hidden, wide, casting="unsafe")  # truncation rounds, because OFFSET contains 0.5


def _rounded(weights: Tensor, most: float) -> Tensor:
    """Return the matrix (N, K) with each row rounded to whole multiples of a power of two.

    The absolute values of a row add up to at most `most` of these multiples. So sums of products with hidden states are
    exact in float32, and a weight has more than eight bits.
    """
    steps = weights.abs().sum(1, keepdim=True) / (most - weights.size(1) / 2)  # rounding adds up to 1/2 to each
    steps = torch.exp2(steps.clamp_min(1e-30).log2().ceil())
    return (weights / steps).round() * steps
