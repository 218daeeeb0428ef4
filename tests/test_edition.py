"""Cleaning removes what belongs to an edition, such as its licence and page numbers, and nothing of the story."""

import pytest

from training.changes import Changes
from training.edition import (
    Rule,
    back_matter,
    bracketed,
    contents,
    credits,
    emphasis,
    page_numbers,
    scene_breaks,
    title_page,
    without_licence,
)

NUMBERS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"] * 12
STORY = "\n\n".join(
    f"The {number} morning the king rode out to the hunt, and nobody in\nthe whole castle knew when he would come home."
    for number in NUMBERS
)


def changed(rule: Rule, text: str) -> tuple[str, list[str]]:
    """Apply a rule to a text; return the new text and the sentences that describe the changes."""
    changes: Changes = []
    return rule(text, changes), [str(change) for change in changes]


# ---- licence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"head\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n{STORY}\n"
        "*** END OF THE PROJECT GUTENBERG EBOOK X ***\nfoot",
        f"head\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04*END*\n{STORY}\n"
        "End of The Project Gutenberg Etext of X\n",
        f"head\n*END THE SMALL PRINT! X*END*\n{STORY}\n\nEnd Project Gutenberg's X\n",
        f"*END THE SMALL PRINT! X*END*\n{STORY}\n\nEnde dieses Projekt Gutenberg Etextes „X“, von Y.\n",
        "The Project Gutenberg Etext of X\n\nTitle: X\n\nThis etext was produced by Y.\n\n"
        "Project Gutenberg Etexts are\nmany.\n\n"
        f"{STORY}\n\nThe Project Gutenberg Etext of X\n\nsmall print",
    ],
    ids=["marked", "small print", "end without of", "German end", "unmarked"],
)
def test_the_licence_is_cut_off(text: str) -> None:
    story, notes = changed(without_licence, text)
    assert story == STORY
    [note] = notes
    assert note.startswith("Project Gutenberg's header and licence left out: ")
    told = int(note.split(": ")[1].split()[0].replace(",", ""))
    assert len(text) - len(STORY) - 4 <= told <= len(text) - len(STORY)  # blank lines may count or not


def test_a_book_that_speaks_of_an_etext_keeps_its_beginning() -> None:
    text = f"My e-text.\n\n{STORY}"
    assert changed(without_licence, f"x{STORY[:600]}\n\n{text}") == (f"x{STORY[:600]}\n\n{text}", [])


def test_a_short_text_that_names_project_gutenberg_is_kept() -> None:
    for text in (
        f"{'a' * 400} Project Gutenberg {'b' * 200}",
        "Project Gutenberg\nA.\nEnd of Project Gutenberg Etext A\n",
    ):
        assert changed(without_licence, text)[0].startswith(text[:17])


# ---- before and behind the story -------------------------------------------------------------------------------------


def test_each_of_several_books_loses_its_header_and_licence() -> None:
    mark = "*** {} OF THE PROJECT GUTENBERG EBOOK X ***"
    start, end = mark.format("START"), mark.format("END")
    text = "".join(f"head\n\n{start}\n{story}\n\n{end}\n\nlicence\n\n" for story in (STORY, "Another.", STORY))
    story, [note] = changed(without_licence, text)
    assert story == f"{STORY}\n\nAnother.\n\n{STORY}"
    assert note.startswith("Project Gutenberg's header and licence left out: ")


@pytest.mark.parametrize(
    "text",
    [
        f"I read on Project Gutenberg.\n\n{STORY}\n\nIt was an etext of Project Gutenberg.\n\n{STORY}",
        "".join(f"<ann> {'Project Gutenberg' if i in (2, 150) else 'well'} said\n" for i in range(200)),
        f"Project Gutenberg is a friend.\n\n{STORY}\n\nProject Gutenberg is a friend.\n\n{STORY}",
    ],
    ids=["story", "chat log", "diary"],
)
def test_a_text_that_names_project_gutenberg_twice_is_kept(text: str) -> None:
    assert changed(without_licence, text) == (text, [])


def test_a_mention_in_a_marked_book_cuts_nothing() -> None:
    story = f"{STORY}\n\nHe wrote an etext for Project Gutenberg.\n\n{STORY[:500]}"
    text = f"*** START OF THE PROJECT GUTENBERG EBOOK X ***\n{story}\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\n"
    assert changed(without_licence, text)[0] == story


def test_a_paragraph_of_the_story_is_no_credit() -> None:
    for begin in ("Prepared by long habit for the worst, Anna", "Produced by many hands in a dark time, the wall"):
        paragraph = f"{begin} opened before the\nking's eyes, and behind it lay the garden, where nobody had been."
        text = f"MY BOOK\n\n{paragraph}\n\n{STORY}"
        assert changed(credits, text) == (text, [])
    images = "from images that were generously made available by the\nlibrary at https://example.org."
    credit = f"Produced by A. B. and C. D. {images}\n\n"
    assert changed(credits, f"MY BOOK\n\n{credit}{STORY}")[0] == f"MY BOOK\n\n{STORY}"


@pytest.mark.parametrize("rule", [credits, title_page, contents])
@pytest.mark.parametrize("between", ["\n    ", "\n"], ids=["indented", "one on a line"])
def test_a_text_without_blank_lines_keeps_its_beginning(rule: Rule, between: str) -> None:
    paragraphs = [paragraph.replace("\n", " ") for paragraph in STORY.split("\n\n")]
    text = between.join(["Title: My Story", "It is no copyright.", *paragraphs])
    assert changed(rule, text) == (text, [])


def test_credits_are_left_out_before_the_story() -> None:
    german = "Anmerkungen zur Transkription\n\nDas Original ist in Fraktur gesetzt.\n\n"
    for credit in ("Produced by A. B.\n\n", "This Project Gutenberg Etext was prepared by A.\n\n", german):
        story, notes = changed(credits, f"MY BOOK\n\n{credit}THE KING\n\n{STORY}")
        assert story == f"MY BOOK\n\nTHE KING\n\n{STORY}"
        assert notes == [f"credits of those who made the file left out: {len(credit)} characters"]


def test_an_address_alone_is_no_credit() -> None:
    text = f"MY BOOK\n\nSee https://example.org/tales or write to me@example.org, said the king.\n\n{STORY}"
    assert changed(credits, text) == (text, [])


@pytest.mark.parametrize(
    "page",
    [
        "MY BOOK\n\nJUVENILES\n\nOther Tales\n\nLONDON\n\nCopyright, 1926, by A. B.\n\nFirst Printing, May\n\n",
        "MEIN BUCH\n\nvon\n\nMir\n\nDruck von A. B. in Stuttgart.\n\n",
        "MY BOOK\n\nby Me\n\nBOSTON\nA. B.\n1884.\n\n",
        "MY BOOK\n\n(1884)\n\n",
        "Zweites Buch\n\nGeheftet 70 Pf. Gebunden 90 Pf.\n\n",
        "MON LIVRE\n\nPARIS\nLIBRAIRIE A. B.\n\nDroits de reproduction réservés.\n\n",
    ],
    ids=["English", "German", "year", "year in brackets", "price", "French"],
)
def test_a_title_page_is_left_out_up_to_its_imprint(page: str) -> None:
    story, notes = changed(title_page, f"{page}TO HER\n\n{STORY}")
    assert story == f"TO HER\n\n{STORY}"
    assert notes == [f"title page left out: {len(page)} characters"]


@pytest.mark.parametrize(
    "text",
    [
        f"MY BOOK\n\nby Me\n\nTO HER\n\n{STORY}",
        f"MY BOOK\n\n{STORY[:400]}\n\nCopyright, 1926\n\n{STORY}",
        f"VORWORT\nzur zweiten Auflage.\n\n{STORY}",
        f"{'Старый король ехал на охоту. ' * 4}\n\n1812\n\n{STORY}",
        f"{'Le vieux roi partit, et son épée était cassée. ' * 3}\n\n1812\n\n{STORY}",
        f"{'« Le vieux roi partit, et personne ne le sut ! »  ' * 3}\n\n1812\n\n{STORY}",
    ],
    ids=["without imprint", "behind prose", "preface", "Russian", "French", "French quotes"],
)
def test_a_beginning_that_is_no_title_page_stays(text: str) -> None:
    assert changed(title_page, text) == (text, [])


@pytest.mark.parametrize(
    "table",
    [
        "CONTENTS\n\n  I. THE KING 1\n  II. THE HUNT 20\n\n\n\n",
        "_CONTENTS_\n\n\n\nI.   The King: or, The Crown\nII.  The Hunt of Hunts: or, The Stag\n\n\n\n",
        "LIST OF CHAPTERS\n\n   1  The King\n   2  The Hunt\n\n\n\n",
        "Inhaltsverzeichniß.\n\n                  Seite\n 1. Der König       1\n 2. Die Jagd        20\n\n\n\n",
        "CONTENTS\n\nCHAPTER I. The King at Home--The “Hunt”\n going on\n\nCHAPTER II. The Hunt--a Stag\n\n\n\n",
        "------\n      TABLE DES MATIÈRES\n\n     I      Le Roi\n\n     II     La Chasse\n\n\n\n",
        "ILLUSTRATIONS\n\n  The king rode\n  and the dogs ran       _Frontispiece_\n\n  He came home      7\n\n\n\n",
    ],
    ids=["paged", "underscores", "list", "German", "long entries", "below a rule", "illustrations"],
)
def test_a_table_of_contents_is_left_out(table: str) -> None:
    story, notes = changed(contents, f"MY BOOK\n\n{table}CHAPTER I. The King at Home\n\n{STORY}")
    assert story == f"MY BOOK\n\nCHAPTER I. The King at Home\n\n{STORY}"
    assert notes == [f"tables of contents left out: {len(table)} characters"]


def test_a_story_about_contents_stays() -> None:
    text = f"MY BOOK\n\nThe contents of the box were\ntold by nobody, as we know.\n\n{STORY}"
    assert changed(contents, text) == (text, [])


@pytest.mark.parametrize(
    "back",
    [
        "\n\nTHE END\n\nBOOKS BY THE SAME AUTHOR\n\nOne 3s. 6d.\n",
        "\n\nNOTES AND REFERENCES\n\nThe first tale is in Grimm, No. 24.\n",
        "\n\nTranscriber's Notes:\n\nPage 5, a period added.\n",
        "\n\nAnmerkungen zur Transkription:\n\nSeite 97, Punkt eingefügt.\n",
        "\n\nTable des matières\n\nI. Le roi\nII. La chasse\n",
        "\n\nDruck von A. B. in Leipzig.\n\nIm selben Verlag:\n\nMein Buch. Geb. 3 Mk.\n",
        "\n\n    IMPRIMERIE A. ET B.\n\nMon livre, 1 vol.\n",
        "\n\nListe des corrections:\n\nPage 5: roi au lieu de loi.\n",
        "\n\n+------+\n| Transcriber's note: |\n| nothing |\n+------+\n",
    ],
    ids=["advertisement", "notes", "transcriber", "German", "contents", "printer", "imprimerie", "corrections", "box"],
)
def test_back_matter_is_cut_off(back: str) -> None:
    story, notes = changed(back_matter, STORY + back)
    assert story.removesuffix("\n\nTHE END") == STORY
    assert len(notes) == 1


def test_a_story_that_ends_at_the_printers_stays() -> None:
    text = f"{STORY}\n\nThe king went home and\nprinted by night, in an imprimerie, what he knew."
    assert changed(back_matter, text) == (text, [])


@pytest.mark.parametrize(
    "line",
    [
        "Nobody in the castle knew how the hunt would\nend.",
        "Niemand wußte, wie die Jagd ausging. Das war das\nEnde.",
        "In the evening the king was the\ntranscriber of other men's letters.",
        "Printed in gold letters upon the door of the tower was a name that nobody\nin the whole castle could read.",
        "The Old Books",
    ],
    ids=["end", "Ende", "transcriber", "printed", "books"],
)
def test_a_sentence_near_the_end_cuts_nothing(line: str) -> None:
    text = f"{STORY}\n\n{line}\n\n{STORY[:400]}"
    assert changed(back_matter, text) == (text, [])


@pytest.mark.parametrize("heading", ["Notes", "NOTES", "Note", "Index", "Appendix", "Advertisement", "The End"])
def test_a_heading_that_much_prose_follows_cuts_nothing(heading: str) -> None:
    text = f"{STORY}\n\n{heading}\n\n{STORY[: len(STORY) // 9]}"
    assert changed(back_matter, text) == (text, [])


def test_only_scholarly_notes_are_longer_than_a_tenth() -> None:
    entries = "\n\n".join(f"Tale {i}, in Grimm, No. {i}" for i in range(len(STORY) // 100))
    assert changed(back_matter, f"{STORY}\n\nINDEX\n\n{entries}")[1] == []
    assert changed(back_matter, f"{STORY}\n\nNOTES\n\n{entries}")[0] == STORY
    assert changed(back_matter, f"{STORY}\n\nNOTES AND REFERENCES\n\n{STORY[: len(STORY) // 9]}")[0] == STORY


def test_the_end_of_one_tale_of_many_cuts_nothing() -> None:
    text = f"{STORY}\n\nTHE END\n\n{STORY[: len(STORY) // 3]}\n\nTHE END\n\n{STORY[: len(STORY) // 5]}"
    assert changed(back_matter, text) == (text, [])


# ---- between the words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\n\n[Illustration: The king,\nas he [sic] was]\n\nb", "a\n\n\n\nb"),
        ("a [Illustration] b", "a  b"),
        ("chase.[i_18] Then[12] he{34} came[A]", "chase. Then he came"),
        ("x [Footnote 3: a note] y", "x  y"),
        ("He[1] came.\n\n  [1] The\n  king.\n\nHe left.", "He came.\n\nHe left."),
        ("“He came.” *\n\n*The king\ndid.\n\nHe left.", "“He came.”\n\nHe left."),
        ("A list:\n\n* Bread\n\n* Butter", "A list:\n\n* Bread\n\n* Butter"),
        ("*Dear* Anna,\n\n*Your* Tom\n\n* * *\n\nb", "*Dear* Anna,\n\n*Your* Tom\n\n* * *\n\nb"),
        ("a list:\n\n(1) Bread\n\n(2) Butter", "a list:\n\n(1) Bread\n\n(2) Butter"),
        ("Mohammad![III_70] Then", "Mohammad! Then"),
        ("x [Transcriber's note: sic] y", "x  y"),
        ("he [the king] said [all] that", "he [the king] said [all] that"),
        ("a {The wood: p30.jpg} b", "a  b"),
        ("a {wood} b", "a {wood} b"),
        ("x [Abbildungen: 1.png] [Farbtafel] y", "x   y"),
        ("Langden, [454a] where", "Langden, where"),
        ("to [ex]change", "to [ex]change"),
        ("He went [to] it,\nand [I] came [a] day later", "He went [to] it,\nand [I] came [a] day later"),
        ("and [I] came.\n\n[I] stayed.", "and [I] came.\n\n[I] stayed."),
        ("It is *not*\nso, *dear\nAnna*.\n\n* Bread\n\n* Milk", "It is *not*\nso, *dear\nAnna*.\n\n* Bread\n\n* Milk"),
        ("Take **both**\nand go.\n\n*Well*", "Take **both**\nand go.\n\n*Well*"),
        ("He came *\n\n* The *king*\n\nHe *left* it", "He came *\n\n* The *king*\n\nHe *left* it"),
        ("He *left*\nher.*\n\n* The king\n\nb", "He *left*\nher.\n\nb"),
        ("Bread.*\n\n* One\n* Two\n* Three\n\nb", "Bread.*\n\n* One\n* Two\n* Three\n\nb"),
        ("a Yankee (* A man of the north.) said", "a Yankee said"),
        ("a Yankee [* A man of\nthe north.] said", "a Yankee said"),
        ("The end.\n\n[From old tales\nof the north.]\n\nOnce", "The end.\n\n\n\nOnce"),
        ("The end.\n\nFootnotes:\n\nOnce", "The end.\n\nOnce"),
        ("he wrote [sic] and [so on]", "he wrote [sic] and [so on]"),
    ],
)
def test_bracketed_notes_of_the_edition_are_removed(text: str, left: str) -> None:
    assert changed(bracketed, text)[0] == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("so _very_ good", "so very good"),
        ("_The\nwhole line_.", "The\nwhole line."),
        ("„=gesungen=“", "„gesungen“"),
        ("„~gesungen~“ und *Deine* Lieder +1+", "„gesungen“ und Deine Lieder 1"),
        ("2 * 3 * 4 and *** and ~5", "2 * 3 * 4 and *** and ~5"),
        ("“im_possible_!” a sten_o_grapher, _my_self, 300_l._", "“impossible!” a stenographer, myself, 300l."),
        ("snake_case and a_b", "snake_case and a_b"),
        ("|MRS. Lynde\nlived | here", "MRS. Lynde\nlived | here"),
        ("_ Je vous remercie.\n\n_Oui_", "-- Je vous remercie.\n\nOui"),
        ("1 = 1 and a == b", "1 = 1 and a == b"),
    ],
)
def test_marks_of_emphasis_are_removed(text: str, left: str) -> None:
    assert changed(emphasis, text)[0] == left


def test_lines_of_stars_become_one_form_of_scene_break() -> None:
    text = "a\n\n       *       *       *       *\n\n-----\n\nb\n\n*****\n\nc - d\n\n..."
    assert changed(scene_breaks, text)[0] == "a\n\n* * *\n\nb\n\n* * *\n\nc - d\n\n..."


def test_a_rule_below_a_heading_is_no_scene_break() -> None:
    left, notes = changed(scene_breaks, "I\n--------\nTHE KING\n\n--------\n\nOnce")
    assert left == "I\nTHE KING\n\n* * *\n\nOnce"
    assert notes == ["1 rule below a heading left out", "1 scene break set as * * *"]


def test_page_numbers_are_left_out_and_the_sentences_they_broke_go_on() -> None:
    pages = "".join(f"The king rode\n\n\n{number}\nout to the hunt.\n\n" for number in range(40, 90))
    left, notes = changed(page_numbers, pages)
    assert left == "The king rode\nout to the hunt.\n\n" * 50
    assert notes == ["50 page numbers left out"]


def test_numbers_of_chapters_stay() -> None:
    chapters = "".join(f"{number}\n\nThe king rode out to the hunt.\n\n" for number in range(1, 60))
    assert changed(page_numbers, chapters) == (chapters, [])
