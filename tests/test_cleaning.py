"""Cleaning joins wrapped lines into paragraphs, and leaves text that is not prose unchanged."""

import re
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.changes import Changes
from training.cleaning import WORDS_JOINED, clean, guessed_layout, joined, spaced
from training.edition import emphasis, scene_breaks
from training.languages import guessed_language

PROSE = (
    "Once upon a time there lived in a small house near the forest a woodcutter, his wife and their three children, "
    "who were called Anna, Peter and little Tom. They were poor, and every morning the father went out with his axe. "
    "One day he did not come home again, and the mother waited at the window until the stars stood over the trees. "
)
PARAGRAPHS = [PROSE * n for n in (1, 2, 1, 3)]
WRAPPED = "\n\n".join(textwrap.fill(paragraph, 70) for paragraph in PARAGRAPHS) + "\n"
VERSE = (
    "The owl and the cat went out to sea\n  In a beautiful boat of green,\n"
    "They took some honey and lots of tea\n  And the finest plums to be seen."
)
CHAT = "".join(f"[12:{i:02}] {'ann' if i % 3 else 'bob'}: {'well ' * (i % 9)}ok_then -- 'yes'\n" for i in range(60))
CODE = "".join(f'def f_{i}(x, *, _y="a"):\n    return x["k"] -- {i}  # it\'s\n\n' for i in range(60))
QUATRAIN = (
    "the owl and the cat went far out to the sea in the early spring\n"
    "in a beautiful boat of the colour of the green of the peas\n"
    "they took with them some honey, and a great quantity of old tea\n"
    "and sang to the stars with a small guitar in the evening breeze"
)
SUBTITLES = "".join(f'{i}\n00:00:{i:02},000 --> 00:00:{i + 1:02},000\n- Don\'t! "Now?"\n\n' for i in range(50))


def test_wrapped_lines_become_the_paragraphs_that_they_were() -> None:
    cleaned = clean(WRAPPED)
    assert cleaned.layout == "wrapped"
    assert cleaned.text == "\n\n".join(paragraph.strip() for paragraph in PARAGRAPHS) + "\n"
    joins = WRAPPED.count("\n") - 1 - 2 * (len(PARAGRAPHS) - 1)
    assert f"{joins} line ends joined into {len(PARAGRAPHS)} paragraphs" in map(str, cleaned.changes)


@pytest.mark.parametrize(
    "text",
    [CHAT, CODE, SUBTITLES, (VERSE + "\n\n") * 20, (QUATRAIN + "\n\n") * 20],
    ids=["chat", "code", "subtitles", "poem", "poem in lower case"],
)
def test_text_that_is_not_hard_wrapped_prose_stays_unchanged(text: str) -> None:
    cleaned = clean(text)
    assert (cleaned.text, cleaned.typography, cleaned.changes) == (text, "as it is", ())


@pytest.mark.parametrize("form", ["lines", "as it is"])
def test_the_other_forms_keep_the_lines(form: str) -> None:
    assert clean(WRAPPED, form).text == WRAPPED  # type: ignore[arg-type]


def test_paragraphs_of_one_line_each_get_their_quotes_set_and_no_line_is_joined() -> None:
    text = "\n".join(f'"Well," said Tom{i}, "{PROSE.strip()}"' for i in range(8))
    cleaned = clean(text)
    assert cleaned.layout == "paragraphs"
    assert cleaned.text == text.replace('"Well,"', "“Well,”").replace('"Once', "“Once").replace('"', "”") + "\n"


@pytest.mark.parametrize(
    "kept",
    [
        VERSE,
        "CHAPTER I\nDown the Hole",
        "Dear Anna,\n\nI am well.\n\nYour loving\nPeter",
        "1. Bread\n2. Butter\n3. Milk",
        "Flour      2 pounds     3d\nSugar      1 pound      2d",
    ],
    ids=["verse", "heading", "letter", "list", "table"],
)
def test_lines_that_are_meant_as_lines_stay(kept: str) -> None:
    assert f"\n\n{kept}\n\n" in clean(f"{WRAPPED}\n\n{kept}\n\n{WRAPPED}").text


def test_lines_of_a_narrow_edition_are_joined_and_short_lines_of_verse_are_not() -> None:
    narrow = "\n\n".join(textwrap.fill(paragraph, 36) for paragraph in PARAGRAPHS)
    assert clean(narrow).text == "\n\n".join(paragraph.strip() for paragraph in PARAGRAPHS) + "\n"
    assert clean((VERSE + "\n\n") * 30).layout == "lines"


def test_a_narrower_paragraph_is_joined_too() -> None:
    narrow = textwrap.fill(PROSE, 50)
    assert PROSE.strip() in clean(f"{WRAPPED}\n\n{narrow}\n\n{WRAPPED}").text.split("\n\n")


def test_a_long_paragraph_of_short_lines_is_joined_though_a_third_of_them_begin_with_a_name() -> None:
    lines = ["the old man came with", "Anna and her brother who", "was small and was tired"] * 4
    assert " ".join(lines) in clean(f"{WRAPPED}\n\n{chr(10).join(lines)}\n\n{WRAPPED}").text.split("\n\n")


def test_indented_paragraphs_are_counted_though_no_blank_line_separates_them() -> None:
    text = "\n".join(textwrap.fill(PROSE, 70, initial_indent="   ") for _ in range(60))
    assert "into 60 paragraphs" in str(clean(text).changes[-1])
    assert clean(text).text.count("\n") == 60


def test_a_line_of_spaces_is_blank_and_a_form_feed_ends_a_line() -> None:
    assert clean(f"Title: My Story\n \n{WRAPPED}").text == clean(WRAPPED).text
    pages = "".join(textwrap.fill(PROSE[5:105], 70) + f"\n\n{n}\n\n\f" for n in range(1, 60))
    cleaned = clean(pages)
    assert "59 page numbers left out" in map(str, cleaned.changes)
    assert "\f" not in cleaned.text


def test_the_language_can_be_given() -> None:
    assert clean('"Oui," dit-il.', language="fr").language == "fr"


def test_a_word_cut_at_the_end_of_a_line_is_joined_where_it_occurs_whole() -> None:
    lines = "x" * 30 + " the wood-\ncutter went out, " + "y" * 30 + " blue-\neyed"
    changes: Changes = []
    assert joined(lines + "\n\na woodcutter\n\n" + "z" * 40, changes).startswith(
        "x" * 30 + " the woodcutter went out, " + "y" * 30 + " blue-eyed"
    )
    assert "1 word joined that the end of a line had cut" in map(str, changes)


def test_no_space_is_added_after_a_dash_at_the_end_of_a_line() -> None:
    assert "aa--bb" in joined("x" * 40 + " aa--\nbb " + "x" * 40, [])


def test_two_spaces_between_sentences_become_one_and_columns_stay() -> None:
    changes: Changes = []
    assert spaced("One.  Two.\u00a0 Three.\u00a0\u00a0Four.   Five\n\nQui\u00a0?   a    b\n", changes) == (
        "One. Two. Three. Four. Five\n\nQui\u00a0?   a    b\n"
    )
    assert [str(change) for change in changes] == ["wide spaces between words made one: 4 places"]


def test_centred_lines_lose_their_indentation_and_verse_keeps_little() -> None:
    assert joined("                  TITLE\n    BY ME\n\n    a\n        b", []) == "TITLE\nBY ME\n\na\n    b"


def test_the_language_is_guessed() -> None:
    german = (
        "Es war einmal ein König, der hatte drei Töchter, und die jüngste war so schön, daß die Sonne sich wunderte. "
    )
    french = (
        "Il était une fois un roi qui avait trois filles, et la plus jeune était si belle que le soleil s'étonnait. "
    )
    assert [guessed_language(text) for text in (PROSE, german, french)] == ["en", "de", "fr"]
    assert guessed_layout("") == "lines"


@pytest.mark.parametrize(
    "text",
    [
        f"{WRAPPED}a{' ' * 200_000}b",
        f"{WRAPPED}{'a' * 200_000}",
        f"{WRAPPED}* * *{chr(10) * 200_000}a",
        WRAPPED[:100] + "*\n" * 50_000 + WRAPPED * 150,
        WRAPPED[:100] + chr(10) * 50_000 + WRAPPED * 150,
    ],
    ids=["spaces", "letters", "blank lines behind a break", "lines of one star", "blank lines at the front"],
)
def test_a_text_that_mostly_repeats_one_character_is_cleaned_quickly(text: str) -> None:
    """If the time grew with the square of the length, this would take hours."""
    assert clean(text).text.count("woodcutter") == text.count("woodcutter")


words = st.text(alphabet="abcdeABCé", min_size=1, max_size=12)
marks = st.sampled_from(["", "", "", ",", ".", "!", "--", '"', "'", "_", "-"])
word = st.builds(lambda a, b, c: a + b + c, marks, words, marks)
paragraph = st.lists(word, min_size=1, max_size=60).map(" ".join)


@given(st.lists(paragraph, min_size=1, max_size=8), st.integers(30, 80))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_the_sequence_of_words_stays(paragraphs: list[str], width: int) -> None:
    """No letter changes; words become fewer only where a word cut by a line end is joined, which is counted."""
    text = "\n\n".join(textwrap.fill(each, width, break_on_hyphens=False) for each in paragraphs)
    changes: Changes = []
    after = spaced(joined(scene_breaks(emphasis(text, changes), changes), changes), changes)
    letters = re.compile(r"[^\W_]")
    assert letters.findall(after) == letters.findall(text)
    told = sum(change.counts[0] for change in changes if change.sentence == WORDS_JOINED)
    spoken = re.compile(r"[^\W_]+")
    assert len(spoken.findall(after)) == len(spoken.findall(text)) - told
