"""Many requests at once: every request is served, and none delays another."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from model.checkpoint import load
from model.decoder import Decoder
from model.generation import GenerationConfig, Request, generate
from model.loaded import Model
from model.serving.batch import Batch
from model.serving.scheduler import Scheduler

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


def test_a_text_grows_by_itself_until_it_is_whole(exact: Model) -> None:
    request = Scheduler().submit(exact, "the old", config())
    wait(lambda: request.done)
    assert request.text == "".join(generate(exact, "the old", config()))


def test_texts_of_several_models_and_contexts_are_those_written_alone(exact: Model) -> None:
    models = {"tiny": exact, "plain": replace(exact), "alice": load(ALICE)}
    vars(models["plain"])["decoder"] = Decoder(exact.network, exact=False)
    asked = [(model, context, seed) for seed in range(4) for model in models for context in ("carried", "window")]
    scheduler = Scheduler()
    requests = [
        scheduler.submit(models[model], "the old", config(seed, context=context)) for model, context, seed in asked
    ]
    wait(lambda: all(request.done for request in requests))
    for request in requests:
        assert request.text == "".join(generate(request.model, "the old", request.config))


def test_while_all_slots_are_taken_requests_wait_in_the_queue_and_then_run(exact: Model) -> None:
    scheduler = Scheduler(slots=2)
    requests = [scheduler.submit(exact, "a", config(seed, length=LONG)) for seed in range(5)]
    wait(lambda: scheduler.running == 2)
    assert [scheduler.queue_position(request) for request in requests] == [0, 0, 1, 2, 3]
    assert not any(request.characters for request in requests[2:])

    requests[3].cancel()  # a waiting request can leave too
    wait(lambda: scheduler.queue_position(requests[4]) == 2)
    requests[0].cancel()
    wait(lambda: len(requests[2].characters) > 0)
    assert [scheduler.queue_position(request) for request in requests] == [0, 0, 0, 0, 1]
    assert scheduler.running == 2
    for request in requests:
        request.cancel()
    wait(lambda: scheduler.running == 0)


def test_a_stop_ends_a_text_at_once(exact: Model) -> None:
    scheduler = Scheduler()
    request = scheduler.submit(exact, "a", config(length=LONG))
    wait(lambda: len(request.characters) > 10)
    request.cancel()
    assert request.done
    assert scheduler.running == 0, "its slot must be free"
    wait(lambda: not scheduler._batches)
    written = request.text
    time.sleep(0.05)
    assert request.text == written


def test_a_request_that_joins_while_others_run_starts_at_once(exact: Model) -> None:
    scheduler = Scheduler()
    others = [scheduler.submit(exact, "a", config(seed, length=LONG)) for seed in range(63)]
    wait(lambda: all(request.characters for request in others))
    before = len(others[0].characters)
    newcomer = scheduler.submit(exact, "the", config(length=1))
    wait(lambda: newcomer.done)
    assert scheduler.running == 63
    for request in others:
        request.cancel()
    assert before < len(others[0].characters) < LONG


def test_a_fault_breaks_off_the_texts_of_its_own_batch_alone(
    exact: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    step, other = Batch.step, replace(exact)
    scheduler = Scheduler()

    def failing(batch: Batch) -> None:
        if batch.model is other and any(len(request.characters) == 7 for request in batch.running):
            raise MemoryError("out of memory")
        step(batch)

    monkeypatch.setattr(Batch, "step", failing)
    requests: list[Request] = [scheduler.submit(model, "a", config()) for model in (exact, other)]
    wait(lambda: all(request.done for request in requests))
    assert [len(request.characters) for request in requests] == [40, 7]
    assert [request.failed for request in requests] == [False, True]
    assert "1 requests failed" in caplog.text
    short = [scheduler.submit(other, "a", config(length=length)) for length in (6, 40)]
    wait(lambda: all(request.done for request in short))
    assert [request.failed for request in short] == [False, True], "a text that was complete before has not failed"
    last = scheduler.submit(other, "a", config(length=5))
    wait(lambda: last.done)
    assert last.text


def test_a_closed_scheduler_ends_every_text(exact: Model) -> None:
    scheduler = Scheduler(slots=2)
    requests = [scheduler.submit(exact, "a", config(seed, length=LONG)) for seed in range(3)]
    wait(lambda: scheduler.running == 2)
    scheduler.close()
    assert all(request.done for request in requests)
    lengths = [len(request.characters) for request in requests]
    time.sleep(0.05)
    assert [len(request.characters) for request in requests] == lengths


def test_a_program_that_ends_while_a_text_is_written_ends_in_good_order() -> None:
    program = """
import time
from model.checkpoint import load
from model.generation import GenerationConfig
from model.serving.scheduler import Scheduler
from pathlib import Path
request = Scheduler().submit(load(Path("assets/alice")), "a", GenerationConfig(length=100_000))
while len(request.characters) < 9:
    time.sleep(0.01)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ALICE.parent.parent, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
