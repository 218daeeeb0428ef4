"""The network one character at a time, with the values of its gates; and writing while some units are held fixed."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from model.generation import Request
from model.loaded import Model
from model.lstm import CharLSTM, State
from model.sampling import Sampler
from model.serving.work import Pieces, finish

Fixed = Mapping[tuple[int, int], float]  # layer and unit, from 0, and the value from -1 to 1 at which it is held
NONE: Fixed = MappingProxyType({})
CHUNK = 128  # characters of a prompt in one forward pass
READ = 3_000  # characters at the end of a prompt that are read before writing


@dataclass(frozen=True, eq=False)
class Step:
    """The result of reading one character: gates and new state, each (L, H), and the logits (V,) of what follows."""

    i: Tensor  # input gate, 0 to 1: how much of g enters the cell
    f: Tensor  # forget gate, 0 to 1: how much of the cell stays
    g: Tensor  # candidate, -1 to 1
    o: Tensor  # output gate, 0 to 1: how much of tanh(cell) becomes the hidden state
    cell: Tensor  # f * cell before + i * g
    hidden: Tensor  # o * tanh(cell)
    logits: Tensor


@torch.no_grad()
def step(network: CharLSTM, id: int, state: State, fixed: Fixed = NONE) -> tuple[Step, State]:
    """Read `id` from `state`, that of one stream, (L, 1, H) twice; return the `Step` and the new state.

    Without `fixed` this computes what `network` computes (Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997,
    with the forget gate of Gers et al., 2000). A unit in `fixed` has its fixed value already in this step: the layers
    above it, the output and the next step read no other value.
    """
    x = network.input(torch.tensor(id))  # (E,)
    cells, hiddens = [], []
    gates: list[tuple[Tensor, ...]] = []
    for n, layer in enumerate(network.layers):
        assert isinstance(layer, nn.LSTM)
        of_input, of_hidden, bias_i, bias_h = layer.parameters()
        sums = of_input @ x + of_hidden @ state[0][n, 0] + bias_i + bias_h  # (4H,)
        i, f, g, o = sums.chunk(4)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        cell = f * state[1][n, 0] + i * g
        hidden = o * cell.tanh()
        for (at, unit), value in fixed.items():
            if at == n:
                hidden[unit] = value
        gates.append((i, f, g, o))
        cells.append(cell)
        hiddens.append(hidden)
        x = hidden
    i, f, g, o = (torch.stack(layers) for layers in zip(*gates, strict=True))  # (L, H) each
    cell, hidden = torch.stack(cells), torch.stack(hiddens)
    logits = network.output(network.output_input(hiddens))
    return Step(i, f, g, o, cell, hidden, logits), (hidden[:, None], cell[:, None])


@torch.no_grad()
def write_fixed(request: Request, network: CharLSTM, fixed: Fixed) -> Pieces[None]:
    """Write the text of `request` with units of `network` held fixed, in pieces, until it is done or cancelled.

    The last `READ` characters of the prompt are read; the units are held from the very last one on. They are also held
    while the `written` text of the request is read, so that the text continues exactly. The context is always carried,
    even if the request asks for window context.
    (A unit held fixed steers the text: Radford, Jozefowicz, Sutskever, 2017, section 4.3.)
    """
    sampler = Sampler([request.config])
    begin = len(request.ids) - request.given
    *before, id = request.ids[max(0, begin - READ) : begin]
    written = deque(request.ids[begin:])
    state = network.zero_state(1)
    if before and not request.done:
        for some in torch.tensor([before]).split(CHUNK, dim=1):
            _, state = network.read_layers(some, state)
            yield
    while not request.done:
        taken, state = step(network, id, state, fixed)
        if written:
            id = written.popleft()
        else:
            logits = request.adjusted(taken.logits.numpy())
            id = int(sampler(logits[None], np.array([request.random.random()]))[0])
            request.add(id)
        yield


@torch.no_grad()
def stepping(model: Model, text: str) -> Pieces[list[Step]]:
    """Compute, in pieces, a `Step` for `Vocabulary.start` and one for each character of the repaired `text`."""
    vocabulary, network = model.vocabulary, model.network
    state, taken = network.zero_state(1), []
    for id in (vocabulary.start, *vocabulary.encode(vocabulary.repair(text).text).tolist()):
        one, state = step(network, id, state)
        taken.append(one)
        yield
    return taken


def steps(model: Model, text: str) -> list[Step]:
    """The result of `stepping`, computed without a pause."""
    return finish(stepping(model, text))
