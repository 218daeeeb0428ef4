"""Passages that occur twice are found wherever they stand, and nothing else is."""

import random

import pytest

from tests.conftest import book
from training import repeats as module
from training.repeats import WINDOW, Repeat, repeats

PASSAGE = "Twinkle, twinkle, little bat! How I wonder what you are at! Up above the world you fly, like a tea-tray."
OTHER = book(3_000, seed=1)


def unlike(seed: int, characters: int = 2_000) -> str:
    """Return random letters, in which no passage repeats."""
    return "".join(random.Random(seed).choices("abcdefghij klmnop", k=characters))


def test_a_passage_that_occurs_twice_is_found_from_its_beginning_to_its_end() -> None:
    text = f"{unlike(1)}+{PASSAGE}+{unlike(2)}|{PASSAGE}|{unlike(3)}"
    start = 2_000 + 1 + len(PASSAGE) + 1 + 2_000 + 1
    assert repeats(text) == [Repeat(start, start + len(PASSAGE), 2_001)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        unlike(1),
        f"{unlike(1)}+{PASSAGE[: WINDOW - 1]}+{unlike(2)}|{PASSAGE[: WINDOW - 1]}|",
        f"{unlike(1)}{' ' * 300}{'* ' * 200}\n{'-' * 300}",
        f"{unlike(1)}{'ha ' * 30}",
    ],
    ids=["empty", "short", "nothing twice", "too short a passage", "rows of marks", "a row of the same"],
)
def test_nothing_else_is_found(text: str) -> None:
    assert repeats(text) == []


def test_in_a_long_text_long_passages_are_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2_000)
    monkeypatch.setattr(module, "CHUNK", 999)
    text = f"{unlike(1)}+{OTHER}+{unlike(2)}|{OTHER}|"
    found = max(repeats(text), key=lambda each: each.end - each.start)
    assert found.end - found.start > 0.9 * len(OTHER)
    assert text[found.start : found.start + 99] == text[found.earlier : found.earlier + 99]
