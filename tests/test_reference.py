"""The reference: the equations of an LSTM, and both of its loops."""

from itertools import islice

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from model import reference
from model.lstm import WINDOW, CharLSTM, LSTMConfig
from tests.conftest import E, H, T, V, lively

L = 2
IDS = [3, 1, 4, 1, 5]


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def test_a_cell_computes_the_equations_gate_by_gate() -> None:
    layer = torch.nn.LSTM(E, H)
    W_x, W_h, b_x, b_h = (weights.detach().double().numpy() for weights in layer.parameters())
    x, h, c = (np.random.default_rng(i).normal(size=size) for i, size in enumerate((E, H, H)))
    i, f, g, o = (W_x[k : k + H] @ x + b_x[k : k + H] + W_h[k : k + H] @ h + b_h[k : k + H] for k in range(0, 4 * H, H))
    new_c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    new_h = sigmoid(o) * np.tanh(new_c)
    with torch.no_grad():
        got = reference.cell(layer, *(torch.tensor(part, dtype=torch.float32) for part in (x, h, c)))
    np.testing.assert_allclose(got[0], new_h, atol=1e-5)
    np.testing.assert_allclose(got[1], new_c, atol=1e-5)


@pytest.mark.parametrize("output_reads", ["last", "sum"])
def test_the_state_of_one_text_is_carried_from_part_to_part(output_reads: str) -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=L, output_reads=output_reads))  # type: ignore[arg-type]
    with torch.no_grad():
        logits, (hidden, cell) = reference.read(network, IDS, network.zero_state(1))
        _, state = reference.read(network, IDS[:2], network.zero_state(1))
        again, _ = reference.read(network, IDS[2:], state)
    assert logits.shape == (V,)
    assert hidden.shape == cell.shape == (L, 1, H)
    assert torch.equal(again, logits)


def greedily(network: CharLSTM, ids: list[int], length: int, window: int | None) -> list[int]:
    """Return a greedy continuation that reads the whole text, or its last `window` characters, for each character."""
    written = list(ids)
    with torch.no_grad():
        for _ in range(length):
            some = torch.tensor(written if window is None else written[-window:])
            written.append(int(network(some[None], network.zero_state(1))[0][0, -1].argmax()))
    return written[len(ids) :]


def test_the_carried_loop_sees_all_the_text_and_the_window_loop_the_last_hundred() -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=L), seed=3)
    with torch.no_grad():
        carried = list(islice(reference.write_carried(network, IDS), 150))
        window = list(islice(reference.write_window(network, IDS), 150))
    assert carried == greedily(network, IDS, 150, None)
    assert window == greedily(network, IDS, 150, WINDOW)
    assert len(set(window)) > 3


def test_the_loops_yield_the_ids_that_the_given_function_chooses() -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=L))
    seen: list[Tensor] = []

    def last(logits: Tensor) -> int:
        seen.append(logits)
        return V - 1

    for loop in (reference.write_carried, reference.write_window):
        assert list(islice(loop(network, IDS, last), T)) == [V - 1] * T
    assert all(logits.shape == (V,) for logits in seen)
