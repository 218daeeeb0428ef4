"""The tab of probabilities: what its handlers make of a text, and of whatever else a browser sends."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from interface import probabilities
from interface.probabilities import BOUNDS, Readings, Shown, branch, examine, expect, probabilities_tab, tint, tinted
from model.analysis.inspection import read
from model.generation import LONGEST
from model.loaded import Model
from model.vocabulary import Vocabulary
from tests.conftest import endpoints_of

TEXT = "the old hat\nand a ball. "


@pytest.fixture
def readings(model: Model) -> Readings:
    return Readings({"tiny": model, "windowed": replace(model, context="window")})


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that models have read since."""
    texts: list[str] = []

    def counting(model: Model, text: str) -> Any:
        texts.append(text)
        return read(model, text)

    monkeypatch.setattr(probabilities, "read", counting)
    return texts


def refused(error: pytest.ExceptionInfo[gr.Error]) -> str:
    """Its message, which is one sentence and leaves the log clean."""
    assert not error.value.print_exception
    assert re.fullmatch(r"[A-Z][^\n]*\.", error.value.message)
    return error.value.message


def test_the_text_comes_first_and_then_one_figure_after_another(readings: Readings, model: Model) -> None:
    waiting, first, last = examine(readings, TEXT * 5, "tiny")
    bits = read(model, TEXT * 5).bits_per_character
    assert waiting[1] == ""
    assert first[1] == last[1] == tinted(read(model, TEXT * 5))
    assert f"{bits:.2f} bits</b> a character under tiny (fewer is less surprised)" in last[2]
    assert "…" in first[3]
    assert "…" not in last[3]
    figures = [float(figure) for figure in re.findall(r"<td>([\d.]+)</td>", last[3])]
    assert figures == sorted(figures)
    assert len(figures) == 2
    assert float(f"{bits:.2f}") in figures


def test_each_character_is_one_element_tinted_by_its_surprise(model: Model) -> None:
    reading = read(model, TEXT)
    tints = re.findall(r'<i class="t(\d)', tinted(reading))
    assert tints == [str(tint(bits)) for bits in reading.surprise.tolist()]
    assert len(tints) == len(TEXT)
    assert [tint(0), *map(tint, BOUNDS), tint(math.inf)] == [0, 1, 2, 3, 4, 5, 5]


def test_no_text_becomes_markup_or_a_template(model: Model) -> None:
    open_minded = replace(model, vocabulary=Vocabulary("<>b/&${}`\\1\n "))
    page = tinted(read(open_minded, "<b>&${1}`\\</b>"))
    assert "<b>" not in page
    assert not set("${}`\\") & set(page)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *((text, "tiny") for text in (None, "", 5, ["the"], {"a": 1}, "a" * (LONGEST + 1))),
        *((TEXT, name) for name in (None, "", "nobody", 5, ["tiny"], {"tiny": 1})),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(readings: Readings, text: Any, name: Any) -> None:
    with pytest.raises(gr.Error) as error:
        next(examine(readings, text, name))
    refused(error)


def test_of_a_long_text_the_end_is_read_and_the_page_says_so(
    readings: Readings, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probabilities, "SHOWN", 30)
    *_, (shown, page, report, _) = examine(readings, "a" * 90 + TEXT, "tiny")
    assert set(counted) == {("a" * 90 + TEXT)[-30:]}
    assert "Only the last 30 characters" in report
    assert page.count("<i ") == 31
    shown, _ = expect(readings, shown, 10)
    text, _ = branch(readings, shown, 0)
    assert text[:-1] == ("a" * 90 + TEXT)[:-20]  # all that came before is there


def test_a_text_of_unknown_characters_is_told_as_such(readings: Readings) -> None:
    *_, (_, page, report, figures) = examine(readings, "???", "tiny")
    assert report == "tiny knows none of these characters."
    assert page.count("<i ") == 1
    assert "nan" not in page + report + figures


def test_what_has_been_read_is_not_read_again(readings: Readings, counted: list[str]) -> None:
    *_, (shown, *_) = examine(readings, TEXT, "tiny")
    list(examine(readings, TEXT, "windowed"))
    shown, _ = expect(readings, shown, 3)
    branch(readings, shown, 0)
    assert counted == [TEXT, TEXT]  # once for each of two models


@pytest.mark.parametrize("index", [0, 5, len(TEXT)])
def test_a_place_shows_its_likeliest_characters_as_buttons(readings: Readings, model: Model, index: int) -> None:
    shown, found = expect(readings, Shown("tiny", TEXT), index)
    likeliest = read(model, TEXT).likeliest(index)
    assert shown.place == index
    assert re.findall(r"<span>([\d.]+%)</span>", found) == [f"{share:.1%}" for _, share in likeliest]
    assert found.count("<button") == 10


@pytest.mark.parametrize(("index", "place"), [(-7, 0), (10**30, len(TEXT)), (len(TEXT) + 1, len(TEXT))])
def test_a_place_outside_the_text_is_the_nearest_in_it(readings: Readings, index: int, place: int) -> None:
    shown, _ = expect(readings, Shown("tiny", TEXT), index)
    assert shown.place == place


@pytest.mark.parametrize("index", [None, "3", 3.5, True, [3], {}])
def test_what_is_no_place_is_refused(readings: Readings, index: Any) -> None:
    for handler in (expect, branch):
        with pytest.raises(gr.Error) as error:
            handler(readings, Shown("tiny", TEXT, 3), index)
        refused(error)


@pytest.mark.parametrize("rank", [0, 9])
def test_a_branch_is_the_text_before_the_place_and_the_other_character(
    readings: Readings, model: Model, rank: int
) -> None:
    text, line = branch(readings, Shown("tiny", TEXT.upper(), 7), rank)
    assert text == TEXT[:7] + read(model, TEXT).likeliest(7)[rank][0]
    assert line.startswith("The sheet now ends in “")


@pytest.mark.parametrize("rank", [-1, 10, 10**30])
def test_only_the_likeliest_can_be_chosen(readings: Readings, rank: int) -> None:
    with pytest.raises(gr.Error) as error:
        branch(readings, Shown("tiny", TEXT, 7), rank)
    assert refused(error) == "Choose one of the 10 likeliest characters, from 0."


def test_nothing_can_be_chosen_before_there_is_something_to_choose_from(readings: Readings) -> None:
    for handler, shown in ((expect, None), (branch, None), (branch, Shown("tiny", TEXT))):
        with pytest.raises(gr.Error) as error:
            handler(readings, shown, 0)
        refused(error)


def test_half_a_character_does_no_harm(readings: Readings) -> None:
    *_, (shown, page, report, _) = examine(readings, "a\ud800 hat", "tiny")
    text, line = branch(readings, shown._replace(place=2), 0)
    for sent in (page, report, text, line):
        sent.encode()


def test_the_tab_fits_into_a_page_and_offers_what_it_does_to_programs(directory: Path) -> None:
    assert set(endpoints_of(probabilities_tab, directory, callbacks=1)) == {
        "/probabilities",
        "/likeliest_at",
        "/branch_at",
    }
