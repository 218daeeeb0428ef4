"""A trained network's weights laid out for one fast step at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.lstm import CharLSTM, State


class Decoder:
    """The same function as the network it is made from, for one character in each of B streams.

    `nn.LSTM` is made for long sequences: called for a single step it rearranges all its weights first. Here a step is
    one matrix product a layer, over its input and its hidden state side by side; the first layer's product with its
    input, which takes only V values, is a table.
    """

    @torch.inference_mode()
    def __init__(self, network: CharLSTM) -> None:
        self.output = network.output
        first, *others = [layer for layer in network.layers if isinstance(layer, nn.LSTM)]
        of_input, self.of_hidden, *biases = first.parameters()  # (4H, E), (4H, H), (4H,) twice
        self.table = F.linear(
            network.input(torch.arange(network.vocabulary_size)), of_input, biases[0] + biases[1]
        )  # (V, 4H)
        self.others: list[tuple[Tensor, Tensor]] = []  # (4H, 2H) and (4H,)
        for layer in others:
            of_input, of_hidden, *biases = layer.parameters()
            self.others.append((torch.cat((of_input, of_hidden), dim=1), biases[0] + biases[1]))

    @torch.inference_mode()
    def __call__(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read `ids` (B,) int64, one for each stream; return the logits (B, V) of what follows and the new state."""
        (h, c), *deeper = zip(*state, strict=True)  # (B, H) each
        x, c = _cell(self.table[ids] + F.linear(h, self.of_hidden), c)
        hidden, cell = [x], [c]
        for (weights, bias), (h, c) in zip(self.others, deeper, strict=True):
            x, c = _cell(F.linear(torch.cat((x, h), dim=1), weights, bias), c)
            hidden.append(x)
            cell.append(c)
        return self.output(x), (torch.stack(hidden), torch.stack(cell))


def _cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The new hidden and cell state (B, H), from the four gates (B, 4H) in torch's order and the old cell state."""
    write, keep, new, show = gates.chunk(4, dim=1)
    c = keep.sigmoid() * c + write.sigmoid() * new.tanh()
    return show.sigmoid() * c.tanh(), c
