"""How fast one text is written beside the costliest requests: `python -m benchmarks.fairness`.

The scheduler writes one text alone and beside each kind of costly request, in turns. The result is the median speed
beside each kind, as a share of the median speed alone.
"""

import itertools
import json
import time
from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.running import ROOT
from benchmarks.timing import table
from model import hardware
from model.analysis.stepping import write_fixed
from model.generation import GenerationConfig, Request, defaults
from model.hub import load
from model.serving.mixture import AnyModel, Mixture, Pair
from model.serving.scheduler import Scheduler
from model.serving.work import Work

PROMPT = "Alice opened the door"
LENGTH = 100_000  # characters of a text: it is cancelled before that
SECONDS = 3.0  # the time of one measurement
TURNS = 5


def main() -> None:
    hardware.use(hardware.writing_threads())
    alice, pooh = (load(ROOT / "assets" / name) for name in ("alice", "pooh"))
    pair = Pair(alice, pooh)
    scheduler, seeds = Scheduler(), itertools.count()

    def config(context: str = "carried") -> GenerationConfig:
        return GenerationConfig(**{**defaults(alice), "length": LENGTH, "seed": next(seeds), "context": context})

    def submit(model: AnyModel = alice, prompt: str = PROMPT, context: str = "carried") -> Request:
        return scheduler.submit(model, prompt, config(context))

    def steered() -> Work:
        return scheduler.compute(write_fixed(Request(alice, PROMPT, config()), alice.network, {(0, 0): 0.9}))

    costly: dict[str, Callable[[], Sequence[Request | Work]]] = {
        "alone": lambda: [],
        "4 texts with window context": lambda: [submit(context="window") for _ in range(4)],
        "16 mixtures": lambda: [submit(Mixture(pair, n / 17)) for n in range(1, 17)],
        "a prompt of 99,000 characters": lambda: [submit(prompt=(f"{next(seeds)} {PROMPT} " * 4_000)[:99_000])],
        "16 texts with a neuron held fixed": lambda: [steered() for _ in range(16)],
        "16 ordinary texts": lambda: [submit() for _ in range(16)],
    }
    speeds: dict[str, list[float]] = {name: [] for name in costly}
    for _ in range(TURNS):
        for name, others in costly.items():
            text, beside = submit(), others()
            time.sleep(SECONDS / 3)
            begun, count = time.monotonic(), len(text.characters)
            time.sleep(SECONDS)
            speeds[name].append((len(text.characters) - count) / (time.monotonic() - begun))
            assert not any(other.done for other in beside), "the others must write or read all the while"
            for job in (text, *beside):
                job.cancel()
    shares = {name: median(found) / median(speeds["alone"]) for name, found in speeds.items()}
    print(table(("one writer", "speed"), [(name, f"{share:.2f}") for name, share in shares.items()]))
    print(json.dumps({"characters_per_second": median(speeds["alone"]), "shares": shares}))


if __name__ == "__main__":
    main()
