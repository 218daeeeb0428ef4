"""The alignment of a typed text with its repaired text."""

import random

from model.analysis.alignment import align
from model.vocabulary import Vocabulary

SMALL = Vocabulary("\n '\"-.abcdehilnot", lowercase=True)


def paired(typed: str) -> list[tuple[str, str]]:
    repaired = SMALL.repair(typed).text
    places = align(typed, repaired)
    assert len(places) == len(typed) + 1
    assert places[-1] == len(repaired)
    return [(c, repaired[a:b]) for c, a, b in zip(typed, places, places[1:], strict=False)]


def test_characters_that_stay_or_change_one_for_one_keep_their_place() -> None:
    assert paired("Ab, “I”") == [("A", "a"), ("b", "b"), (",", ""), (" ", " "), ("“", '"'), ("I", "i"), ("”", '"')]


def test_a_character_can_become_several_or_none() -> None:
    assert paired("a—b") == [("a", "a"), ("—", "--"), ("b", "b")]
    assert paired("do… it")[2] == ("…", "...")
    assert paired("яя b") == [("я", ""), ("я", ""), (" ", " "), ("b", "b")]
    assert paired("a😀cab") == [("a", "a"), ("😀", ""), ("c", "c"), ("a", "a"), ("b", "b")]


def test_places_never_decrease_and_an_unchanged_text_keeps_its_places() -> None:
    chance = random.Random(3)
    for _ in range(200):
        typed = "".join(chance.choices("abcdehilnot .'\n“”—…😀éXZ\u0301", k=40))
        repaired = SMALL.repair(typed).text
        places = align(typed, repaired)
        assert places == sorted(places)
        assert 0 <= places[0] <= places[-1] == len(repaired)
    plain = "the old lion ate a hot tin on the hill."
    assert align(plain, plain) == list(range(len(plain) + 1))
    assert align("", "") == [0]
