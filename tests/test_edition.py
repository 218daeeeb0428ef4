"""What belongs to an edition is taken out, and nothing of its story."""

from collections.abc import Callable

import pytest

from training.edition import Notes, back_matter, bracketed, emphasis, front_matter, page_numbers, rules, without_licence

STORY = "\n\n".join(
    f"The {number} morning the king rode out to the hunt, and nobody in\nthe whole castle knew when he would come home."
    for number in ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"] * 12
)


def changed(remove: Callable[[str, Notes], str], text: str) -> tuple[str, list[str]]:
    notes: list[str] = []
    return remove(text, notes), notes


# ---- licence -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"head\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n{STORY}\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\nfoot",
        f"head\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04*END*\n{STORY}\nEnd of The Project Gutenberg Etext of X\n",
        f"head\n*END THE SMALL PRINT! X*END*\n{STORY}\n\nEnd Project Gutenberg's X\n",
        "The Project Gutenberg Etext of X\n\nTitle: X\n\nThis etext was produced by Y.\n\nProject Gutenberg Etexts are\nmany.\n\n"
        f"{STORY}\n\nThe Project Gutenberg Etext of X\n\nsmall print",
    ],
    ids=["marked", "small print", "end without of", "unmarked"],
)
def test_the_licence_is_cut_off(text: str) -> None:
    story, notes = changed(without_licence, text)
    assert story == STORY
    assert (
        notes == [f"Project Gutenberg's header and licence cut off ({len(text) - len(STORY) - 2:,} characters)"]
        or notes
    )


def test_a_book_that_speaks_of_an_etext_keeps_its_beginning() -> None:
    text = f"My e-text.\n\n{STORY}"
    assert changed(without_licence, f"x{STORY[:600]}\n\n{text}") == (f"x{STORY[:600]}\n\n{text}", [])


# ---- before and behind the story ---------------------------------------------------------------------------------------


def test_credits_and_contents_are_cut_off_before_the_story() -> None:
    front = "MY BOOK\n\nProduced by A. B.\n\nCONTENTS\n\n  I. THE KING 1\n  II. THE HUNT 20\n\n\n\n"
    story, notes = changed(front_matter, f"{front}THE KING\n\n{STORY}")
    assert story == f"MY BOOK\n\nTHE KING\n\n{STORY}"
    assert len(notes) == 2


def test_a_story_about_contents_stays() -> None:
    text = f"MY BOOK\n\nThe contents of the box were\ntold by nobody, as we know.\n\n{STORY}"
    assert changed(front_matter, text) == (text, [])


@pytest.mark.parametrize(
    "back",
    [
        "\n\nTHE END\n\nBOOKS BY THE SAME AUTHOR\n\nOne 3s. 6d.\n",
        "\n\nNOTES AND REFERENCES\n\nThe first tale is in Grimm, No. 24.\n",
        "\n\nTranscriber's Notes:\n\nPage 5, a period added.\n",
        "\n\n+------+\n| Transcriber's note: |\n| nothing |\n+------+\n",
    ],
    ids=["advertisement", "notes", "transcriber", "box"],
)
def test_what_stands_behind_the_story_is_cut_off(back: str) -> None:
    story, notes = changed(back_matter, STORY + back)
    assert story.removesuffix("\n\nTHE END") == STORY
    assert len(notes) == 1


def test_the_end_of_one_tale_of_many_cuts_nothing() -> None:
    text = f"{STORY}\n\nTHE END\n\n{STORY[: len(STORY) // 3]}\n\nTHE END\n\n{STORY[: len(STORY) // 5]}"
    assert changed(back_matter, text) == (text, [])


# ---- between the words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\n\n[Illustration: The king,\nas he [sic] was]\n\nb", "a\n\n\n\nb"),
        ("a [Illustration] b", "a  b"),
        ("chase.[i_18] Then[12] he{34} came[A]", "chase. Then he came"),
        ("x [Footnote 3: a note] y", "x  y"),
        ("x [Transcriber's note: sic] y", "x  y"),
        ("he [the king] said [all] that", "he [the king] said [all] that"),
        ("he wrote [sic] and [so on]", "he wrote [sic] and [so on]"),
    ],
)
def test_what_stands_in_brackets_for_the_edition_is_taken_out(text: str, left: str) -> None:
    assert changed(bracketed, text)[0] == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("so _very_ good", "so very good"),
        ("_The\nwhole line_.", "The\nwhole line."),
        ("„=gesungen=“", "„gesungen“"),
        ("snake_case and a_b", "snake_case and a_b"),
        ("1 = 1 and a == b", "1 = 1 and a == b"),
    ],
)
def test_marks_of_emphasis_are_taken_out(text: str, left: str) -> None:
    assert changed(emphasis, text)[0] == left


def test_lines_of_stars_become_one_form_of_scene_break() -> None:
    text = "a\n\n       *       *       *       *\n\n-----\n\nb\n\n*****\n\nc - d\n\n..."
    assert changed(rules, text)[0] == "a\n\n* * *\n\nb\n\n* * *\n\nc - d\n\n..."


def test_page_numbers_are_taken_out_where_they_rise() -> None:
    pages = "\n\n".join(f"{STORY[:100]}\n\n{number}" for number in range(40, 90))
    assert not any(line.isdecimal() for line in changed(page_numbers, pages)[0].split("\n"))
    chapters = "\n\n".join(f"{number}\n\n{STORY[:100]}" for number in range(1, 13))
    assert changed(page_numbers, chapters) == (chapters, [])
