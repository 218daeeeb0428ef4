"""Report the progress of a run: as a bar for a person, or as lines of JSON for a program."""

import json
import math
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from tqdm import tqdm

from training.trainer import Progress, Trainer

OFTEN = 0.5  # seconds between two lines of JSON, at least
SAMPLE = 4.0  # seconds between two samples in them, at most

Show = Callable[[Progress], None]  # reports one step


@contextmanager
def bar(trainer: Trainer) -> Iterator[Show]:
    """A progress bar, with a sample above it for each measurement."""
    with tqdm(total=trainer.steps, initial=trainer.step, unit="step", dynamic_ncols=True) as drawn:

        def show(progress: Progress) -> None:
            drawn.total = progress.steps
            if progress.sample is not None:
                drawn.write(f"\nstep {progress.step:,}: {progress.bits_per_character:.3f} bits per character held out")
                drawn.write(textwrap.indent(progress.sample, "    "))
            drawn.set_postfix_str(
                f"loss {progress.loss:.3f}, held out {progress.bits_per_character:.3f} bits/char, "
                f"{progress.characters_per_second:,.0f} chars/s",
                refresh=False,
            )
            drawn.update(progress.step - drawn.n)

        yield show


@contextmanager
def lines(trainer: Trainer, file: IO[str]) -> Iterator[Show]:
    """Write the progress to `file` as lines of JSON: twice a second, at each measurement, and at the last step.

    `training_bits` is the mean since the line before. `held_out_bits` is the last measurement, made at step `measured`.
    Both are in bits per character. `sample` is a text that the network has just written, or None. `steps` is None
    until the number of steps is known; until then `seconds_left` is the rest of the minutes that were given.
    """
    first, began = trainer.step, time.monotonic()
    told = sampled = -math.inf
    losses: list[float] = []

    def show(progress: Progress) -> None:
        nonlocal told, sampled
        losses.append(progress.loss)
        now = time.monotonic()
        if now < told + OFTEN and progress.sample is None and progress.step != progress.steps:
            return
        sample = trainer.sample() if progress.sample is None and now > sampled + SAMPLE else progress.sample
        if sample is not None:
            sampled = now
        if progress.steps is not None:
            left = (now - began) / max(1, progress.step - first) * (progress.steps - progress.step)
        else:
            left = max(0.0, 60 * (trainer.minutes or 0) - (time.perf_counter() - trainer.started))
        line = {
            "step": progress.step,
            "steps": progress.steps,
            "seconds_left": round(left, 1),
            "training_bits": round(sum(losses) / len(losses) / math.log(2), 4),
            "held_out_bits": round(progress.bits_per_character, 4),
            "measured": trainer.record.curve[-1]["step"],
            "characters_per_second": round(progress.characters_per_second),
            "sample": sample,
        }
        losses.clear()
        told = time.monotonic()
        print(json.dumps(line), file=file, flush=True)

    yield show
