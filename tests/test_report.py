"""The report on a text: its counts, the places that it names, and its advice."""

import dataclasses
import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import book
from training import timing
from training.bases import Choice
from training.corpus import read
from training.recipes import MODERN, fitted
from training.report import Report, report
from training.report_text import full, main, short

Write = Callable[..., Path]
NOTHING = Choice(None, "from nothing, as chosen")
STORY = "\n\n".join(textwrap.fill(paragraph, 68) for paragraph in book(9_000, seed=5).split("\n\n"))
FRENCH = "Il était une fois un roi qui avait trois filles, et la plus jeune était si belle que le soleil s'étonnait. "

pytestmark = pytest.mark.usefixtures("own_process")


def told(*paths: Path, hold_out: tuple[Path, ...] = (), speed: float | None = None) -> Report:
    corpus = read(paths, form="book", hold_out=hold_out)
    return report(corpus, fitted(MODERN, corpus.split), NOTHING, speed=speed, machine="a machine")


def test_the_text_is_counted(write: Write) -> None:
    text = "“Don’t!” said Tom. The well-known river was 3 miles long, and they all went there again.\n\n" * 40
    of_it = told(write(text, "tales.txt"))
    assert (of_it.name, of_it.language) == ("tales", "English")
    assert (of_it.characters, of_it.words, of_it.paragraphs) == (len(text), 40 * 16, 40)
    assert of_it.alphabet["3"] == 40
    assert sum(of_it.alphabet.values()) == of_it.characters
    assert list(of_it.alphabet.values()) == sorted(of_it.alphabet.values(), reverse=True)
    assert of_it.files[0].encoding == "UTF-8"


def test_a_rare_character_is_told_with_its_line_in_the_file(write: Write) -> None:
    lines = STORY.split("\n")
    lines[50] = "the only Ω in the whole garden"
    licence = "The Project Gutenberg eBook\n\n*** START OF THE PROJECT GUTENBERG EBOOK TALES ***\n"
    of_it = told(write(licence + "\n".join(lines), "tales.txt"))
    place = of_it.rare["Ω"]
    assert (place.file, place.line) == ("tales.txt", 50 + 1 + licence.count("\n"))
    assert "the only Ω in the" in place.around
    assert "e" not in of_it.rare
    assert any("1 uncommon character" in sentence for sentence in of_it.advice)
    assert "Ω 1  greek capital letter omega  tales.txt, line 54" in full(of_it)


def test_changes_are_summed_over_all_files(write: Write) -> None:
    def joined(of_it: Report) -> int:
        [count] = re.findall(r"([\d,]+) line ends joined", " ".join(of_it.changes))
        return int(count.replace(",", ""))

    paths = [write(STORY, "a.txt"), write(STORY.replace("river", "lakes"), "b.txt")]
    assert joined(told(*paths)) == joined(told(paths[0])) + joined(told(paths[1])) > 40


def test_a_file_that_repeats_another_is_told_and_advised_against(write: Write) -> None:
    paths = [write(STORY, "a.txt"), write(book(9_000, seed=6), "b.txt"), write(STORY, "c.txt")]
    of_it = told(*paths)
    [same] = of_it.same_files
    assert (same.file, same.other) == ("c.txt", "a.txt")
    assert same.share == pytest.approx(1, abs=0.02)
    assert (of_it.passages[0].here.file, of_it.passages[0].earlier.file) == ("c.txt", "a.txt")
    assert "100% of c.txt stands in a.txt as well: leave one of them out." in of_it.advice


def test_held_out_text_that_also_trains_is_told(write: Write) -> None:
    of_it = told(write(STORY, "a.txt"), hold_out=(write(STORY, "b.txt"),))
    assert of_it.also_held_out > 8_000
    assert any("figures will look better" in sentence for sentence in of_it.advice)
    assert told(write(STORY, "a.txt"), hold_out=(write(book(9_000, seed=7), "b.txt"),)).also_held_out < 200


def test_each_problem_has_a_sentence_of_advice(write: Write) -> None:
    page = "".join(f"<p>{i} {line}</p>\n" for i, line in enumerate(STORY.split("\n")) if line)
    of_it = told(write(page, "page.html"), write((FRENCH * 30).encode("cp1252"), "roi.txt"))
    advice = " ".join(of_it.advice)
    assert "lines with markup: save the text without its markup" in advice
    assert "roi.txt is not UTF-8" in advice
    assert "The files are in English and French" in advice
    assert "teach words but hardly sentences" in advice
    assert of_it.unusual[0].first.line == 1


def test_a_good_book_gets_no_advice(write: Write) -> None:
    of_it = told(write(book(120_000, seed=8)), speed=100_000.0)
    assert of_it.advice == ()
    assert full(of_it).endswith("Advice:\n  None: the text is ready.")


def test_the_plan_is_told_with_its_reasons_and_the_time_it_takes(write: Write) -> None:
    of_it = told(write(book(120_000, seed=8)), speed=1_000.0)
    assert of_it.plan["begins"] == NOTHING.reason
    assert of_it.plan["text"].endswith("as many as in a book")
    assert "1,000 characters a second on a machine" in full(of_it)
    [sentence] = of_it.advice
    assert re.fullmatch(r"Training takes up to .+ here: with --minutes it ends earlier\.", sentence)


def test_the_short_form_has_few_lines(write: Write) -> None:
    lines = short(told(write(STORY, "tales.txt")))
    assert lines[0].startswith("tales: ")
    assert 5 <= len(lines) <= 9
    assert any(line.startswith("changed   ") and "line ends joined" in line for line in lines)


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_prints_the_report_and_json_last(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "SECONDS", 0.0)
    assert main([str(write(STORY, "tales.txt")), "--init", "none"]) == 0
    *printed, last = capsys.readouterr().out.splitlines()
    content = json.loads(last)
    assert set(content) == {field.name for field in dataclasses.fields(Report)}
    assert content["name"] == "tales"
    assert content["seconds"] > 0
    assert printed[0].startswith("tales: ")
    for heading in ("What was changed:", "How it would be trained:", "Advice:"):
        assert heading in printed


def test_as_it_is_changes_nothing(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "SECONDS", 0.0)
    assert main([str(write(STORY, "tales.txt")), "--init", "none", "--as-it-is"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["changes"] == []


@pytest.mark.parametrize("minutes", ["-5", "0", "nan", "2000000"])
def test_minutes_are_checked_as_for_training(write: Write, capsys: pytest.CaptureFixture[str], minutes: str) -> None:
    assert main([str(write(STORY, "tales.txt")), "--init", "none", "--minutes", minutes]) == 2
    told = rf"training\.corpus: --minutes is {float(minutes):,.0f}, but must be a number above 0 and below 1,000,000\n"
    assert re.fullmatch(told, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "is empty"), (b"short", "too few to learn from"), (b"\0" * 99, "not a text")]
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    write: Write, capsys: pytest.CaptureFixture[str], content: bytes, sentence: str
) -> None:
    assert main([str(write(content, "tales.txt")), "--init", "none"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"training\.corpus: .+\n", err)
    assert sentence in err
