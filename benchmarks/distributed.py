"""Which trains faster on the same two cores: one process with two threads, or two processes with one thread each?

`python -m benchmarks.distributed BOOK` runs `training.train` on a text file in both ways by turns and reads its speed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.timing import table
from training.corpus import read

WAYS = {"1 process, 2 threads": (1, 2), "2 processes, 1 thread each": (2, 1)}
NETWORKS = {"2 layers of 512, 32 streams": ("512", "32"), "2 layers of 512, 128 streams": ("512", "128")}
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def speed(book: Path, processes: int, threads: int, network: tuple[str, str], steps: int) -> float:
    """Characters per second in the last steps of a short training."""
    hidden, streams = network
    sizes = ["--hidden-size", hidden, "--batch-size", streams, "--init", "none"]
    with tempfile.TemporaryDirectory() as place:
        how = ["--out", str(Path(place, "run")), "--steps", str(steps), "--threads", str(threads), "--json"]
        command = [sys.executable, *LAUNCH, str(processes), "-m", "training.train", str(book), *sizes, *how]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return float(lines[-1]["characters_per_second"])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distributed", description=__doc__)
    parser.add_argument("book", type=Path, metavar="BOOK", help="a text file")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each way is tried (default 3)")
    parser.add_argument("--steps", type=int, default=60, metavar="N", help="steps of each training (default 60)")
    asked = parser.parse_args(arguments)
    try:
        read([asked.book])
    except (OSError, ValueError) as error:
        print(f"benchmarks.distributed: {error}", file=sys.stderr)
        return 2
    figures: dict[str, dict[str, float]] = {}
    for name, network in NETWORKS.items():
        speeds: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(asked.rounds):
            for way, (processes, threads) in WAYS.items():
                speeds[way].append(speed(asked.book, processes, threads, network, asked.steps))
        figures[name] = {way: median(each) for way, each in speeds.items()}
    first, second = WAYS
    rows = [
        (name, *(f"{each[way]:,.0f}" for way in WAYS), f"{each[second] / each[first]:.2f}")
        for name, each in figures.items()
    ]
    print(table(("characters per second", *WAYS, "ratio"), rows))
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
