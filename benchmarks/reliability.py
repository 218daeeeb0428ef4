"""Whether anything is lost under load, under attack or by a crash: `python -m benchmarks.reliability [PART ...]`.

    python -m benchmarks.reliability --short
    python -m benchmarks.reliability writers vanishing --checkpoint assets/alice

Each part counts what it tried and what went wrong; the exit status is 1 if anything did. The random numbers are seeded.
Speed does not matter, except that a request or a file of more than 10 seconds counts as hung. The last line is JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks import breaking, visitors
from benchmarks.running import ROOT

FAULTS = ("lost", "mixed", "tracebacks", "damaged", "differing", "hung", "leaked", "kept")  # counts that must be 0


@dataclass(frozen=True)
class Scale:
    """How often each part tries something."""

    writers: int = 256
    rounds: int = 10
    vanishing: int = 100
    unread: int = 20
    requests: int = 6_000
    kills: int = 50
    limits: int = 20
    removals: int = 10
    signals: int = 20
    files: int = 4_000


SHORT = Scale(
    writers=16, rounds=2, vanishing=8, unread=2, requests=60, kills=3, limits=2, removals=1, signals=2, files=60
)


def parts(checkpoint: Path, scale: Scale, seed: int, place: Path) -> dict[str, Callable[[], dict[str, Any]]]:
    """The parts by name: a call of one tries it and returns its counts."""
    return {
        "writers": lambda: visitors.writers(checkpoint, scale.writers, scale.rounds),
        "vanishing": lambda: visitors.vanishing(checkpoint, scale.vanishing, scale.unread),
        "requests": lambda: visitors.hostile(checkpoint, scale.requests, seed),
        "kills": lambda: breaking.kills(place, scale.kills, seed),
        "full": lambda: breaking.full_disk(place, scale.limits, seed),
        "removed": lambda: breaking.removed(place, scale.removals, seed),
        "signals": lambda: breaking.signals(place, scale.signals, seed),
        "files": lambda: breaking.hostile_files(checkpoint, place, scale.files, seed),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description="Try to break the programs.")
    parser.add_argument("parts", nargs="*", metavar="PART", help="some of the parts (default: all)")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "assets" / "alice", metavar="DIR")
    parser.add_argument("--short", action="store_true", help="a short run of each part")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # so that a process can be forked
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        known = parts(options.checkpoint.resolve(), SHORT if options.short else Scale(), options.seed, Path(place))
        if unknown := set(options.parts) - set(known):
            parser.error(f"there is no part {', '.join(sorted(unknown))}: choose among {', '.join(known)}")
        for name in options.parts or known:
            begun = time.monotonic()
            found[name] = known[name]()
            told = ", ".join(f"{what.replace('_', ' ')} {count}" for what, count in found[name].items())
            print(f"{name} ({time.monotonic() - begun:.0f} s): {told}", flush=True)
    faults = sum(part.get(fault, 0) for part in found.values() for fault in FAULTS)
    print(json.dumps({"seed": options.seed, "faults": faults, **found}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
