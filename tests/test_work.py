"""Work in turns with the texts: each work ends, fails or is cancelled by itself, and does not delay the writing."""

import threading
from itertools import cycle

import pytest

from model.serving.limits import LimitError, Limits
from model.serving.scheduler import WORKERS, Scheduler
from model.serving.work import Pieces, Work, finish
from tests.conftest import wait


def counting(n: int) -> Pieces[str]:
    yield from range(n)
    return "done"


def test_a_result_is_the_same_at_once_and_through_the_scheduler() -> None:
    scheduler = Scheduler()
    works = [scheduler.compute(counting(n)) for n in (0, 1, 5, 7)]
    wait(lambda: all(work.done for work in works))
    assert [work.result for work in works] == ["done"] * 4 == [finish(counting(3))] * 4
    assert [work.progress for work in works] == [None, 0, 4, 6]
    scheduler.close()


def test_an_error_ends_one_work_only_and_the_next_is_done() -> None:
    def broken() -> Pieces[None]:
        yield
        raise MemoryError("no memory")

    scheduler = Scheduler()
    failed, other = scheduler.compute(broken()), scheduler.compute(counting(3))
    wait(lambda: failed.done and other.done)
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
    wait(lambda: works[0].progress == "begun")
    assert not last.done, "it waits for one of the others"
    works[0].cancel()
    wait(lambda: last.done)
    assert works[0].done
    assert closed.is_set()
    scheduler.close()


@pytest.mark.parametrize("failing", [False, True])
def test_work_that_fails_from_outside_says_so(failing: bool) -> None:
    work = Work(counting(2))
    if failing:
        work.fail()
    assert (work.done, isinstance(work.error, RuntimeError)) == (failing, failing)


def test_the_caller_hears_of_an_error_once_and_not_after_the_end() -> None:
    errors: list[Exception] = []
    work, whole = Work(counting(1), failed=errors.append), Work(counting(0), failed=errors.append)
    work.fail()
    work.fail()
    whole.step()
    whole.fail()
    assert [str(error) for error in errors] == ["the computation was broken off"]
    assert (whole.result, whole.error) == ("done", None)


def test_work_that_is_cancelled_in_the_queue_no_longer_counts() -> None:
    scheduler = Scheduler(Limits(visitor_analyses=3))
    endless = [scheduler.compute(cycle("a"), "visitor") for _ in range(3)]  # type: ignore[arg-type]
    with pytest.raises(LimitError):
        scheduler.compute(counting(1), "visitor")
    endless[2].cancel()
    assert endless[2].done
    last = scheduler.compute(counting(1), "visitor")
    endless[0].cancel()
    wait(lambda: last.done)
    scheduler.close()


def test_one_visitor_cannot_keep_another_ones_computation_from_running() -> None:
    scheduler = Scheduler()
    own = [scheduler.compute(cycle("a"), "visitor") for _ in range(WORKERS)]  # type: ignore[arg-type]
    wait(lambda: own[WORKERS - 2].begun)
    other = scheduler.compute(counting(1), "another")
    wait(lambda: other.done)
    assert not own[-1].begun
    scheduler.close()
