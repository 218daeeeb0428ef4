"""The classic baseline: an n-gram model, which predicts a character from counts of the last few characters."""

import numpy as np
from numpy.typing import NDArray

BITS = 10  # of each character in a key of 64 bits, so an order of at most 6 and at most 1,024 different characters
DISCOUNT = 0.75

Keys = NDArray[np.uint64]


def bits_per_character(training: NDArray[np.int64], held_out: NDArray[np.int64], vocabulary: int, order: int) -> float:
    """The mean surprise at each id of `held_out` (N,) given those before it, by an n-gram model of `training` (M,).

    Interpolated Kneser-Ney: absolute discounting, and the count of a shorter n-gram is the number of different
    characters before it. Kneser and Ney, "Improved backing-off for m-gram language modeling", 1995; as in Chen and
    Goodman, "An empirical study of smoothing techniques for language modeling", 1998, section 2.7.
    ValueError for a vocabulary whose ids do not fit into a key.
    """
    if vocabulary > 1 << BITS:
        raise ValueError(
            f"a text has {vocabulary:,} different characters, but the n-gram model counts at most {1 << BITS:,}: "
            "leave that text out"
        )
    text = np.concatenate([training[-order:], held_out])
    chance = np.full(len(held_out), 1 / vocabulary)
    grams = [np.unique(_keys(training, n), return_counts=True) for n in range(1, order + 1)]
    for n, (seen, counts) in enumerate(grams, 1):  # from single characters up to order - 1 of context
        if n < order:  # the count of each is that of the different (n + 1)-grams that end in it
            longer, _ = grams[n]
            ends = longer & np.uint64((1 << BITS * n) - 1)
            counts = np.bincount(np.searchsorted(seen, ends), minlength=len(seen))
        contexts, first = np.unique(seen >> np.uint64(BITS), return_index=True)
        totals = np.add.reduceat(counts, first)
        kinds = np.diff(np.append(first, len(seen)))  # different characters after each context

        asked = _keys(text, n)[-len(held_out) :]
        count = _look_up(seen, counts, asked)
        total = _look_up(contexts, totals, asked >> np.uint64(BITS))
        kind = _look_up(contexts, kinds, asked >> np.uint64(BITS))
        known = total > 0
        own = np.maximum(count - DISCOUNT, 0) + DISCOUNT * kind * chance
        chance = np.where(known, own / np.where(known, total, 1), chance)
    return float(-np.log2(chance).mean())


def _keys(ids: NDArray[np.int64], n: int) -> Keys:
    """Each run of `n` ids as one number, the last id lowest: (N,) to (N - n + 1,)."""
    keys = np.zeros(len(ids) - n + 1, np.uint64)
    for i in range(n):
        keys = keys << np.uint64(BITS) | ids[i : len(ids) - n + 1 + i].astype(np.uint64)
    return keys


def _look_up(keys: Keys, values: NDArray[np.int64], asked: Keys) -> NDArray[np.int64]:
    """The value of each key in `asked`, 0 for a key that is not in `keys`."""
    places = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
    return np.where(keys[places] == asked, values[places], 0)
