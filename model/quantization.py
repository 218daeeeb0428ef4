"""Eight-bit weights: each row of a matrix is stored as whole numbers from -127 to 127 and one scale."""

import torch
from torch import Tensor

from model.lstm import CharLSTM

LARGEST = 127  # largest whole number
SCALE_BITS = 16  # bits of a scale: 16 and the 7 of a number fit into the 24 of float32, so products are exact


def quantize_rows(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The matrix (N, K) as whole numbers (N, K), int8, and a scale for each row (N,), float32.

    The largest number of a row becomes 127 or -127. Quantized weights are exact in float32. Quantizing them again
    gives the same numbers and scales, since the largest weight of a row is then exactly 127 times the scale.

    >>> numbers, scales = quantize_rows(torch.tensor([[0.5, -1.0, 0.26], [0.0, 0.0, 0.0]]))
    >>> numbers.tolist()
    [[63, -127, 33], [0, 0, 0]]
    >>> again = quantize_rows(dequantize_rows(numbers, scales))
    >>> torch.equal(again[0], numbers), torch.equal(again[1], scales)
    (True, True)
    """
    mantissa, exponent = torch.frexp((weights.abs().amax(dim=1) / LARGEST).clamp_min(1e-30))
    scales = torch.ldexp((mantissa * 2**SCALE_BITS).ceil(), exponent - SCALE_BITS)  # rounded up, so none passes 127
    return (weights / scales[:, None]).round().to(torch.int8), scales


def dequantize_rows(numbers: Tensor, scales: Tensor) -> Tensor:
    """The float32 matrix (N, K) of the whole numbers (N, K) and scales (N,) that `quantize_rows` returns."""
    return numbers * scales[:, None]


def quantize(network: CharLSTM) -> dict[str, Tensor]:
    """The weights by name: the matrices of the LSTM layers quantized, with their scales, all others in half precision.

    The two matrices of a layer above the first are quantized as one (4H, 2H), with the same scales. Both are multiplied
    by hidden states, so a decoder adds the products of whole numbers of both and scales the sum once.

    The embedding and the output layer have 1 in 60 of the weights. An error in the output layer is an error in every
    logit: in eight bits, the output layer costs as much accuracy as all LSTM layers together.
    """
    tensors = {name: tensor.detach().half() for name, tensor in network.state_dict().items()}
    for i, layer in enumerate(network.layers):
        of_input, of_hidden = layer.get_parameter("weight_ih_l0").detach(), layer.get_parameter("weight_hh_l0").detach()
        if i == 0:
            quantized = [quantize_rows(of_input), quantize_rows(of_hidden)]
        else:
            numbers, scales = quantize_rows(torch.cat((of_input, of_hidden), dim=1))
            quantized = [(half, scales.clone()) for half in numbers.chunk(2, dim=1)]
        for name, (numbers, scales) in zip(("weight_ih_l0", "weight_hh_l0"), quantized, strict=True):
            tensors |= {f"layers.{i}.{name}": numbers, f"layers.{i}.{name}.scale": scales}
    return tensors


def dequantize(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the float32 weights by name, from the tensors that `quantize` returns."""
    scales = {name.removesuffix(".scale"): tensor for name, tensor in tensors.items() if name.endswith(".scale")}
    return {
        name: dequantize_rows(tensor, scales[name]) if name in scales else tensor.float()
        for name, tensor in tensors.items()
        if not name.endswith(".scale")
    }
