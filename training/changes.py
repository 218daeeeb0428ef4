"""The changes that were made to a text: sentences with counts, which add up over many files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """One kind of change: a sentence with a noun in braces for each count.

    >>> str(Change("{line end} joined into {paragraph}", (3120, 1)))
    '3,120 line ends joined into 1 paragraph'
    """

    sentence: str
    counts: tuple[int, ...]

    def __str__(self) -> str:
        counts = iter(self.counts)
        return re.sub(r"\{(.+?)\}", lambda noun: counted(next(counts), noun[1]), self.sentence)


Changes = list[Change]


def note(changes: Changes, sentence: str, *counts: int) -> None:
    """Add a change, where its first count is not 0."""
    if counts[0]:
        changes.append(Change(sentence, counts))


def total(changes: Iterable[Change]) -> Changes:
    """One change of each kind, with the counts of all of that kind added, in order of first appearance."""
    sums: dict[str, tuple[int, ...]] = {}
    for change in changes:
        before = sums.get(change.sentence, (0,) * len(change.counts))
        sums[change.sentence] = tuple(a + b for a, b in zip(before, change.counts, strict=True))
    return [Change(sentence, counts) for sentence, counts in sums.items()]


def counted(count: int, noun: str) -> str:
    """A count with its noun in the right number: 1 dash, 2,000 dashes."""
    plural = "" if count == 1 else "es" if noun.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{count:,} {noun}{plural}"
