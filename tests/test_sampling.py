"""From logits to the next character."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from model.sampling import Sampler, SamplingConfig
from tests.conftest import V

P = [0.05, 0.4, 0.15, 0.3, 0.1]


def logits_of(p: list[float]) -> NDArray[np.float32]:
    return np.log(np.array(p)).astype(np.float32)


def probabilities(logits: NDArray[np.float32], config: SamplingConfig) -> NDArray[np.float64]:
    """The distribution that a character is drawn from, by id (V,), with sum 1."""
    ids, p = Sampler([config]).distribution(logits[None])
    drawn = np.empty(len(logits))
    drawn[ids[0]] = p[0] / p.sum()
    return drawn


def p_of(logits: list[float] | NDArray[np.float32], **options: float) -> list[float]:
    config = SamplingConfig(**options)  # type: ignore[arg-type]
    return probabilities(np.array(logits, dtype=np.float32), config).tolist()


def sample(logits: NDArray[np.float32], config: SamplingConfig, number: float) -> int:
    """Return the id that a single stream draws with the random number `number`, in [0, 1)."""
    return int(Sampler([config])(logits[None], np.array([number]))[0])


def some_logits() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(scale=3, size=V).astype(np.float32)


# ---- the distribution ------------------------------------------------------------------------------------------------


def test_the_default_settings_draw_from_the_softmax() -> None:
    assert p_of(logits_of(P)) == pytest.approx(P, rel=1e-5)


@pytest.mark.parametrize("temperature", [0, 1e-300, 1e-6, 0.3, 1, 2.5, 10])
def test_probabilities_sum_to_one_and_the_likeliest_character_always_stays(temperature: float) -> None:
    logits = some_logits()
    for top_k, top_p, min_p in product([0, 1, 4, V, 1_000_000], [0, 0.3, 0.999, 1], [0, 0.2, 1]):
        p = p_of(logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
        assert len(p) == V
        assert sum(p) == pytest.approx(1, abs=1e-12)
        assert min(p) >= 0
        assert max(p) == p[int(logits.argmax())]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # Temperature 0.5 squares the probabilities, 2 takes their roots.
        ({"temperature": 0.5}, [0.0025 / 0.285, 0.16 / 0.285, 0.0225 / 0.285, 0.09 / 0.285, 0.01 / 0.285]),
        ({"temperature": 2}, [p**0.5 / sum(q**0.5 for q in P) for p in P]),
        ({"temperature": 0}, [0, 1, 0, 0, 0]),
        ({"top_k": 1}, [0, 1, 0, 0, 0]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7, 0]),
        ({"top_k": 3}, [0, 0.4 / 0.85, 0.15 / 0.85, 0.3 / 0.85, 0]),
        ({"top_k": 5}, P),
        ({"top_k": 9}, P),
        ({"top_p": 0}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.39}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.41}, [0, 4 / 7, 0, 3 / 7, 0]),
        ({"top_p": 0.69}, [0, 4 / 7, 0, 3 / 7, 0]),
        ({"top_p": 0.71}, [0, 0.4 / 0.85, 0.15 / 0.85, 0.3 / 0.85, 0]),
        ({"top_p": 0.96}, P),
        ({"min_p": 0.2}, [0, 0.4 / 0.95, 0.15 / 0.95, 0.3 / 0.95, 0.1 / 0.95]),
        ({"min_p": 0.5}, [0, 4 / 7, 0, 3 / 7, 0]),
        ({"min_p": 1}, [0, 1, 0, 0, 0]),
        # Top-k 4 leaves 0.4 0.3 0.15 0.1 of 0.95; top-p 0.8 of that takes the first three; min-p 0.5 the first two.
        ({"top_k": 4, "top_p": 0.8}, [0, 0.4 / 0.85, 0.15 / 0.85, 0.3 / 0.85, 0]),
        ({"top_k": 4, "top_p": 0.8, "min_p": 0.5}, [0, 4 / 7, 0, 3 / 7, 0]),
        # At temperature 0.5 the likeliest has 0.16 / 0.285 = 0.56, which is more than half by itself.
        ({"temperature": 0.5, "top_p": 0.5}, [0, 1, 0, 0, 0]),
        (
            {"temperature": 2, "min_p": 0.7},
            [0, 0.4**0.5 / (0.4**0.5 + 0.3**0.5), 0, 0.3**0.5 / (0.4**0.5 + 0.3**0.5), 0],
        ),
    ],
    ids=str,
)
def test_each_setting_agrees_with_a_calculation_by_hand(options: dict[str, float], expected: list[float]) -> None:
    assert p_of(logits_of(P), **options) == pytest.approx(expected, rel=1e-5)


def test_exactly_k_characters_stay_where_all_are_equally_likely() -> None:
    assert p_of([1, 1, 1, 1], top_k=3) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_every_character_as_likely_as_the_likeliest_passes_min_p() -> None:
    assert p_of([2, 0, 2], min_p=1) == pytest.approx([0.5, 0, 0.5])


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-300, 1e-307, 2.3e-308, 5e-324])
def test_a_tiny_temperature_is_greedy_without_overflow(temperature: float) -> None:
    # pytest turns warnings into errors, so an overflow would fail here.
    for logits in (some_logits(), np.array([3e38, -3e38, 0], dtype=np.float32)):
        assert p_of(logits, temperature=temperature) == p_of(logits, temperature=0)


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([3e38, 3e38, -3e38], [0.5, 0.5, 0]),
        ([-3e38, -3e38, -3e38], [1 / 3, 1 / 3, 1 / 3]),
        ([1e4, 0, -1e4], [1, 0, 0]),
        ([1e-40, 0, -1e-40], [1 / 3, 1 / 3, 1 / 3]),
        ([7], [1]),
    ],
    ids=str,
)
def test_extreme_logits_still_give_a_distribution(logits: list[float], expected: list[float]) -> None:
    assert p_of(logits) == pytest.approx(expected)
    assert p_of(logits, top_p=0.99, min_p=0.01, top_k=3) == pytest.approx(expected)


def test_the_logits_are_left_as_they_were() -> None:
    logits = some_logits()
    p_of(logits, temperature=0.5, top_k=3, top_p=0.5, min_p=0.1)
    sample(logits, SamplingConfig(temperature=0.5, top_k=3), 0.5)
    assert np.array_equal(logits, some_logits())


# ---- the draw --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0.0, 0.5, np.nextafter(1.0, 0.0)])
def test_temperature_zero_takes_the_likeliest_character_and_the_first_of_equals(number: float) -> None:
    assert sample(some_logits(), SamplingConfig(temperature=0), number) == some_logits().argmax()
    assert sample(np.array([0, 2, 2], dtype=np.float32), SamplingConfig(temperature=0), number) == 1


@pytest.mark.parametrize(
    "config",
    [SamplingConfig(), SamplingConfig(temperature=0.7, top_p=0.9), SamplingConfig(top_k=3, min_p=0.1)],
    ids=str,
)
def test_characters_are_drawn_as_often_as_they_are_probable(config: SamplingConfig) -> None:
    draws = 4_000
    logits = np.random.default_rng(5).normal(size=V).astype(np.float32)
    p = probabilities(logits, config)
    ids = Sampler([config] * draws)(np.tile(logits, (draws, 1)), np.random.default_rng(0).random(draws))
    counts = np.bincount(ids, minlength=V)
    assert counts[p == 0].sum() == 0
    expected = p[p > 0] * draws
    surprise = ((counts[p > 0] - expected) ** 2 / expected).sum()  # chi-square of at most V - 1 = 12 degrees
    assert surprise < 32.9  # chance alone exceeds this once in a thousand; the seed is fixed


@pytest.mark.parametrize(("number", "expected"), [(0.0, 1), (np.nextafter(1.0, 0.0), 3)])
def test_the_lowest_and_the_highest_number_never_draw_an_impossible_character(number: float, expected: int) -> None:
    logits = np.array([-500, 0, -500, 0, -500], dtype=np.float32)
    for config in (SamplingConfig(top_k=2), SamplingConfig(temperature=0.01), SamplingConfig(min_p=0.5)):
        assert sample(logits, config, number) == expected


def test_a_random_number_selects_by_cumulative_probability_the_likeliest_first() -> None:
    ranked = sorted(range(len(P)), key=lambda id: -P[id])
    edges = np.cumsum([P[id] for id in ranked])
    for number in np.random.default_rng(4).random(200):
        expected = ranked[int((edges <= number).sum())]
        assert sample(logits_of(P), SamplingConfig(), number) == expected


def test_each_stream_is_drawn_by_its_own_settings_as_if_it_were_alone() -> None:
    choices = product([0, 1e-9, 0.7, 2], [0, 1, 4], [0, 0.4, 1], [0, 0.3])
    configs = [SamplingConfig(temperature=t, top_k=k, top_p=p, min_p=m) for t, k, p, m in choices]
    random = np.random.default_rng(6)
    logits = random.normal(scale=3, size=(V, len(configs))).astype(np.float32).T  # the decoder's memory order
    numbers = random.random(len(configs))
    together = Sampler(configs)(logits, numbers)
    alone = [sample(row.copy(), config, number) for row, config, number in zip(logits, configs, numbers, strict=True)]
    assert together.tolist() == alone
    assert len(set(alone)) > 3


@pytest.mark.parametrize(
    "wrong", [{"temperature": -0.1}, {"temperature": 11}, {"top_k": 1.5}, {"top_p": 2}, {"min_p": "x"}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", " ")):
        SamplingConfig(**wrong)  # type: ignore[arg-type]
