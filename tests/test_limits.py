"""Limits for one visitor and for all visitors together, and the variables that set them."""

from typing import Any

import pytest

from model.generation import GenerationConfig
from model.loaded import Model
from model.serving.limits import LimitError, Limits, limits_of
from model.serving.scheduler import Scheduler, admitted, in_turn
from model.serving.work import Pieces, Work

LONG = GenerationConfig(length=300)


def test_a_limit_is_set_by_a_variable_of_its_name() -> None:
    assert limits_of({"HOME": "/", "LIMIT_VISITOR_TEXTS": "7"}) == Limits(visitor_texts=7)
    assert limits_of({}) == Limits()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"LIMIT_TEXTS": "many"}, "LIMIT_TEXTS is 'many', but must be a whole number"),
        ({"LIMIT_TEXTS": "0"}, "texts is 0, but must be a whole number from 1"),
        ({"LIMIT_TEXT": "5"}, "LIMIT_TEXT is no limit: the limits are LIMIT_SLOTS, "),
    ],
)
def test_a_wrong_variable_is_refused_in_a_sentence(variables: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        limits_of(variables)


@pytest.mark.parametrize(
    ("limits", "limit", "told"),
    [
        (
            {"visitor_texts": 2},
            "visitor_texts",
            "you have asked for 3 texts at once, and 2 are allowed",
        ),
        ({"visitor_characters": 700}, "visitor_characters", "you have asked for 90. characters"),
        ({"texts": 2, "slots": 1}, "texts", "too many visitors have asked for texts"),
        ({"characters": 700}, "characters", "too many visitors"),
    ],
    ids=str,
)
def test_a_request_over_a_limit_is_refused_and_counted_and_occupies_nothing(
    exact: Model, limits: dict[str, int], limit: str, told: str
) -> None:
    scheduler = Scheduler(Limits(**limits))
    with scheduler._changed:  # so that nothing is written in the meantime
        requests = [scheduler.submit(exact, "a", LONG, visitor="ann") for _ in range(2)]
        with pytest.raises(LimitError, match=told):
            scheduler.submit(exact, "a", LONG, visitor="ann")
        if limit.startswith("visitor"):
            requests.append(scheduler.submit(exact, "a", LONG, visitor="bob"))
            requests += [scheduler.submit(exact, "a", LONG) for _ in range(5)]  # the program itself, without limit
        for request in requests:
            request.cancel()
        scheduler.submit(exact, "a", LONG, visitor="ann").cancel()  # ended requests no longer count
    assert scheduler.figures.refusals == {limit: 1}
    scheduler.close()


def test_analyses_have_a_limit_of_their_own() -> None:
    def endless() -> Pieces[None]:
        while True:
            yield

    scheduler = Scheduler(Limits(visitor_analyses=3))
    works = [scheduler.compute(endless(), "ann") for _ in range(3)]
    with pytest.raises(LimitError, match="texts to analyse"):
        scheduler.compute(endless(), "ann")
    works.append(scheduler.compute(endless(), "bob"))
    scheduler.close()
    assert all(work.cancelled for work in works)


def jobs(visitors: str) -> list[Work]:
    """Return one job for each letter; the letter is the name of its visitor."""

    def nothing() -> Pieces[None]:
        yield

    return [Work(nothing(), visitor) for visitor in visitors]


def told(jobs: list[Any]) -> str:
    return "".join(job.visitor for job in jobs)


def test_a_free_slot_goes_to_the_visitor_who_has_the_fewest() -> None:
    assert told([job for _, job in in_turn(jobs("aaabbc"), [])]) == "abcaba"
    assert told([job for _, job in in_turn(jobs("aab"), jobs("aa"))]) == "baa"
    started, running, waiting = admitted(jobs("aaabbc"), jobs("c"), 4, 9)
    assert (told(started), told(running), told(waiting)) == ("aba", "caba", "abc")


def test_one_visitor_gets_only_some_of_the_slots_and_the_others_stay_free() -> None:
    started, _, waiting = admitted(jobs("aaaaab"), jobs("a"), 8, 3)
    assert (told(started), told(waiting)) == ("baa", "aaa")
    ours = [Work(job.pieces, None) for job in jobs("aaaaa")]
    assert len(admitted(ours, [], 8, 3)[0]) == 5, "the program itself is no visitor"
