"""Times that can be compared: methods take turns, so that a busy moment of the machine affects all of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median


def take_turns(methods: Mapping[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """The median seconds that each method takes, in `rounds` rounds after one that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(rounds + 1):
        for name, method in methods.items():
            start = time.perf_counter()
            method()
            seconds[name].append(time.perf_counter() - start)
    return {name: median(times[1:]) for name, times in seconds.items()}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows as text in columns; the first column is aligned left, the others are aligned right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for first, *others in (header, *rows):
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]))
    return "\n".join(lines)
