"""Products of hidden states and weights in eight bits, by several routines that give the same whole numbers."""

import os
import time
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Protocol

import torch
from torch import Tensor

ZERO = 128  # zero point of hidden states: 1 to 255 stand for -127 to 127
EXACT = 2**24  # whole numbers up to this are exact in float32


class Product(Protocol):
    """A matrix of whole numbers (N, K), int8, ready to be multiplied."""

    def __init__(self, numbers: Tensor) -> None: ...

    def __call__(self, hidden: Tensor) -> Tensor:
        """Return the product (B, N), float32, with hidden states (B, K), uint8; sums up to `EXACT` are exact."""


class Int8Product:
    """The integer product of oneDNN: it reads a quarter of the bytes of float32 and multiplies four times as much."""

    def __init__(self, numbers: Tensor) -> None:
        self.numbers = torch.ops.onednn.qlinear_prepack(numbers.contiguous(), None)
        self.multiply = torch.ops.onednn.qlinear_pointwise.default
        one, zero = torch.ones(1), torch.zeros(1, dtype=torch.int64)
        # Weights with scale and zero point, no bias; scale, zero point and type of the result; no operation after it.
        self.options: tuple[Any, ...] = (self.numbers, one, zero, None, 1.0, 0, torch.float32, "none", [], "")

    def __call__(self, hidden: Tensor) -> Tensor:
        return self.multiply(hidden, 1.0, ZERO, *self.options)


class Int7Product:
    """The product in integers, by FBGEMM, of hidden states that are split into two parts of seven bits each.

    Processors without VNNI add pairs of products in 16 bits. With a part of at most 128, two products are at most
    2 * 128 * 127, which fits. Both parts of all streams are multiplied at once, so the weights are read once.
    """

    def __init__(self, numbers: Tensor) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch will drop such tensors one day; this routine then fails `is_exact`
            quantized = torch._make_per_tensor_quantized_tensor(numbers.contiguous(), 1.0, 0)
        self.numbers = torch.ops.quantized.linear_prepack(quantized, None)
        self.multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default

    def __call__(self, hidden: Tensor) -> Tensor:
        part = hidden >> 1
        parts = torch.cat((part, hidden - part)).float()  # (2B, K)
        first, second = self.multiply(parts.sub_(ZERO // 2), 1.0, ZERO // 2, self.numbers).chunk(2)
        return first + second


class Float32Product:
    """The product in float32, which every processor computes."""

    def __init__(self, numbers: Tensor) -> None:
        self.multiply = many_streams(numbers.float())

    def __call__(self, hidden: Tensor) -> Tensor:
        return self.multiply(hidden.float() - ZERO)


def many_streams(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """A function from x (B, K) to x @ weights.T (B, N), all float32: by oneDNN where torch has it, else `torch.mm`."""
    if not torch.backends.mkldnn.is_available():
        return partial(torch.mm, mat2=weights.T.contiguous())
    packed = torch.ops.mkldnn._reorder_linear_weight(weights.contiguous(), None)
    multiply = torch.ops.mkldnn._linear_pointwise.default
    return lambda x: multiply(x, packed, None, "none", [], "")


def any_streams(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """As `many_streams`, for a small matrix (N, K), for which `torch.mm` is faster with a single stream."""
    one, many = weights.T.contiguous(), many_streams(weights)
    return lambda x: torch.mm(x, one) if len(x) == 1 else many(x)


ROUTINES: dict[str, type[Product]] = {"int8": Int8Product, "int7": Int7Product, "float32": Float32Product}


def is_exact(routine: type[Product]) -> bool:
    """Return whether `routine` exists on this machine and is correct for the largest sums.

    Processors without VNNI add pairs of products in 16 bits. That is too few, so oneDNN's sums are wrong there.
    """
    K = EXACT // 127**2 - 16  # columns: with all numbers at 127, a sum comes close to EXACT
    signs = torch.tensor([[1, 1], [-1, -1], [1, -1], [-1, 1]], dtype=torch.int8)
    numbers = (127 * signs).repeat(8, K // 2)  # (N, K)
    hidden = torch.tensor([[255, 255], [1, 1], [255, 1], [1, 255]], dtype=torch.uint8).repeat(4, K // 2)  # (B, K)
    expected = (hidden.double() - ZERO) @ numbers.double().T
    try:
        product = routine(numbers)
        return all(torch.equal(product(hidden[:B]).double(), expected[:B]) for B in (1, 3, 16))
    except (AttributeError, RuntimeError):  # this build of torch does not have it
        return False


@cache
def timed() -> dict[str, float]:
    """Return the seconds of each exact routine for two products of a (2432, 1216) matrix, with 1 and with 8 streams."""
    numbers = torch.ones(2432, 1216, dtype=torch.int8)
    streams = [torch.ones(B, 1216, dtype=torch.uint8) for B in (1, 8)]
    seconds = {}
    for name, routine in ROUTINES.items():
        if is_exact(routine):
            product, times = routine(numbers), []
            for _ in range(7):  # the fastest run counts: other programs use the machine, too
                start = time.perf_counter()
                for hidden in streams:
                    product(hidden)
                times.append(time.perf_counter() - start)
            seconds[name] = min(times)
    return seconds


def chosen() -> str:
    """Return the name of the routine to use: the fastest on this machine, or the value of `DECODER` in the environment.

    ValueError if `DECODER` is not the name of a routine, or if that routine is not exact here.
    """
    wanted = os.environ.get("DECODER", "")
    if not wanted:
        return min(timed(), key=timed().__getitem__)
    if wanted not in ROUTINES:
        raise ValueError(f"DECODER is {wanted!r}, but must be one of {', '.join(ROUTINES)}")
    if not is_exact(ROUTINES[wanted]):
        raise ValueError(f"DECODER is {wanted}, which is not exact on this machine: leave it out")
    return wanted


def choice() -> str:
    """Describe the routine to use in a few words, with the reason: the times, or `DECODER`."""
    if os.environ.get("DECODER"):
        return f"{chosen()} products, as DECODER says"
    times = ", ".join(f"{name} {1e6 * seconds:,.0f} µs" for name, seconds in timed().items())
    return f"{chosen()} products ({times})"
