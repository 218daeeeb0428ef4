"""The figures of a scheduler: what Prometheus reads, and when it counts as stalled."""

import re
import time
from typing import Any

import pytest

from model.generation import GenerationConfig
from model.loaded import Model
from model.serving.figures import STALLED, Figures, prometheus
from model.serving.scheduler import Scheduler
from tests.conftest import wait


def samples(text: str) -> dict[str, float]:
    """Return the samples by their names and labels; assert that each line has the format of Prometheus."""
    lines = text.splitlines()
    assert all(re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"\})? [0-9.e+-]+', line) for line in lines)
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_every_figure_is_given_in_the_format_of_prometheus() -> None:
    figures = Figures()
    for seconds in (0.05, 0.3, 40):
        figures.began(seconds)
    figures.wrote(1_234_567)
    figures.refusals["texts"] += 2
    told = samples(prometheus(figures, 3, 5, 64, 1))
    assert (told["lstm_queue_length"], told["lstm_slots_used"], told["lstm_slots"], told["lstm_analyses"]) == (
        3,
        5,
        64,
        1,
    )
    assert told["lstm_characters_total"] == 1_234_567
    buckets = [count for name, count in told.items() if "_bucket" in name]
    assert buckets == [1, 1, 2, 2, 2, 2, 2, 2, 3]
    assert told["lstm_first_character_seconds_count"] == 3
    assert told["lstm_first_character_seconds_sum"] == pytest.approx(40.35)
    assert told['lstm_refusals_total{limit="texts"}'] == 2


def test_the_scheduler_counts_the_characters_it_writes_and_not_those_that_came_with_a_request(exact: Model) -> None:
    scheduler = Scheduler()
    requests = [
        scheduler.submit(exact, "the ", GenerationConfig(length=20 + n, seed=n), written="abide"[: 2 * n])
        for n in range(3)
    ]
    while not all(request.done for request in requests) or scheduler.figures.characters < 57:
        time.sleep(0.002)
    scheduler.close()
    told = samples(scheduler.metrics())
    assert told["lstm_characters_total"] == 20 + 21 + 22 - (0 + 2 + 4)
    assert told["lstm_first_character_seconds_count"] == 3


def test_it_is_stalled_if_there_is_a_request_and_nothing_is_written() -> None:
    figures, now = Figures(), time.monotonic()
    assert not figures.stalled(None), "nothing is asked for"
    figures.last_progress = now - STALLED - 1
    assert not figures.stalled(now), "it was asked for only now"
    assert figures.stalled(now - STALLED - 1)
    figures.wrote(1)
    assert not figures.stalled(now - STALLED - 1)


@pytest.mark.parametrize("options", [{}, {"adapt": True}, {"context": "window"}], ids=str)
def test_it_is_not_stalled_while_a_long_prompt_is_read(exact: Model, options: dict[str, Any]) -> None:
    scheduler = Scheduler()
    scheduler.figures.last_progress -= 2 * STALLED
    request = scheduler.submit(exact, "the old lion " * 5_000, GenerationConfig(length=1, **options))
    wait(lambda: scheduler.figures.last_progress > request.asked_at)
    assert not request.characters
    scheduler.close()


def test_a_closed_scheduler_is_not_healthy() -> None:
    scheduler = Scheduler()
    assert scheduler.healthy
    scheduler.close()
    assert not scheduler.healthy
