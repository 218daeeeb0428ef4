"""Eight-bit weights: near the given ones, exact in float32, and the same when they are quantized again."""

import pytest
import torch

from model.lstm import LSTMConfig
from model.quantization import LARGEST, dequantize, dequantize_rows, quantize, quantize_rows
from tests.conftest import E, H, lively

SHAPES = [(1, 1), (5, 7), (13, 11), (3, 1000)]


def some_weights(N: int, K: int, seed: int = 0) -> torch.Tensor:
    """Rows of very different sizes, each with a few large numbers."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(N, K, generator=generator) ** 3
    return weights * torch.exp(4 * torch.randn(N, 1, generator=generator))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_weight_moves_by_more_than_half_a_step_and_the_largest_of_a_row_is_127(shape: tuple[int, int]) -> None:
    weights = some_weights(*shape)
    numbers, scales = quantize_rows(weights)
    assert (numbers.dtype, scales.dtype) == (torch.int8, torch.float32)
    assert numbers.abs().amax(1).tolist() == [LARGEST] * len(weights)
    off = (dequantize_rows(numbers, scales) - weights).abs()
    assert (off <= 0.5001 * scales[:, None]).all()
    assert (scales <= 1.0001 * weights.abs().amax(1) / LARGEST).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dequantized_weights_are_exact_and_quantize_to_the_same_numbers_again(shape: tuple[int, int]) -> None:
    for seed in range(20):
        numbers, scales = quantize_rows(some_weights(*shape, seed))
        weights = dequantize_rows(numbers, scales)
        assert torch.equal(weights.double(), numbers.double() * scales.double()[:, None])
        again = quantize_rows(weights)
        assert torch.equal(again[0], numbers)
        assert torch.equal(again[1], scales)


@pytest.mark.parametrize("value", [0.0, 1e-45, -1e-38, 3e38])
def test_rows_of_extreme_numbers_stay_finite(value: float) -> None:
    numbers, scales = quantize_rows(torch.tensor([[value, value / 2, 0.0]]))
    weights = dequantize_rows(numbers, scales)
    assert torch.isfinite(weights).all()
    torch.testing.assert_close(weights[0, 0], torch.tensor(value), rtol=0.01, atol=1e-30)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_do_not_become_finite(value: float) -> None:
    weights = dequantize_rows(*quantize_rows(torch.tensor([[value, 1.0], [1.0, 2.0]])))
    assert not torch.isfinite(weights[0]).all()
    assert torch.isfinite(weights[1]).all()


@pytest.mark.parametrize("layers", [1, 3])
def test_only_the_matrices_of_layers_are_quantized_and_those_above_the_first_share_scales(layers: int) -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=layers))
    tensors = quantize(network)
    quantized = {name for name, tensor in tensors.items() if tensor.dtype == torch.int8}
    assert quantized == {f"layers.{i}.weight_{which}_l0" for i in range(layers) for which in ("ih", "hh")}
    for i in range(layers):
        scales = [tensors[f"layers.{i}.weight_{which}_l0.scale"] for which in ("ih", "hh")]
        assert torch.equal(*scales) == (i > 0)
    assert {name: tensor.shape for name, tensor in dequantize(tensors).items()} == {
        name: tensor.shape for name, tensor in network.state_dict().items()
    }
