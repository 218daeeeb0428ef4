"""The LSTM as textbooks write it, one character at a time: slow, complete and easy to read. Begin here.

All other code of this package computes the same numbers faster, and the tests compare it with this file.
The equations are those of Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, with the forget gate of Gers,
Schmidhuber and Cummins, "Learning to Forget: Continual Prediction with LSTM", 2000.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from model.lstm import WINDOW, CharLSTM, State

Choose = Callable[[Tensor], int]  # from the logits (V,) to the id of the next character


def greedy(logits: Tensor) -> int:
    """Return the id of the most likely next character."""
    return int(logits.argmax())


def cell(layer: nn.Module, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Compute one time step of one layer from its input `x` (E or H,) and state `h`, `c` (H,); return the new state."""
    W_x, W_h, b_x, b_h = layer.parameters()  # (4H, E or H), (4H, H), (4H,), (4H,)
    i, f, g, o = (W_x @ x + b_x + W_h @ h + b_h).chunk(4)  # (H,) each

    i = torch.sigmoid(i)  # input gate: how much of the candidate is added
    f = torch.sigmoid(f)  # forget gate: how much of the cell state stays
    g = torch.tanh(g)  # candidate: what could be added
    o = torch.sigmoid(o)  # output gate: how much of the cell state goes into the hidden state
    c = f * c + i * g  # cell state (H,)
    h = o * torch.tanh(c)  # hidden state (H,), from -1 to 1
    return h, c


def step(network: CharLSTM, id: int, state: State) -> tuple[Tensor, State]:
    """Read the character `id` after `state`, (L, 1, H) twice; return the logits (V,) of the next, and the new state."""
    V = network.vocabulary_size
    x = network.embedding.weight[id] if network.embedding else torch.tensor([id / V])  # (E,)
    hidden, cells = [], []
    for layer, h, c in zip(network.layers, state[0][:, 0], state[1][:, 0], strict=True):
        h, c = cell(layer, x, h, c)  # (H,), (H,)
        hidden.append(h)
        cells.append(c)
        x = h  # input of the layer above
    read = torch.stack(hidden).sum(0) if network.config.output_reads == "sum" else hidden[-1]  # (H,)
    logits = network.output.weight @ read + network.output.bias  # (V,)
    return logits, (torch.stack(hidden)[:, None], torch.stack(cells)[:, None])


def read(network: CharLSTM, ids: list[int], state: State) -> tuple[Tensor, State]:
    """Read one or more `ids` after `state`; return the logits (V,) of the next character and the new state."""
    for id in ids:
        logits, state = step(network, id, state)
    return logits, state


def write_carried(network: CharLSTM, prompt: list[int], choose: Choose = greedy) -> Iterator[int]:
    """Yield ids that continue `prompt`, without end; the state is carried from character to character."""
    logits, state = read(network, prompt, network.zero_state(1))
    while True:
        id = choose(logits)
        yield id
        logits, state = step(network, id, state)


def write_window(network: CharLSTM, prompt: list[int], choose: Choose = greedy) -> Iterator[int]:
    """Yield ids that continue `prompt`, without end; each is predicted from the last `WINDOW` ids and a zero state."""
    ids = list(prompt)
    while True:
        logits, _ = read(network, ids[-WINDOW:], network.zero_state(1))
        ids.append(choose(logits))
        yield ids[-1]
