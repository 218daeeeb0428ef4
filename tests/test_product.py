"""8-bit products: each routine gives the exact sums, and the fastest one or the one that DECODER names is chosen."""

import numpy as np
import pytest
import torch

from model import product
from model.product import ROUTINES, ZERO, Float32Product, choice, chosen, is_exact, timed


class WrongProduct(Float32Product):
    """The products of a processor that adds pairs of them in 16 bits and saturates."""

    def __init__(self, numbers: torch.Tensor) -> None:
        self.numbers = numbers.T.float()  # (K, N)

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        each = hidden.float()[:, :, None] * self.numbers  # (B, K, N)
        pairs = each.unflatten(1, (-1, 2)).sum(2).clamp(-(2**15), 2**15 - 1)
        return pairs.sum(1) - ZERO * self.numbers.sum(0)


class MissingProduct(Float32Product):
    def __init__(self, numbers: torch.Tensor) -> None:
        raise RuntimeError(f"{numbers.dtype} is missing in this build")


@pytest.mark.parametrize("routine", [routine for routine in ROUTINES.values() if is_exact(routine)])
@pytest.mark.parametrize(("B", "K", "N"), [(1, 7, 5), (3, 11, 13), (1, 832, 40), (17, 1664, 40), (64, 300, 257)])
def test_every_routine_gives_the_exact_sums(routine: type[product.Product], B: int, K: int, N: int) -> None:
    random = np.random.default_rng(0)
    numbers = torch.from_numpy(random.integers(-127, 128, (N, K), dtype=np.int8))
    hidden = torch.from_numpy(random.integers(1, 256, (B, 2 * K), dtype=np.uint8))[:, :K]  # not contiguous
    expected = (hidden.long() - ZERO) @ numbers.long().T
    sums = routine(numbers)(hidden)
    assert (sums.dtype, sums.shape) == (torch.float32, (B, N))
    assert torch.equal(sums.long(), expected)


def test_float32_is_exact_everywhere() -> None:
    assert is_exact(Float32Product)


def test_a_routine_that_saturates_or_is_missing_is_never_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    small = torch.full((3, 8), 10, dtype=torch.int8)
    ones = torch.full((2, 8), ZERO + 1, dtype=torch.uint8)
    assert torch.equal(WrongProduct(small)(ones), Float32Product(small)(ones))  # wrong only where sums are large
    assert not is_exact(WrongProduct)
    assert not is_exact(MissingProduct)
    monkeypatch.setattr(product, "ROUTINES", {"wrong": WrongProduct, "missing": MissingProduct, **ROUTINES})
    monkeypatch.delenv("DECODER", raising=False)
    timed.cache_clear()
    try:
        assert "float32" in timed()
        assert not {"wrong", "missing"} & timed().keys()
        assert timed()[chosen()] == min(timed().values())
        monkeypatch.setenv("DECODER", "wrong")
        with pytest.raises(ValueError, match="not exact on this machine"):
            chosen()
    finally:
        timed.cache_clear()


def test_decoder_in_the_environment_forces_a_routine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECODER", "float32")
    assert chosen() == "float32"
    assert choice() == "float32 products, as DECODER says"
    monkeypatch.setenv("DECODER", "abacus")
    with pytest.raises(ValueError, match="DECODER is 'abacus', but must be one of int8, int7, float32"):
        chosen()


def test_the_choice_is_reported_with_the_measured_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DECODER", raising=False)
    assert choice().startswith(f"{chosen()} products (")
    assert "float32 " in choice()
    assert "µs" in choice()
