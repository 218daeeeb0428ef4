"""From files to clean text, and the errors for files that are not text."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from model.text_file import TextFileError
from tests.conftest import book
from training.cleaning import clean
from training.corpus import MOST_HELD_OUT, SHORTEST, Corpus, read

Write = Callable[..., Path]
BOOK = book(6_000).strip()
FRENCH = (
    "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient si vite "
    "que je n’avais pas le temps de me dire : « Je m’endors. » Et, une demi-heure après, la pensée qu’il était temps "
    "de chercher le sommeil m’éveillait ; je voulais poser le volume que je croyais avoir encore dans les mains et "
    "souffler ma lumière ; la sœur du curé, là-bas, où le bougeoir n’était plus allumé, ne choquait pas ma raison.\n"
) * 6
SPANISH = (
    "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo de los de "
    "lanza en astillero, adarga antigua, rocín flaco y galgo corredor. Una olla de algo más vaca que carnero, salpicón "
    "las más noches, duelos y quebrantos los sábados, lantejas los viernes, algún palomino de añadidura los domingos, "
    "consumían las tres partes de su hacienda.\n"
) * 6
CURLY = "“The old garden,” she answered—“it’s the river’s own.” He walked on…\n" * 40


def refusal(*paths: Path) -> str:
    """Return the one sentence with which `read` refuses the files."""
    with pytest.raises(TextFileError, match=r"\w") as error:
        read(paths)
    assert "\n" not in str(error.value)
    return str(error.value)


# ---- encodings and line endings --------------------------------------------------------------------------------------


def test_utf_8_is_read_as_it_is_and_without_a_note(write: Write) -> None:
    corpus = read([write(BOOK + "안녕 😀 é")])
    assert corpus.text == BOOK + "안녕 😀 é"
    assert corpus.notes == ()


def test_a_byte_order_mark_is_not_a_letter(write: Write) -> None:
    corpus = read([write(b"\xef\xbb\xbf" + BOOK.encode())])
    assert corpus.text == BOOK
    assert corpus.notes == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_and_32_are_read_and_a_note_says_so(write: Write, encoding: str) -> None:
    corpus = read([write(FRENCH.encode(encoding))])
    assert corpus.text == FRENCH
    (note,) = corpus.notes
    assert note.startswith(f"book.txt: not UTF-8, read as {encoding.replace('-', '_')}")


@pytest.mark.parametrize("text", [FRENCH, SPANISH, CURLY], ids=["French", "Spanish", "English with curly quotes"])
def test_a_western_book_in_windows_encoding_is_read_and_a_note_says_so(write: Write, text: str) -> None:
    corpus = read([write(text.encode("cp1252"))])
    (note,) = corpus.notes
    assert note.startswith("book.txt: not UTF-8, read as ")
    assert corpus.text == text


def test_a_latin_1_book_is_read_and_a_note_says_so(write: Write) -> None:
    corpus = read([write(SPANISH.encode("latin-1"))])
    (note,) = corpus.notes
    assert note.startswith("book.txt: not UTF-8, read as ")
    assert corpus.text == SPANISH


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_all_line_endings_become_one(write: Write, ending: str) -> None:
    assert read([write(BOOK.replace("\n", ending))]).text == BOOK


def test_damaged_characters_are_counted_in_a_note(write: Write) -> None:
    corpus = read([write(FRENCH.encode() + b"l\x92an" + FRENCH.encode())])
    assert corpus.notes == ("book.txt: 1 damaged character, each read as \ufffd",)


def test_letters_are_composed_and_lower_case_where_that_is_asked_for(write: Write) -> None:
    path = write("Cafe\u0301 " + BOOK)
    assert read([path]).text == "Café " + BOOK
    assert read([path], lowercase=True).text == "café " + BOOK.lower()
    assert read([path]).lowercase is False
    assert read([path], lowercase=True).lowercase is True


# ---- Project Gutenberg -----------------------------------------------------------------------------------------------

HEADER = "The Project Gutenberg eBook of Tales\n\nThis ebook is for the use of anyone anywhere.\n\n"
LICENCE = "\n\nUpdated editions will replace the previous one. *** Donate to Project Gutenberg. ***\n"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("*** START OF THE PROJECT GUTENBERG EBOOK TALES ***", "*** END OF THE PROJECT GUTENBERG EBOOK TALES ***"),
        ("*** START OF THIS PROJECT GUTENBERG EBOOK TALES ***", "*** END OF THIS PROJECT GUTENBERG EBOOK TALES ***"),
        ("***START OF THE PROJECT GUTENBERG EBOOK TALES***", "***END OF THE PROJECT GUTENBERG EBOOK TALES***"),
        ("  *** Start of the Project Gutenberg eBook Tales ***", "\t*** End of the Project Gutenberg eBook Tales ***"),
        ("*** START OF THE PROJECT GUTENBERG EBOOK TALES,\nOLD AND NEW ***", "End of Project Gutenberg's Tales, by Me"),
        ("*** START OF THE PROJECT GUTENBERG EBOOK TALES ***", "End of the Project Gutenberg EBook of Tales, by Me"),
        ("*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*", "End of Project Gutenberg Etext Tales"),
        ("*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.07/27/01*END*", "End of The Project Gutenberg Etext"),
    ],
    ids=range(8),
)
def test_project_gutenbergs_header_and_licence_are_cut_off_and_a_note_says_so(
    write: Write, start: str, end: str
) -> None:
    corpus = read([write(f"{HEADER}{start}\n\n\n{BOOK}\n\n\n{end}{LICENCE}")])
    assert corpus.text == BOOK
    (note,) = corpus.notes
    assert note.startswith("book.txt: Project Gutenberg's header and licence left out: ")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_the_header_and_licence_are_found_with_all_line_endings(write: Write, ending: str) -> None:
    start = "*** START OF THE PROJECT GUTENBERG EBOOK TALES ***\n"
    end = "\n*** END OF THE PROJECT GUTENBERG EBOOK TALES ***"
    assert read([write(f"{HEADER}{start}{BOOK}{end}{LICENCE}".replace("\n", ending))]).text == BOOK


def test_a_licence_without_a_header_is_cut_off(write: Write) -> None:
    corpus = read([write(f"{BOOK}\n*** END OF THE PROJECT GUTENBERG EBOOK TALES ***{LICENCE}")])
    assert corpus.text == BOOK
    assert "licence left out" in corpus.notes[0]
    assert "header" not in corpus.notes[0]


def test_a_header_without_a_licence_is_cut_off(write: Write) -> None:
    corpus = read([write(f"{HEADER}*** START OF THE PROJECT GUTENBERG EBOOK TALES ***\n{BOOK}")])
    assert corpus.text == BOOK
    assert "header left out" in corpus.notes[0]
    assert "licence" not in corpus.notes[0]


def test_a_header_whose_stars_are_not_closed_takes_no_more_than_its_own_paragraph(write: Write) -> None:
    chapters = f"{BOOK[:2500]}\n\n***\n\n{BOOK[2500:]}"
    corpus = read([write(f"{HEADER}*** START OF THE PROJECT GUTENBERG EBOOK TALES\n\n{chapters}")])
    assert corpus.text.endswith(chapters)


@pytest.mark.parametrize(
    "mention",
    [
        "I found the tale on Project Gutenberg, and the end of the Project Gutenberg ebook was missing.",
        "She read: *** START OF THE PROJECT GUTENBERG EBOOK *** and laughed.",
        "***\n\nThe Project Gutenberg EBook of Tales\n\n***",
        "THE END\n\n*** THE END OF THE TALE ***",
        "* * * THE SMALL PRINT! * * *",
    ],
)
def test_a_text_that_merely_mentions_project_gutenberg_is_left_as_it_is(write: Write, mention: str) -> None:
    text = f"\n{BOOK}\n{mention}\n{BOOK}\n\n"
    corpus = read([write(text)])
    assert corpus.text == text
    assert corpus.notes == ()


# ---- parts and files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [SHORTEST, 2_001, 2_009, 5_555])
def test_the_first_nine_tenths_train_and_the_rest_is_held_out(write: Write, length: int) -> None:
    corpus = read([write("x" + book(length - 2) + "y")])
    assert corpus.training + corpus.held_out == corpus.text
    assert len(corpus.training) == corpus.split == int(length * 0.9)
    assert corpus.training.startswith("x")
    assert corpus.held_out.endswith("y")


def test_no_more_of_a_large_text_is_held_out_than_a_measurement_needs(write: Write) -> None:
    length = 10 * MOST_HELD_OUT + 5
    corpus = read([write("x" * (length - 2) + "yz")])
    assert corpus.training + corpus.held_out == corpus.text
    assert len(corpus.held_out) == MOST_HELD_OUT
    assert corpus.held_out.endswith("yz")


@pytest.mark.parametrize(("count", "name"), [(1, "a"), (3, "a + b + c"), (4, "a and 3 more"), (5, "a and 4 more")])
def test_a_corpus_is_called_by_its_files_names_while_they_are_few(write: Write, count: int, name: str) -> None:
    assert read([write(BOOK, f"{letter}.txt") for letter in "abcde"[:count]]).name == name


def test_several_files_are_read_in_order_and_cleaned_each_by_itself(write: Write) -> None:
    end = "\n*** END OF THE PROJECT GUTENBERG EBOOK TALES ***" + LICENCE
    paths = [write(BOOK + end, "one.txt"), write(CURLY.encode("utf-16"), "two.text"), write("short", "three")]
    corpus = read(paths)
    assert corpus.text == f"{BOOK}\n\n{CURLY}\n\nshort"
    assert corpus.name == "one + two + three"
    assert [note.split(":")[0] for note in corpus.notes] == ["one.txt", "two.text"]
    assert [file["name"] for file in corpus.files] == ["one.txt", "two.text", "three"]


def test_the_language_of_short_files_is_guessed_from_all_together(write: Write) -> None:
    note = "Bananas, mango, panini, kiwi."
    corpus = read([write(SPANISH, "one.txt"), write(note, "two.txt")])
    assert [book.cleaned.language for book in corpus.books] == ["es", "es"]
    assert clean(note).language != "es"


def test_each_book_has_its_part_of_the_corpus(write: Write) -> None:
    paths = [write(BOOK, "one.txt"), write(CURLY.encode("utf-16"), "two.txt"), write(FRENCH, "three.txt")]
    corpus = read(paths[:2], hold_out=paths[2:])
    assert [(book.name, book.encoding, book.cleaned.language) for book in corpus.books] == [
        ("one.txt", "UTF-8", "en"),
        ("two.txt", "utf_16", "en"),
        ("three.txt", "UTF-8", "fr"),
    ]
    assert [corpus.text[book.start : book.end] for book in corpus.books] == [BOOK, CURLY, FRENCH]
    assert corpus.books[-1].start == corpus.split + 2
    assert corpus.language == "en"


def test_the_record_of_a_file_describes_its_bytes_on_the_disk(write: Write) -> None:
    path = write(b"\xef\xbb\xbf" + BOOK.replace("\n", "\r\n").encode())
    data = path.read_bytes()
    expected = {"name": "book.txt", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert read([path]).files == (expected,)


def test_a_corpus_cannot_be_changed(write: Write) -> None:
    corpus: Corpus = read([write(BOOK)])
    with pytest.raises(AttributeError):
        corpus.text = "another"  # type: ignore[misc]


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b" \n\r\n\t ", b"\xef\xbb\xbf"], ids=ascii)
def test_an_empty_file_is_refused(write: Write, content: bytes) -> None:
    assert "book.txt" in refusal(write(content))


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        b"PK\x03\x04" + bytes(range(255, -1, -1)) * 20,
        BOOK.encode() + b"\0" + BOOK.encode(),
        b"\x01\x02\x03\x04" * 1_000,
        b"%PDF-1.7\n" + b"\x02\x1f\x7f words " * 500,
    ],
    ids=range(5),
)
def test_a_file_that_is_not_text_is_refused(write: Write, content: bytes) -> None:
    sentence = refusal(write(content))
    assert "book.txt is not a text file" in sentence


def test_a_text_too_short_to_learn_from_is_refused_with_both_lengths(write: Write) -> None:
    sentence = refusal(write(book(SHORTEST - 1, seed=3).strip()[:1_500]))
    assert "book.txt" in sentence
    assert "1,500" in sentence
    assert f"{SHORTEST:,}" in sentence


def test_files_too_short_alone_can_be_long_enough_together(write: Write) -> None:
    halves = write(book(1_200, seed=1), "a.txt"), write(book(1_200, seed=2), "b.txt")
    for half in halves:
        assert half.name in refusal(half)
    assert len(read(halves).text) >= SHORTEST


def test_a_file_of_nothing_but_its_licence_is_refused(write: Write) -> None:
    start = "*** START OF THE PROJECT GUTENBERG EBOOK TALES ***"
    assert "book.txt" in refusal(
        write(f"{HEADER}{start}\n\n*** END OF THE PROJECT GUTENBERG EBOOK TALES ***{LICENCE}" + BOOK)
    )


def test_a_file_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    assert str(tmp_path / "nowhere.txt") in refusal(tmp_path / "nowhere.txt")


def test_a_directory_is_refused_by_its_path(tmp_path: Path) -> None:
    assert str(tmp_path) in refusal(tmp_path)


def test_one_bad_file_among_good_ones_is_the_one_named(write: Write) -> None:
    sentence = refusal(write(BOOK, "good.txt"), write(b"\0" * 99, "bad.txt"))
    assert "bad.txt" in sentence
    assert "good.txt" not in sentence
