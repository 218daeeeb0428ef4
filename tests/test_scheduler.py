"""Many writers at once: every one is served, in turn, and none is in another's way."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from model.checkpoint import Checkpoint, load
from model.decoder import Decoder
from model.generation import Batch, GenerationConfig, Writer, generate
from model.scheduler import Scheduler

ALICE = Path(__file__).parent.parent / "assets" / "alice"
LONG = 100_000


def wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Return once it is so; that it never will be is the only failure."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def config(seed: int = 0, length: int = 40, **options: str) -> GenerationConfig:
    return GenerationConfig(length=length, seed=seed, **options)  # type: ignore[arg-type]


def test_a_text_grows_by_itself_until_it_is_whole(exact: Checkpoint) -> None:
    writer = Scheduler().write(exact, "the old", config())
    wait(lambda: writer.done)
    assert writer.text == "".join(generate(exact, "the old", config()))


def test_texts_of_several_models_and_contexts_are_those_written_alone(exact: Checkpoint) -> None:
    models = {"tiny": exact, "plain": replace(exact), "alice": load(ALICE)}
    vars(models["plain"])["decoder"] = Decoder(exact.network, exact=False)
    asked = [(model, context, seed) for seed in range(4) for model in models for context in ("carried", "window")]
    scheduler = Scheduler()
    writers = [
        scheduler.write(models[model], "the old", config(seed, context=context)) for model, context, seed in asked
    ]
    wait(lambda: all(writer.done for writer in writers))
    for writer in writers:
        assert writer.text == "".join(generate(writer.model, "the old", writer.config))


def test_in_a_full_house_the_next_ones_wait_in_line_and_come_in_by_themselves(exact: Checkpoint) -> None:
    scheduler = Scheduler(places=2)
    writers = [scheduler.write(exact, "a", config(seed, length=LONG)) for seed in range(5)]
    wait(lambda: scheduler.writing == 2)
    assert [scheduler.place(writer) for writer in writers] == [0, 0, 1, 2, 3]
    assert not any(writer.characters for writer in writers[2:])

    writers[3].cancel()  # who waits can leave too
    wait(lambda: scheduler.place(writers[4]) == 2)
    writers[0].cancel()
    wait(lambda: len(writers[2].characters) > 0)
    assert [scheduler.place(writer) for writer in writers] == [0, 0, 0, 0, 1]
    assert scheduler.writing == 2
    for writer in writers:
        writer.cancel()
    wait(lambda: scheduler.writing == 0)


def test_a_stop_ends_a_text_at_once(exact: Checkpoint) -> None:
    scheduler = Scheduler()
    writer = scheduler.write(exact, "a", config(length=LONG))
    wait(lambda: len(writer.characters) > 10)
    writer.cancel()
    assert writer.done
    assert scheduler.writing == 0, "its place must be free"
    wait(lambda: not scheduler._batches)
    written = writer.text
    time.sleep(0.05)
    assert writer.text == written


def test_who_joins_while_others_write_is_not_kept_waiting(exact: Checkpoint) -> None:
    scheduler = Scheduler()
    others = [scheduler.write(exact, "a", config(seed, length=LONG)) for seed in range(63)]
    wait(lambda: all(writer.characters for writer in others))
    before = len(others[0].characters)
    newcomer = scheduler.write(exact, "the", config(length=1))
    wait(lambda: newcomer.done)
    assert scheduler.writing == 63
    for writer in others:
        writer.cancel()
    assert before < len(others[0].characters) < LONG


def test_a_fault_breaks_off_the_texts_of_its_own_batch_alone(
    exact: Checkpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    step, other = Batch.step, replace(exact)
    scheduler = Scheduler()

    def failing(batch: Batch) -> None:
        if batch.model is other and any(len(writer.characters) == 7 for writer in batch.writers):
            raise MemoryError("no room")
        step(batch)

    monkeypatch.setattr(Batch, "step", failing)
    writers: list[Writer] = [scheduler.write(model, "a", config()) for model in (exact, other)]
    wait(lambda: all(writer.done for writer in writers))
    assert [len(writer.characters) for writer in writers] == [40, 7]
    assert [writer.failed for writer in writers] == [False, True]
    assert "1 texts were broken off" in caplog.text
    short = [scheduler.write(other, "a", config(length=length)) for length in (6, 40)]
    wait(lambda: all(writer.done for writer in short))
    assert [writer.failed for writer in short] == [False, True], "what was whole before is not broken off"
    last = scheduler.write(other, "a", config(length=5))
    wait(lambda: last.done)
    assert last.text


def test_a_closed_scheduler_ends_every_text(exact: Checkpoint) -> None:
    scheduler = Scheduler(places=2)
    writers = [scheduler.write(exact, "a", config(seed, length=LONG)) for seed in range(3)]
    wait(lambda: scheduler.writing == 2)
    scheduler.close()
    assert all(writer.done for writer in writers)
    lengths = [len(writer.characters) for writer in writers]
    time.sleep(0.05)
    assert [len(writer.characters) for writer in writers] == lengths


def test_a_program_that_ends_while_a_text_is_written_ends_in_good_order() -> None:
    program = """
import time
from model.checkpoint import load
from model.generation import GenerationConfig
from model.scheduler import Scheduler
from pathlib import Path
writer = Scheduler().write(load(Path("assets/alice")), "a", GenerationConfig(length=100_000))
while len(writer.characters) < 9:
    time.sleep(0.01)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ALICE.parent.parent, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
