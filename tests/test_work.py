"""Work in turns with the texts: each work ends, fails or is cancelled by itself, and does not delay the writing."""

import threading
import time
from collections.abc import Callable

import pytest

from model.generation import GenerationConfig
from model.loaded import Model
from model.serving.scheduler import WORKERS, Scheduler
from model.serving.work import Pieces, Work, finish


def counting(n: int) -> Pieces[str]:
    yield from range(n)
    return "done"


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_result_is_the_same_at_once_and_through_the_scheduler() -> None:
    scheduler = Scheduler()
    works = [scheduler.compute(counting(n)) for n in (0, 1, 5, 7)]
    until(lambda: all(work.done for work in works))
    assert [work.result for work in works] == ["done"] * 4 == [finish(counting(3))] * 4
    assert [work.progress for work in works] == [None, 0, 4, 6]
    scheduler.close()


def test_an_error_ends_one_work_only_and_the_next_is_done() -> None:
    def broken() -> Pieces[None]:
        yield
        raise MemoryError("no memory")

    scheduler = Scheduler()
    failed, other = scheduler.compute(broken()), scheduler.compute(counting(3))
    until(lambda: failed.done and other.done)
    assert isinstance(failed.error, MemoryError)
    assert (other.result, other.error) == ("done", None)
    scheduler.close()


def test_cancelled_work_ends_before_its_next_piece_and_its_generator_is_closed() -> None:
    closed = threading.Event()

    def endless() -> Pieces[None]:
        try:
            while True:
                yield "begun"
        finally:
            closed.set()

    scheduler = Scheduler()
    works = [scheduler.compute(endless()) for _ in range(WORKERS)]
    last = scheduler.compute(counting(1))
    until(lambda: works[0].progress == "begun")
    assert not last.done, "it waits for one of the others"
    works[0].cancel()
    until(lambda: last.done)
    assert works[0].done
    assert closed.is_set()
    scheduler.close()


def test_work_gets_at_most_about_as_much_time_as_the_writing(exact: Model) -> None:
    spent = 0.0

    def slow() -> Pieces[None]:
        nonlocal spent
        while True:
            begun = time.perf_counter()
            time.sleep(0.004)
            spent += time.perf_counter() - begun
            yield

    scheduler = Scheduler()
    request = scheduler.submit(exact, "the ", GenerationConfig(length=100_000))
    until(lambda: len(request.characters) > 10)
    begun = time.perf_counter()
    work = scheduler.compute(slow())
    until(lambda: spent > 0.2)
    passed, used = time.perf_counter() - begun, spent
    assert used < 0.75 * passed
    work.cancel()
    scheduler.close()


@pytest.mark.parametrize("failing", [False, True])
def test_work_that_fails_from_outside_says_so(failing: bool) -> None:
    work = Work(counting(2))
    if failing:
        work.fail()
    assert (work.done, isinstance(work.error, RuntimeError)) == (failing, failing)
