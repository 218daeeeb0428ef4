"""The tab “Inside”: what its handlers make of a text and a unit, and of whatever else a browser sends."""

import html
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch

from interface import inside
from interface.inside import BOUNDS, Insides, Shown, continued, find, inside_tab, look, pick, tinted, tints, turn
from model.analysis.inspection import activations
from model.analysis.units import Finding
from model.generation import LONGEST, GenerationConfig
from model.loaded import Model
from model.lstm import LSTMConfig
from model.sampling import SamplingConfig
from model.vocabulary import Vocabulary
from tests.conftest import H, endpoints_of, lively

TEXT = "the old hat\nand a ball. "
WRONG: list[Any] = [None, "", "x", [], {}, math.nan, 1e999, -1e999, -3, 0, 10**400]


@pytest.fixture(autouse=True)
def _less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less is written on, which takes less time."""
    monkeypatch.setattr(inside, "SHOWN", 600)
    monkeypatch.setattr(inside, "ENOUGH", 300)


@pytest.fixture
def insides(model: Model) -> Insides:
    flat = replace(model, network=lively(LSTMConfig(hidden_size=H, layers=1)), context="window")
    return Insides({"tiny": model, "flat": flat})


def event(data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def letters(page: str) -> str:
    """What a tinted page says."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def refused(error: pytest.ExceptionInfo[gr.Error]) -> str:
    """Its message, which is one sentence and leaves the log clean."""
    assert not error.value.print_exception
    assert re.fullmatch(r"[A-Z][^\n]*\.", error.value.message)
    return error.value.message


# ---- one unit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layer", "unit"), [(1, 1), (2, 7), (2.0, H)])
def test_a_text_is_tinted_by_the_unit_that_was_asked_for(
    insides: Insides, model: Model, layer: float, unit: int
) -> None:
    (_, empty, waiting), (shown, page, report) = look(insides, None, TEXT, "tiny", layer, unit)
    values = activations(model, TEXT).hidden[:, int(layer) - 1, unit - 1]
    assert (empty, waiting) == ("", "tiny is reading …")
    assert shown == Shown("tiny", TEXT, len(TEXT))
    assert page == tinted(TEXT, len(TEXT), values)
    assert letters(page) == TEXT
    assert f"<b>Layer {int(layer)}, unit {unit}</b> of tiny runs from" in report
    low, high = (float(figure.replace("−", "-")) for figure in re.findall(r"[+−][\d.]+\d", report))
    assert (low, high) == pytest.approx((values.min().item(), values.max().item()), abs=0.006)


def test_a_tint_has_a_side_and_a_step() -> None:
    values = [0.0, *BOUNDS, 1.0]
    assert tints(torch.tensor(values)) == [0, 1, 2, 3, 4, 5, 5]
    assert tints(-torch.tensor(values)) == [0, -1, -2, -3, -4, -5, -5]
    page = tinted("abcd\n\ne", 7, torch.tensor([0.95, 0.95, -0.2, 0.0, 0.6, 0.6, -1.0]))
    assert '<i class="p5">ab</i><i class="n1">c</i>d<i class="line p3">\n</i><i class="line p3">\n</i>' in page


def test_a_mark_stands_where_the_model_wrote_on() -> None:
    values = torch.tensor([0.95, 0.95])
    assert '<i class="p5">a</i><span class="written"></span><i class="p5">b</i>' in tinted("ab", 1, values)
    for own in (0, 2):
        assert "written" not in tinted("ab", own, values)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_number_that_no_unit_has_is_set_right(insides: Insides, wrong: Any) -> None:
    *_, (shown, _, report) = look(insides, None, TEXT, "tiny", wrong, wrong)
    number = (2, H) if wrong == 1e999 else (1, 1)
    assert f"<b>Layer {number[0]}, unit {number[1]}</b>" in report
    assert turn(insides, shown, wrong, wrong)[1] == report


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *((text, "tiny") for text in (None, 5, ["the"], {"a": 1}, "a" * (LONGEST + 1))),
        *((TEXT, name) for name in (None, "", "nobody", 5, ["tiny"], {"tiny": 1})),
    ],
)
def test_what_cannot_be_looked_at_is_refused_in_a_sentence(insides: Insides, text: Any, name: Any) -> None:
    for asked in (look(insides, None, text, name, 1, 1), find(insides, text, name)):
        with pytest.raises(gr.Error) as error:
            next(asked)
        refused(error)


def test_one_unit_of_no_text_is_refused(insides: Insides) -> None:
    with pytest.raises(gr.Error) as error:
        next(look(insides, None, "", "tiny", 1, 1))
    refused(error)


def test_a_text_of_unknown_characters_is_told_as_such(insides: Insides) -> None:
    *_, (shown, page, report) = look(insides, None, "???", "tiny", 1, 1)
    assert (shown.text, page, report) == ("", "", "tiny knows none of these characters.")


def test_what_was_done_to_the_text_is_told(insides: Insides) -> None:
    *_, (shown, page, report) = look(insides, None, "Bál <b>&" + "a" * 600, "tiny", 1, 1)
    assert shown.text == letters(page) == "a" * 600
    assert report.endswith(" Only the last 600 characters are looked at.")
    *_, (_, _, report) = look(insides, None, "Bál", "tiny", 1, 1)
    assert "Read as: capitals→small letters, á→a" in report


def test_characters_that_become_several_do_not_make_a_text_longer(model: Model) -> None:
    stops = replace(model, vocabulary=Vocabulary("abcdefghi. \n\t"))
    *_, (shown, _, report) = look(Insides({"m": stops}), None, "…" * 600, "m", 1, 1)
    assert shown.text == "." * 600
    assert "Only the last 600" in report


def test_no_text_becomes_markup_or_a_template(model: Model) -> None:
    open_minded = Insides({"<m>": replace(model, vocabulary=Vocabulary("<>b/&${}`\\1\n "))})
    for _, page, report in look(open_minded, None, "<b>&${1}`\\</b>é", "<m>", 1, 1):
        assert letters(page) in ("", "<b>&${1}`\\</b>")
        for sent in (page, report):
            assert "<m>" not in sent
            assert not set("${}`\\") & set(sent)


def test_a_letter_and_an_accent_that_a_model_writes_become_one_character(model: Model) -> None:
    accents = Insides({"m": replace(model, vocabulary=Vocabulary("ae\u0301áé \n.bcdfg"))})
    *_, (shown, page, _, _, _, _) = find(accents, "ade", "m")
    assert len(letters(page)) < len(shown.text) == 600


def test_half_a_character_does_no_harm(insides: Insides) -> None:
    for asked in (look(insides, None, "a\ud800 hat", "tiny", 1, 1), find(insides, "a\ud800 hat", "tiny")):
        for result in asked:
            for sent in result[1:]:
                str(sent).encode()


def test_another_unit_of_the_same_text_is_shown_without_reading_again(
    insides: Insides, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, (shown, page, _) = look(insides, None, TEXT, "tiny", 1, 1)
    monkeypatch.setattr(inside, "activations", None)
    assert turn(insides, shown, 1, 1)[0] == page
    assert turn(insides, shown, 2, 3)[0] != page


@pytest.mark.parametrize("shown", [None, "tiny", 5, ("tiny", TEXT, 3)])
def test_before_a_text_is_shown_there_is_no_unit_of_it(insides: Insides, shown: Any) -> None:
    assert turn(insides, shown, 1, 1) == ("", "")


def test_large_models_keep_fewer_texts(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for memory in (10**9, 4 * 600 * 2 * H * 3, 1):
        monkeypatch.setattr(inside, "MEMORY", memory)
        counts.append(Insides({"tiny": model}).kept)
    assert counts == [8, 3, 1]


# ---- units that follow something -------------------------------------------------------------------------------------


def planted(model: Model, text: str) -> Any:
    """The activities of a model in which the seventh unit of the second layer follows white space."""
    activity = activations(model, text)
    spaces = torch.tensor([float(character.isspace()) for character in activity.text])
    noise = torch.rand(len(spaces), 2, H, generator=torch.Generator().manual_seed(1)) - 0.5
    noise[:, 1, 6] = -0.8 * spaces
    return replace(activity, hidden=noise)


def test_a_unit_that_follows_something_is_found_and_shown(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "activations", planted)
    insides = Insides({"tiny": model})
    waiting, (shown, page, report, found, layer, unit) = find(insides, TEXT, "tiny")
    assert "tiny writes on from the text" in waiting[3]
    assert (layer, unit) == (2, 7)
    assert replace(shown.findings[0], correlation=-1) == Finding("spaces and new lines", 1, 6, -1)
    assert "<b>Layer 2, unit 7</b> of tiny runs from −0.80 to +0.00" in report
    assert "and follows spaces and new lines (−1.00)" in report
    assert f"Found in your text and {600 - len(TEXT)} characters that tiny wrote on (from ▸):" in found
    first = re.findall(r"<button.*?</button>", found)[0]
    assert "<span>spaces and new lines</span><span>layer 2, unit 7</span><span>−1.00</span>" in first
    assert letters(page) == shown.text
    assert len(shown.text) == 600
    assert shown.text.startswith(TEXT)
    assert pick(insides, shown, event({"index": 0})) == (page, report, 2, 7)

    *_, (again, _, report) = look(insides, shown, "a hat and a ball", "tiny", 2, 7)
    assert again.findings == shown.findings  # they are the model's, and another text's too
    assert "and follows spaces and new lines (−1.00)" in report


def test_what_was_found_in_one_model_is_not_said_of_another(insides: Insides) -> None:
    before = Shown("flat", TEXT, 3, findings=(Finding("vowels", 0, 0, 0.5),))
    *_, (shown, _, _) = look(insides, before, TEXT, "tiny", 1, 1)
    assert shown.findings == ()


@pytest.mark.parametrize("name", ["tiny", "flat"])
def test_any_model_can_be_searched_and_always_with_the_same_result(insides: Insides, name: str) -> None:
    *_, result = find(insides, TEXT, name)
    shown = result[0]
    assert len(shown.text) == 600
    assert all(abs(finding.correlation) >= 0.2 for finding in shown.findings)
    *_, again = find(Insides(insides.models), TEXT, name)
    assert again == result
    for index in range(len(shown.findings)):
        _, report, layer, unit = pick(insides, shown, event({"index": index, "value": ""}))
        assert f"<b>Layer {layer}, unit {unit}</b>" in report
        assert shown.findings[index].feature in report


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "600 characters that tiny wrote"),
        ("???", "600 characters that tiny wrote"),
        ("a" * 299, "your text and 301 characters that tiny wrote on (from ▸)"),
        ("the old hat. " * 30, "your text"),
        ("the old hat. " * 90, "your text"),
    ],
)
def test_it_is_said_in_which_text_units_were_looked_for(insides: Insides, text: str, where: str) -> None:
    *_, (shown, _, _, found, _, _) = find(insides, text, "tiny")
    assert re.match(rf"<p>(Found in {re.escape(where)}:|In {re.escape(where)}, no unit)", found)
    assert len(shown.text) == (len(text) if where == "your text" and len(text) < 600 else 600)


def test_where_nothing_is_followed_that_is_said(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "find_units", lambda *_: [Finding("vowels", 0, 3, 0.19)])
    *_, (shown, page, report, found, layer, unit) = find(Insides({"tiny": model}), "the old hat. " * 90, "tiny")
    assert found == "<p>In your text, no unit of tiny follows anything that has a name here.</p>"
    assert (shown.findings, layer, unit) == ((), 1, 1)
    assert "Layer 1, unit 1" in report
    assert letters(page) == shown.text


def test_a_model_writes_on_in_its_own_way_but_never_the_likeliest_alone(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[GenerationConfig] = []

    def noting(_: Model, __: str, config: GenerationConfig) -> list[str]:
        asked.append(config)
        return ["a"] * config.length

    monkeypatch.setattr(inside, "generate", noting)
    greedy = replace(model, sampling=SamplingConfig(temperature=0), context="window")
    assert continued(model, TEXT) == TEXT + "a" * (600 - len(TEXT))
    assert continued(greedy, "") == "a" * 600
    assert [(c.temperature, c.top_k, c.context, c.seed) for c in asked] == [
        (0.8, 9, "carried", 0),
        (1.0, 0, "window", 0),
    ]


@pytest.mark.parametrize("index", [None, "0", 0.0, True, [0], -1, 1, 10**30])
def test_only_what_was_found_can_be_chosen(insides: Insides, index: Any) -> None:
    found = Shown("tiny", TEXT, 3, findings=(Finding("vowels", 0, 0, 0.5),))
    for shown, data in ((found, {"index": index}), (found, index), (None, {"index": 0}), (Shown("tiny", TEXT, 3), {})):
        with pytest.raises(gr.Error) as error:
            pick(insides, shown, event(data))
        assert refused(error) == "Find units first, and choose one of them."


def test_the_tab_fits_into_a_page_and_offers_two_endpoints(directory: Path) -> None:
    endpoints = endpoints_of(inside_tab, directory)
    returned = {name: len(endpoint["returns"]) for name, endpoint in endpoints.items()}
    assert returned == {"/unit_activity": 2, "/units_found": 5}
    assert all(endpoint["description"] for endpoint in endpoints.values())
