"""The n-gram baseline: probabilities calculated by hand for tiny texts, and their sums."""

import numpy as np
import pytest

from benchmarks.ngram import DISCOUNT, bits_per_character


def ids(text: str, characters: str = "ab.") -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([characters.index(character) for character in text])


def test_order_1_gives_each_character_its_discounted_frequency() -> None:
    # "a" occurs 3 times in 4, "b" once; the discounted probability is spread evenly over all three characters.
    shared = DISCOUNT * 2 / 4 / 3
    expected = [(3 - DISCOUNT) / 4 + shared, (1 - DISCOUNT) / 4 + shared, shared]
    for character, chance in zip("ab.", expected, strict=True):
        assert bits_per_character(ids("aaba"), ids(character), 3, 1) == pytest.approx(-np.log2(chance))


def test_shorter_contexts_count_the_distinct_contexts_before_a_character() -> None:
    # Pairs: ab twice, ba twice, "a." and ".a" once. Of these 4 distinct pairs, 2 end in a, 1 in b and 1 in ".".
    ways = {"a": (2 - DISCOUNT) / 4 + DISCOUNT / 4, "b": 1 / 4, ".": 1 / 4}
    after_a = {"a": 0, "b": (2 - DISCOUNT) / 3, ".": (1 - DISCOUNT) / 3}
    for character in "ab.":
        chance = after_a[character] + DISCOUNT * 2 / 3 * ways[character]
        assert bits_per_character(ids("ababa.a"), ids(character), 3, 2) == pytest.approx(-np.log2(chance))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_probabilities_of_all_characters_sum_to_one(order: int) -> None:
    training = np.random.default_rng(0).integers(0, 5, 400)
    for context in range(5):
        chances = [2 ** -(2 * bits_per_character(training, np.array([context, next]), 7, order)) for next in range(7)]
        alone = 2 ** -bits_per_character(training, np.array([context]), 7, order)
        assert sum(chances) == pytest.approx(alone)


def test_more_different_characters_than_a_key_can_hold_are_refused() -> None:
    training = np.arange(1_024).repeat(2)
    assert bits_per_character(training, training, 1_024, 6) > 0
    with pytest.raises(ValueError, match="1,025 different characters, but the n-gram model counts at most 1,024"):
        bits_per_character(training, training, 1_025, 6)


def test_characters_with_large_ids_are_told_apart() -> None:
    training = np.array([0, 256] * 50)
    assert bits_per_character(training, training[:20], 300, 2) == bits_per_character(
        training // 256, training[:20] // 256, 300, 2
    )


def test_a_longer_context_predicts_a_regular_text_better() -> None:
    training, held_out = ids("abba.a.bb" * 50), ids("abba.a.bb" * 5)
    bits = [bits_per_character(training, held_out, 3, order) for order in (1, 3, 6)]
    assert bits[0] > bits[1] > bits[2]
    assert bits[2] < 0.1
