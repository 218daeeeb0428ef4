"""The tab “Is it copying?”: what is underlined, and what it says of a text and of whatever else a browser sends."""

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from interface.copies import CSS, check, copies_tab
from model.copying import RUN, Copies, Source
from model.generation import LONGEST
from model.loaded import Model
from model.vocabulary import Vocabulary
from tests.conftest import TALE, endpoints_of

NEW = "no tale had been told in all the land.\n"


@pytest.fixture
def models(model: Model) -> dict[str, Model]:
    long = "he held the end of the line and he hid it in the tin. the lion bit it and ate it all at the inn. "
    fine_tuned = Copies((Source.of("all tales", long, most=9),)).and_then(Source.of("tale", TALE))
    return {
        "tiny": model,
        "tuned": replace(model, copies=fine_tuned),
        "elder": replace(model, copies=Copies((), unknown="ann/<b>").and_then(Source.of("tale", TALE))),
        "older": replace(model, copies=None),
    }


def plain(page: str) -> str:
    """A page without its elements."""
    return html.unescape(re.sub(r"<[^>]+>", "", page))


def test_what_stands_in_the_training_text_is_underlined_with_its_length_and_its_source(
    models: dict[str, Model],
) -> None:
    page, report = check(models, NEW + TALE[4:50] + NEW + TALE[20:51], "tiny")
    assert re.findall(r'<u class="copied" title="([^"]+)">([^<]+)</u>', page) == [
        ("46 characters that stand in tale", TALE[4:50]),
        ("31 characters that stand in tale", TALE[20:51]),
    ]
    assert plain(page) == NEW + TALE[4:50] + NEW + TALE[20:51]
    share = 100 * 2 * len(NEW) / (2 * len(NEW) + 77)
    assert report.startswith(f"<b>{int(10 * share) / 10}% is new.</b> 2 passages stand in what tiny has read. ")
    assert f"The longest has 46 characters, in <i>tale</i>: “{TALE[4:50]}”. " in report
    assert report.endswith("Surely found are passages of 30 characters or more in <i>tale</i>.")


@pytest.mark.parametrize(("text", "share"), [(TALE, "0"), (NEW * 70 + TALE[4:34], "98.9")])
def test_nothing_but_a_new_text_is_told_to_be_all_new(models: dict[str, Model], text: str, share: str) -> None:
    _, report = check(models, text, "tiny")
    assert report.startswith(f"<b>{share}% is new.</b> One passage stands in what tiny has read.")


def test_of_a_long_passage_the_beginning_is_quoted(models: dict[str, Model]) -> None:
    _, report = check(models, TALE, "tiny")
    assert f"The longest has {len(TALE)} characters, in <i>tale</i>: “{TALE[:60]}…”." in report


def test_where_no_copy_is_found_the_report_says_what_would_have_been(models: dict[str, Model]) -> None:
    for text in (NEW, TALE[: RUN - 1] + NEW, NEW * 100):
        page, report = check(models, text, "tiny")
        assert report == ("<b>No copy was found.</b> There is no passage of 30 characters or more in <i>tale</i>.")
        assert "<u" not in page
        assert plain(page) == text


def test_of_several_texts_each_is_named_with_what_is_surely_found(models: dict[str, Model]) -> None:
    _, report = check(models, NEW, "tuned")
    assert (
        "no passage of 30 characters or more in <i>tale</i>, and none of 37 characters or more in <i>all tales</i>."
        in (report)
    )
    page, report = check(models, NEW + "he hid it in the tin. the lion bit it and ate it", "tuned")
    assert "that stand in all tales" in page
    assert (
        "passages of 30 characters or more in <i>tale</i>, and of 37 characters or more in <i>all tales</i>." in report
    )


def test_passages_that_overlap_are_underlined_without_a_gap(model: Model) -> None:
    copies = Copies((Source.of("first", TALE[:50]), Source.of("second", TALE[35:])))
    page, report = check({"tiny": replace(model, copies=copies)}, TALE, "tiny")
    assert (
        f'">{TALE[:35]}</u><u class="copied" title="53 characters that stand in second">{TALE[35:]}</u></div>' in page
    )
    assert report.startswith("<b>0% is new.</b> 2 passages")


def test_what_a_model_had_read_before_and_is_not_known_is_told(models: dict[str, Model]) -> None:
    for text in (NEW, TALE):
        _, report = check(models, text, "elder")
        assert report.endswith(" What ann/&lt;b&gt; had read, from which elder began, is not known.")


def test_a_model_that_does_not_know_what_it_has_read_says_so(models: dict[str, Model]) -> None:
    page, report = check(models, TALE, "older")
    assert report == "older does not know what it has read: train it again, and its copies can be found."
    assert "<u" not in page
    assert plain(page) == TALE


def test_a_text_too_short_to_tell_is_told_as_such(models: dict[str, Model]) -> None:
    page, report = check(models, TALE[: RUN - 1], "tiny")
    assert report == "29 characters are too few to tell: what counts as a copy has 30 or more."
    assert plain(page) == TALE[: RUN - 1]


def test_the_text_is_checked_as_the_model_reads_it_and_the_report_tells_what_was_changed(
    models: dict[str, Model],
) -> None:
    page, report = check(models, TALE[:50].upper() + "!", "tiny")
    assert plain(page) == TALE[:50]
    assert "<u" in page
    assert report.endswith(" Read as: capitals→small letters, ! left out.")


def test_a_text_of_unknown_characters_is_told_as_such(models: dict[str, Model]) -> None:
    page, report = check(models, "?" * 40, "tiny")
    assert report == "tiny knows none of these characters."
    assert plain(page) == ""


def test_no_text_and_no_name_becomes_markup_or_a_template(model: Model) -> None:
    text = "<b>&${1}`\\</b>" * 5 + "a new hat and no ball"
    open_minded = replace(
        model,
        vocabulary=Vocabulary(sorted(set(text))),
        copies=Copies((Source.of('"><i>${name}`', text[:60]),)),
    )
    for part in check({"<tiny>": open_minded}, text, "<tiny>"):
        assert "<b>&" not in part
        assert "<i>$" not in part
        assert "<tiny>" not in part
        assert not set("${}`\\") & set(part)


def test_half_a_character_does_no_harm(models: dict[str, Model]) -> None:
    for sent in check(models, TALE[:30] + "\ud800 " + NEW, "tiny"):
        sent.encode()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *((text, "tiny") for text in (None, "", 5, ["the"], {"a": 1}, "a" * (LONGEST + 1))),
        *((TALE, name) for name in (None, "", "nobody", 5, ["tiny"], {"tiny": 1})),
    ],
)
def test_what_cannot_be_checked_is_refused_in_a_sentence(models: dict[str, Model], text: Any, name: Any) -> None:
    with pytest.raises(gr.Error) as error:
        check(models, text, name)
    assert not error.value.print_exception
    assert re.fullmatch(r"[A-Z][^\n]*\.", error.value.message)


def test_the_tab_fits_into_a_page_and_offers_one_endpoint(directory: Path) -> None:
    endpoints = endpoints_of(copies_tab, directory)
    assert list(endpoints) == ["/copying"], endpoints
    assert "letter for letter" in endpoints["/copying"]["description"]
    assert [parameter["parameter_name"] for parameter in endpoints["/copying"]["parameters"]] == ["text", "model"]
    assert CSS.count("{") == CSS.count("}") > 1
