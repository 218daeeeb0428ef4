"""Quotes and dashes become those of a printed book, and no word changes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.typography import CONVENTIONS, THIN_SPACE, Typography, typeset


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ('"Well," he said.', "“Well,” he said."),
        ("'Well,' he said. 'I can't.'", "“Well,” he said. “I can’t.”"),
        ("\"She said 'No,' to me,\" he said.", "“She said ‘No,’ to me,” he said."),
        ("'Who said \"stop,\" then,' he asked. 'Not I.'", "“Who said ‘stop,’ then,” he asked. “Not I.”"),
        ("the dogs' dinner", "the dogs’ dinner"),
        ("\"'Tis the boys' doin',\" he said", "“’Tis the boys’ doin’,” he said"),
        ("the '90s, rock 'n' roll", "the ’90s, rock ’n’ roll"),
        ("a label with 'ORANGE MARMALADE', but", "a label with ‘ORANGE MARMALADE’, but"),
        (
            "the words 'EAT ME' were there. \"'Well, I'll eat it.'\"",
            "the words ‘EAT ME’ were there. “‘Well, I’ll eat it.’”",
        ),
        ('"I think--" he began--"what?"', "“I think—” he began—“what?”"),
        ('"One.\n\n"Two."', "“One.\n\n“Two.”"),  # speech that runs on into the next paragraph
        ("``Well,'' he said", "“Well,” he said"),
        ("Mr. ---- came -- and went", "Mr. —— came—and went"),
        ("“‘God’s in his heaven,’” she said", "“‘God’s in his heaven,’” she said"),
        ("well-known, 3-4, a - b", "well-known, 3-4, a - b"),
    ],
)
def test_english_quotes_and_dashes(typed: str, printed: str) -> None:
    assert typeset(typed, "English") == printed


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ('"Ach--nein," sagte sie.', "„Ach – nein,“ sagte sie."),
        ("»Wer?« fragte er -- »ich nicht.«", "„Wer?“ fragte er – „ich nicht.“"),
        ("„Wer?“ fragte er.", "„Wer?“ fragte er."),
        ("Greenhorn? - - Ach", "Greenhorn? – Ach"),
        ("„Der Hof heißt >Körnerlos<!“", "„Der Hof heißt ‚Körnerlos‘!“"),
        ("»Er rief: ›Halt ein.‹«", "„Er rief: ‚Halt ein.‘“"),
        ("1 < 2 und 3 > 2, a>b", "1 < 2 und 3 > 2, a>b"),
        ("'s war, wie's ist, er hat's", "’s war, wie’s ist, er hat’s"),
    ],
)
def test_german_quotes_and_dashes(typed: str, printed: str) -> None:
    assert typeset(typed, "German") == printed


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("--Bonjour! dit-il.", "— Bonjour~! dit-il."),
        ("«C'est lui--», dit-elle", "«~C’est lui —~», dit-elle"),
        ('"L\'autre," dit-il', "«~L’autre,~» dit-il"),
        ("« Quoi ?! » dit-il ; il sortit :", "«~Quoi~?!~» dit-il~; il sortit~:"),
        ("Lui… ! (!) à 10:30, http://a.fr/?b=1 :)", "Lui…~! (!) à 10:30, http://a.fr/?b=1 :)"),
        ("«Un.\n\n» Deux.»", "«~Un.\n\n«~Deux.~»"),  # speech that runs on
    ],
)
def test_french_quotes_and_dashes(typed: str, printed: str) -> None:
    """A tilde stands for the narrow no-break space."""
    assert typeset(typed, "French") == printed.replace("~", THIN_SPACE)


def test_as_it_is_changes_nothing() -> None:
    assert typeset("\"it's\"--'so'", "as it is") == "\"it's\"--'so'"


@pytest.mark.parametrize("typography", list(CONVENTIONS))
def test_typeset_text_does_not_change_again(typography: str) -> None:
    printed = typeset('"He said \'No--never,\' and left," she said.\n\n"Oh!"', typography)  # type: ignore[arg-type]
    assert typeset(printed, typography) == printed  # type: ignore[arg-type]


@pytest.mark.parametrize("repeated", [" ", "\t", "'a ", "‘a ", "“a ", "' \" ", "-", " ?", "« "])
@pytest.mark.parametrize("typography", ["English", "French"])
def test_a_long_text_of_marks_or_spaces_is_typeset_fast(repeated: str, typography: Typography) -> None:
    """A prompt may have 100,000 characters: in quadratic time this would take many minutes."""
    text = "a" + repeated * (99_999 // len(repeated))
    assert typeset(text, typography).count("a") == text.count("a")


@given(st.text(alphabet="aBé1 \u202f\n.,!?:-—_'\"“”‘’„«»`´()", max_size=80), st.sampled_from(list(CONVENTIONS)))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_no_letter_is_lost_or_moved(text: str, typography: str) -> None:
    words = re.compile(r"[^\W_]+")
    assert words.findall(typeset(text, typography)) == words.findall(text)  # type: ignore[arg-type]
