"""How many texts can be written at once, by the scheduler and by the running app: `python -m benchmarks.serving`.

1, 8, 64 and 256 requests to the default model begin together. Requests beyond the slots wait in the queue. The
benchmark measures the throughput in characters a second, its ratio to that of one request, and the time to first
character (median and 99th percentile). Then it measures this time for a request that joins while all other slots are
taken, 20 times.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from gradio_client import Client

from benchmarks.running import ROOT, running_app
from benchmarks.timing import table
from model import hardware
from model.generation import GenerationConfig, defaults
from model.hub import load
from model.serving.limits import Limits
from model.serving.scheduler import Scheduler

REQUESTS = (1, 8, 64, 256)
LENGTH = 1000
MODEL = "alice"
SLOTS = Limits().slots
NEWCOMERS = 20
PROMPT = "alice opened the door and "


@dataclass(frozen=True)
class Text:
    """A text that the scheduler or a running app is writing."""

    characters: Callable[[], int]  # how many there are by now
    done: Callable[[], bool]
    cancel: Callable[[], object]


Write = Callable[[int, int], Text]  # begins a text of a length and a seed


def through_scheduler() -> Iterator[Write]:
    """Yield a function that begins texts in a scheduler of this process."""
    hardware.use(hardware.writing_threads())
    model, scheduler = load(ROOT / "assets" / MODEL), Scheduler()

    def write(length: int, seed: int) -> Text:
        config = GenerationConfig(**{**defaults(model), "length": length, "seed": seed})
        request = scheduler.submit(model, PROMPT, config)
        return Text(lambda: len(request.characters), lambda: request.done, request.cancel)

    yield write


def over_http() -> Iterator[Write]:
    """Yield a function that begins texts in a running app, through `gradio_client`."""
    with running_app(
        LIMIT_VISITOR_SLOTS=str(SLOTS),
        LIMIT_VISITOR_TEXTS="512",
        LIMIT_VISITOR_CONNECTIONS="1000",
        LIMIT_VISITOR_CHARACTERS="10000000",
        LIMIT_CHARACTERS="10000000",
    ) as url:
        client = Client(url, verbose=False, max_workers=4 * max(REQUESTS))

        def write(length: int, seed: int) -> Text:
            job = client.submit(PROMPT, model=MODEL, length=length, seed=seed, api_name="/predict")
            return Text(lambda: len((job.outputs() or [""])[-1]), job.done, job.cancel)

        yield write


def follow(texts: list[Text]) -> tuple[float, list[float]]:
    """Wait for all texts; return the seconds until the last is done, and those until each first character."""
    start, firsts = time.monotonic(), dict[int, float]()
    while not all(text.done() for text in texts):
        time.sleep(0.002)
        for i, text in enumerate(texts):
            if i not in firsts and text.characters():
                firsts[i] = time.monotonic() - start
    return time.monotonic() - start, list(firsts.values())


def measure(name: str, write: Write) -> dict[str, dict[str, float]]:
    """Print the table for one way of writing; return its figures."""
    follow([write(10, 0)])  # warms up: the decoder, for example, is made at its first use
    figures: dict[str, dict[str, float]] = {}
    for requests in REQUESTS:
        seconds, firsts = follow([write(LENGTH, seed) for seed in range(requests)])
        figures[f"{requests}"] = {"characters_per_second": requests * LENGTH / seconds} | spread(firsts)
    others = [write(100 * LENGTH, seed) for seed in range(SLOTS - 1)]
    time.sleep(2)
    firsts = [follow([write(20, seed)])[1][0] for seed in range(NEWCOMERS)]
    assert not any(other.done() for other in others), "the others must write all the while"
    for other in others:
        other.cancel()
    figures[f"{SLOTS - 1} others"] = spread(firsts)

    one = figures["1"]["characters_per_second"]
    rows = []
    for title, row in figures.items():
        speed = row.get("characters_per_second")
        times = [f"{row[key]:.3f}" for key in ("median", "99th")]
        rows.append([title, *([f"{speed:,.0f}", f"{speed / one:.1f}"] if speed else ["", ""]), *times])
    header = (f"writers, {name}", "characters/s", "times one", "first character, median s", "99th percentile")
    print("\n" + table(header, rows), flush=True)
    return figures


def spread(seconds: list[float]) -> dict[str, float]:
    return {"median": float(np.median(seconds)), "99th": float(np.percentile(seconds, 99))}


def main() -> None:
    ways = {"through the scheduler": through_scheduler, "over HTTP": over_http}
    print(json.dumps({name: measure(name, write) for name, way in ways.items() for write in way()}))


if __name__ == "__main__":
    main()
