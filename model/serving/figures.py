"""Figures of a running scheduler: a health check, and metrics for Prometheus."""

import math
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

STALLED = 30  # seconds; the scheduler is stalled if a text is asked for and no character is read or written for longer
BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, math.inf)  # seconds: upper bounds of the time to first character


@dataclass
class Figures:
    """Counts since the start. Only the scheduler's thread changes them, except for the refusals."""

    characters: int = 0
    # For each of `BUCKETS`: the number of texts whose time to first character was at most this many seconds.
    first_characters: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    seconds_to_first: float = 0.0  # the sum over all texts
    last_progress: float = field(default_factory=monotonic)
    refusals: Counter[str] = field(default_factory=Counter)  # by the name of the limit

    def wrote(self, characters: int) -> None:
        """Count characters that were just written."""
        self.characters += characters
        self.last_progress = monotonic()

    def began(self, seconds: float) -> None:
        """Count a text whose first character came `seconds` after the text was asked for."""
        self.seconds_to_first += seconds
        for place, most in enumerate(BUCKETS):
            self.first_characters[place] += seconds <= most

    def stalled(self, asked_at: float | None) -> bool:
        """Whether, for more than `STALLED` seconds, a text has been asked for and no character was read or written.

        `asked_at` is when the text was asked for, by `time.monotonic`; None if no text is.
        """
        return asked_at is not None and monotonic() - max(asked_at, self.last_progress) > STALLED


def prometheus(figures: Figures, queue: int, running: int, slots: int, analyses: int) -> str:
    """The figures in Prometheus' text format, version 0.0.4 (prometheus.io, "Exposition formats")."""
    lines: list[str] = []

    def metric(name: str, kind: str, meaning: str, *values: tuple[str, float]) -> None:
        lines.extend((f"# HELP lstm_{name} {meaning}", f"# TYPE lstm_{name} {kind}"))
        lines.extend(f"lstm_{name}{labels} {value:g}" if value < 1e6 else f"lstm_{name}{labels} {value:.0f}"
                     for labels, value in values)  # fmt: skip

    metric("queue_length", "gauge", "Texts that wait for a slot.", ("", queue))
    metric("slots", "gauge", "Texts that can be written at the same time.", ("", slots))
    metric("slots_used", "gauge", "Texts that are being written.", ("", running))
    metric("analyses", "gauge", "Analyses that run or wait.", ("", analyses))
    metric("characters_total", "counter", "Characters written; its rate is the throughput.", ("", figures.characters))
    counted = [
        (f'_bucket{{le="{"+Inf" if most == math.inf else f"{most:g}"}"}}', count)
        for most, count in zip(BUCKETS, figures.first_characters, strict=True)
    ]
    totals = [("_sum", figures.seconds_to_first), ("_count", figures.first_characters[-1])]
    metric("first_character_seconds", "histogram", "Time to first character.", *counted, *totals)
    refused = [(f'{{limit="{name}"}}', count) for name, count in sorted(figures.refusals.items())]
    metric("refusals_total", "counter", "Requests refused, by the limit that was met.", *refused)
    if memory := resident():
        name = "process_resident_memory_bytes"
        lines += [f"# HELP {name} Memory of this process.", f"# TYPE {name} gauge", f"{name} {memory}"]
    return "\n".join(lines) + "\n"


def resident() -> int:
    """The resident memory of this process in bytes; 0 if the system is not Linux."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
