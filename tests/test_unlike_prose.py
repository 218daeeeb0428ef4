"""Lines that do not look like prose are reported by kind, and prose is not."""

import pytest

from tests.conftest import book
from training.languages import guessed_language
from training.unlike_prose import Finding, unlike_prose

PROSE = book(9_000)
STORY = (
    "“I am 5 years old,” said he, “and so is A. B.”\n\nO my! She had a dog — a big one — for 3 days.\n\n"
    "    Verse has its own\n        indented lines\n\nI. The King\n\n* * *\n\nIn 1891 he paid £3 4s. 6d. & left.\n\n"
)


def findings(text: str) -> list[Finding]:
    return unlike_prose(text, guessed_language(text))


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ("<p>A <b>word</b>.</p>\nTom &amp; Anna\n\\emph{so} it is\n", "markup"),
        ("Flour        2 pounds     3d\nSugar        1 pound      2d\nSalt         1 ounce      1d\n", "tables"),
        ("| a | b |\n| c | d |\n| e | f |\n", "tables"),
        ("".join(f"{i}. a thing\n" for i in range(1, 8)), "lists"),
        ("See https://example.org/a\nSee www.example.org\nSee http://example.org\n", "web addresses"),
        ("FranÃ§ais\nitâ€™s\nund \ufffd so\n", "a wrong encoding"),
        ("".join(f"he went t0 the h0use and s{i}w it\n" for i in range(9)), "a scanner may have misread"),
        ("he went t the house\n" * 9, "a scanner may have left of words"),
    ],
)
def test_each_kind_is_found_with_its_place(lines: str, kind: str) -> None:
    text = PROSE + "\n\n" + lines
    [found] = findings(text)
    assert found.kind.name.endswith(kind)
    assert found.count == lines.count("\n")
    assert found.line == lines.split("\n")[0]
    assert text[found.start :].startswith(found.line)


def test_prose_verse_and_a_few_numbers_are_not_reported() -> None:
    assert findings(PROSE + STORY * 20) == []
    assert findings("") == []


def test_single_letters_are_words_in_other_languages() -> None:
    italian = "Il vecchio re e la regina andarono e tornarono, e nessuno nel castello sapeva quando e come.\n"
    polish = "Stary król mieszkał w zamku z synem i w lesie, a w nocy wracał z polowania z psami do domu.\n"
    for text in (italian, polish):
        assert findings(text * 50) == []


def test_a_list_of_few_lines_is_no_list() -> None:
    assert findings(PROSE + "\n\n" + "".join(f"{i}. a thing\n" for i in range(1, 6))) == []


@pytest.mark.parametrize("line", ["|" + "a" * 200_000, "a    b" + " " * 200_000 + "c.", "." * 200_000 + "a"])
def test_a_line_as_long_as_a_book_is_read_fast(line: str) -> None:
    """In quadratic time this would take hours."""
    assert findings(f"{line}\n" * 2) == []
