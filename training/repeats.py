"""Passages of a text that occur more than once, found by hashed windows in linear time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.copying import CHUNK, RUN, hashed

WINDOW = 2 * RUN  # characters: shorter passages recur in any book
LETTERS = RUN  # letters and digits in a repeated passage, at least
MOST = 4_000_000  # windows that are compared, about; of a longer text every second, or third …, chosen by their hashes
ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Repeat:
    """A passage from `start` up to, but not including, `end`, whose beginning stands at `earlier` as well."""

    start: int
    end: int
    earlier: int


def repeats(text: str) -> list[Repeat]:
    """The passages of `text` of `WINDOW` characters or more that have occurred before, in order of their start.

    In a text of more than `MOST` characters, a passage can be missed unless it is several times as long as `WINDOW`.
    """
    values, places = _windows(text)
    order = np.argsort(values, kind="stable")
    again = np.zeros(len(order), bool)
    again[1:] = values[order][1:] == values[order][:-1]
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))  # the first window with the same hash
    later, earlier = places[order][again], places[order][first][again]
    apart = later - earlier >= WINDOW  # else the two overlap, as in a row of the same characters
    by_place = np.argsort(later[apart])
    found: list[Repeat] = []
    for start, before in zip(later[apart][by_place].tolist(), earlier[apart][by_place].tolist(), strict=True):
        if found and start <= found[-1].end:
            found[-1] = Repeat(found[-1].start, start + WINDOW, found[-1].earlier)
        else:
            found.append(Repeat(start, start + WINDOW, before))
    return [each for each in found if sum(map(str.isalnum, text[each.start : each.end])) >= LETTERS]


def _windows(text: str) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The hashes of the windows of `WINDOW` characters that are compared, and where they begin."""
    stride = np.uint64(1 + len(text) // MOST)
    values, places = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for begin in range(0, max(0, len(text) - WINDOW + 1), CHUNK):
        halves = hashed(text[begin : begin + CHUNK + WINDOW - 1])
        whole = halves[:-RUN] * ODD + halves[RUN:]  # mod 2^64
        kept = np.flatnonzero((whole >> np.uint64(20)) % stride == 0)
        values.append(whole[kept])
        places.append(kept + begin)
    return np.concatenate(values), np.concatenate(places)
