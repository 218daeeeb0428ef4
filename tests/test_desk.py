"""The desk: what is gone on with, taken back, chosen and refused, for each visitor."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import gradio as gr
import pytest

from interface.desk import UNDONE, VISITORS, Desk, Sheet, View, frames, number, progress, shades
from model.generation import GenerationConfig, Request
from model.loaded import Model
from model.lstm import CharLSTM
from model.serving.mixture import Mixture
from model.serving.scheduler import SLOTS, Scheduler
from model.vocabulary import Vocabulary

MINE, YOURS = "me", "you"
PROMPT = "the old tale"


@pytest.fixture
def desk(model: Model) -> Desk:
    other = replace(model, network=CharLSTM(model.network.config, 13).eval(), name="other")
    capitals = replace(model, vocabulary=Vocabulary("\n ABDEHILNOT."), name="capitals")
    return Desk({"tiny": model, "other": other, "capitals": capitals}, Scheduler())


def all_of(views: AsyncIterator[View]) -> list[View]:
    async def collect() -> list[View]:
        return [view async for view in views]

    return asyncio.run(collect())


def written(desk: Desk, text: str = PROMPT, visitor: str = MINE, **typed: Any) -> View:
    """What is shown at the end of a continuation."""
    return all_of(desk.write(visitor, text, "tiny", **{"length": 20} | typed))[-1]


# ---- the sheet -------------------------------------------------------------------------------------------------------


def noted(sheet: Sheet, text: str, addition: str, seed: int | None = None, model: str = "tiny") -> tuple[int, int]:
    """The seed and the place in its numbers with which a continuation of `text` by `addition` begins."""
    begun = sheet.begin(text, model, "\n", seed)
    sheet.end(addition, begun[0])
    return begun


def test_a_continuation_of_the_untouched_sheet_goes_on_with_the_same_random_numbers() -> None:
    sheet = Sheet()
    seed, skip = noted(sheet, "once", " upon")
    assert skip == 0
    assert noted(sheet, "once upon", " a") == (seed, 5)
    assert noted(sheet, "once upon a", " time", seed=seed) == (seed, 7)
    assert sheet.after == "once upon a time"


@pytest.mark.parametrize(
    ("text", "model", "seed"), [("once upon.", "tiny", None), ("once upon", "other", None), ("once upon", "tiny", 8)]
)
def test_another_text_model_or_seed_begins_anew(text: str, model: str, seed: int | None) -> None:
    sheet = Sheet()
    first, _ = noted(sheet, "once", " upon", seed=7)
    begun, skip = noted(sheet, text, "", seed=seed, model=model)
    assert (first, skip) == (7, 0)
    assert begun == 8 if seed else begun != 7


def test_a_sheet_that_was_empty_keeps_what_the_model_read_first() -> None:
    sheet = Sheet()
    noted(sheet, "", "once")
    assert sheet.lead == "\n"
    noted(sheet, "once", " upon")
    assert sheet.lead == "\n"
    noted(sheet, "something else", "")
    assert sheet.lead == ""


def test_continuations_are_taken_back_one_by_one_and_what_follows_is_new() -> None:
    sheet = Sheet()
    seed, _ = noted(sheet, "once", " upon")
    noted(sheet, "once upon", " a time")
    assert sheet.undo("once upon a time, typed") == "once upon"
    assert noted(sheet, "once upon", " the")[0] != seed
    assert sheet.undo("") == "once upon"
    assert sheet.undo("") == "once"
    assert sheet.undo("typed") == "typed", "there is nothing left to take back"


def test_what_can_be_taken_back_has_an_end() -> None:
    sheet = Sheet()
    for count in range(UNDONE + 5):
        noted(sheet, str(count), "")
    assert len(sheet.steps) == UNDONE
    assert sheet.undo("") == str(UNDONE + 4)


def test_who_reads_no_further_ends_the_text(model: Model) -> None:
    scheduler = Scheduler()
    request = scheduler.submit(model, "a", GenerationConfig(length=100_000))

    async def read_a_little() -> None:
        reading = frames(scheduler, [request])
        await anext(reading)
        await reading.aclose()  # type: ignore[attr-defined]

    asyncio.run(read_a_little())
    assert request.done
    assert len(request.characters) < 100_000


def test_progress_is_a_line_for_every_state(model: Model) -> None:
    request, other = (Request(model, "a", GenerationConfig(seed=seed)) for seed in (5, 6))
    request.characters = ["a"]
    assert progress([request], 0, 0.5) == "1 character · 2 a second · seed 5"
    assert progress([request, other], 0, 0.5) == "1 character · 2 a second · seeds 5 to 6"
    line = progress([request], 3, 1)
    assert "you are number 3 in line" in line
    assert str(SLOTS) in line
    request.characters, request.unread = [], deque([0] * 1234)
    assert progress([request], 0, 1) == "Reading the sheet: 1,234 characters to go."
    request.failed = True
    assert "broke off" in progress([other, request], 0, 1)


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_the_text_grows_before_ones_eyes_and_is_whole_at_the_end(desk: Desk) -> None:
    views = all_of(desk.write(MINE, "The Old tale!", "tiny", length=2000, seed="5"))
    assert views[0] == View(
        "The Old tale!", note="The model reads this with capitals→small letters, ! left out.", writing=True
    )
    texts = [view.text for view in views]
    assert all(after.startswith(before) for before, after in pairwise(texts))
    assert len(texts[-1]) == len("The Old tale!") + 2000
    assert all(view.writing and not view.undoable for view in views[:-1])
    assert views[-1].undoable
    assert not views[-1].writing
    assert views[-1].note == views[0].note
    assert "2,000 characters" in views[-1].status
    assert views[-1].status.endswith("seed 5")


def test_going_on_is_as_if_it_had_never_stopped(desk: Desk) -> None:
    whole = written(desk, seed=7, length=60).text
    first = written(desk, seed=7, length=25, visitor=YOURS).text
    assert written(desk, first, length=35, visitor=YOURS).text == whole


def test_try_again_replaces_the_last_continuation_and_undo_takes_it_back(desk: Desk) -> None:
    first = written(desk, seed=7)
    second = all_of(desk.try_again(MINE, first.text, "tiny", length=20, seed="7"))[-1]
    assert second.text.startswith(PROMPT)
    assert second.text != first.text, "a seed that was typed would write the same once more"
    assert desk.undo(MINE, second.text) == View(PROMPT)
    assert desk.undo(MINE, "typed") == View("typed")


def test_a_beginning_takes_the_place_of_the_text_which_can_be_had_back(desk: Desk) -> None:
    assert desk.begin(MINE, "", "once") == View("once")
    end = written(desk, "once")
    assert desk.begin(MINE, end.text, "twice") == View("twice", undoable=True)
    again = all_of(desk.try_again(MINE, "twice", "tiny", length=20))[-1]
    assert again.text.startswith("twice"), "the model has written nothing that could be tried again"
    assert desk.undo(MINE, again.text).text == "twice"
    assert desk.undo(MINE, "twice") == View(end.text, undoable=True, repeatable=True)
    assert desk.undo(MINE, end.text) == View("once")


def test_nothing_is_taken_back_for_settings_that_are_refused(desk: Desk) -> None:
    first = written(desk)
    with pytest.raises(gr.Error):
        all_of(desk.try_again(MINE, first.text, "tiny", length=-1))
    assert desk.undo(MINE, first.text).text == PROMPT


def test_one_visitors_stop_seed_and_undo_never_touch_anothers(desk: Desk) -> None:
    async def both() -> list[list[View]]:
        async def mine() -> list[View]:
            views = []
            async for view in desk.write(MINE, PROMPT, "tiny", seed=1, length=100_000):
                views.append(view)
                if len(view.text) > 100:
                    desk.stop(MINE)
            return views

        async def yours() -> list[View]:
            return [view async for view in desk.write(YOURS, PROMPT, "tiny", seed=2, length=3000)]

        return list(await asyncio.gather(mine(), yours()))

    mine, yours = asyncio.run(both())
    assert len(mine[-1].text) < 100_000
    assert yours[-1].text == PROMPT + written(desk, seed=2, length=3000, visitor="a third").text[len(PROMPT) :]
    assert (desk.seed(MINE), desk.seed(YOURS), desk.seed("nobody")) == ("1", "2", "")
    desk.undo(MINE, mine[-1].text)
    assert desk.undo(YOURS, yours[-1].text).text == PROMPT
    desk.stop("nobody")


def test_while_it_writes_nothing_else_can_be_done_to_the_sheet(desk: Desk) -> None:
    async def meddle() -> None:
        async for view in desk.write(MINE, PROMPT, "tiny", length=100_000):
            for meddling in (
                lambda: desk.undo(MINE, PROMPT),
                lambda: desk.begin(MINE, PROMPT, "once"),
                lambda: desk.choose(MINE, PROMPT, 0),
                lambda: asyncio.run(anext(desk.write(MINE, PROMPT, "tiny"))),  # type: ignore[arg-type]
            ):
                if len(view.text) > 100:
                    with pytest.raises(gr.Error, match="still writing"):
                        await asyncio.to_thread(meddling)
            if len(view.text) > 100:
                return

    asyncio.run(meddle())
    assert written(desk).text.startswith(PROMPT), "who reads no further has ended it"


def test_who_goes_is_forgotten_and_ends_what_was_being_written(desk: Desk) -> None:
    async def leave() -> None:
        async for view in desk.write(MINE, PROMPT, "tiny", length=100_000):
            if len(view.text) > 100:
                desk.forget(MINE)

    asyncio.run(leave())
    assert MINE not in desk.sheets


def test_of_very_many_visitors_the_first_are_forgotten(desk: Desk) -> None:
    for visitor in range(VISITORS + 3):
        desk.sheet(str(visitor))
    assert len(desk.sheets) == VISITORS
    assert "2" not in desk.sheets


# ---- several takes ---------------------------------------------------------------------------------------------------


def test_several_takes_are_written_side_by_side_and_each_is_the_text_of_its_own_seed(desk: Desk) -> None:
    end = written(desk, seed=5, takes=3)
    assert end.text == PROMPT
    assert end.status.endswith("seeds 5 to 7")
    for take, text in enumerate(end.takes):
        assert PROMPT + text == written(desk, seed=5 + take, visitor=YOURS).text
    assert len(set(end.takes)) == 3


def test_the_take_that_is_chosen_is_gone_on_with_as_if_it_had_been_the_only_one(desk: Desk) -> None:
    end = written(desk, seed=5, takes=3)
    chosen = desk.choose(MINE, end.text, 2)
    assert chosen == View(PROMPT + end.takes[2], undoable=True, repeatable=True)
    assert desk.seed(MINE) == "7"
    on = written(desk, chosen.text).text
    assert on == written(desk, seed=7, length=40, visitor=YOURS).text
    assert desk.undo(MINE, on).text == chosen.text
    assert desk.undo(MINE, chosen.text).text == PROMPT


def test_takes_that_nobody_chose_are_no_step_to_take_back_twice(desk: Desk) -> None:
    first = written(desk, takes=2)
    second = written(desk, takes=2)
    assert set(first.takes).isdisjoint(second.takes), "others are wanted"
    assert desk.undo(MINE, PROMPT) == View(PROMPT)


def test_only_a_take_of_this_very_sheet_can_be_chosen(desk: Desk) -> None:
    for visitor, take in ((MINE, 0), ("nobody", 0)):
        with pytest.raises(gr.Error, match="no such take"):
            desk.choose(visitor, PROMPT, take)
    end = written(desk, takes=2)
    for wrong in (2, -1, "1", None, [0]):
        with pytest.raises(gr.Error, match="no such take"):
            desk.choose(MINE, end.text, wrong)
    with pytest.raises(gr.Error, match="sheet has changed"):
        desk.choose(MINE, end.text + " typed", 1)
    assert desk.choose(MINE, end.text, 1.0).text == PROMPT + end.takes[1]


# ---- two books -------------------------------------------------------------------------------------------------------


def test_two_models_write_together_and_every_character_has_its_shade(desk: Desk) -> None:
    end = written(desk, "The old tale", second="capitals", share=0.5, length=200, temperature=1.0, top_k=0)
    text = end.text.removeprefix("The old tale")
    start, digits = end.shades.split(" ")
    assert int(start) == len("The old tale")
    assert len(digits) == len(text) == 200
    for character, digit in zip(text, digits, strict=True):
        assert not character.isupper() or digit == "5"
        assert not character.islower() or digit == "0"
    assert "0" in digits
    assert "5" in digits


def test_a_mixture_is_made_once_and_another_share_is_another_text_to_go_on_with(desk: Desk) -> None:
    mixture, _ = desk.settle(PROMPT, "tiny", second="other", share=0.25)
    assert isinstance(mixture, Mixture)
    assert desk.settle("", "tiny", second="other", share=0.25)[0] is mixture
    assert desk.settle("", "tiny", second="")[0] is desk.models["tiny"]
    end = written(desk, seed=3, second="other", share=0.25)
    assert desk.sheet(MINE).goes_on(end.text, ("tiny", "other", 0.25), None)
    assert not desk.sheet(MINE).goes_on(end.text, ("tiny", "other", 0.5), None)


def test_a_shade_stands_where_the_browser_counts_its_character() -> None:
    assert shades("a😀", "b😀c", [0.0, 0.5, 1.0]) == "3 0225"
    assert shades("a", "bc", []) == ""
    assert shades("\ud800", "b", [1.0]) == "1 5"


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        *({"text": text} for text in (None, ["a"], 5, "a" * 100_001)),
        *({"model": model} for model in (None, {"x": 1}, "nobody")),
        *({"second": second} for second in (5, ["tiny"], "nobody", {"a": 1})),
        *({"second": "other", "share": share} for share in ("much", -0.1, 1.1, float("nan"), True, [1])),
        *({"takes": takes} for takes in (0, 5, None, "two", 1.5, True, [2])),
        *({"seed": seed} for seed in ("seven", -1, 2**63, [1], "9" * 1000)),
        {"temperature": "hot"},
        {"top_p": [1]},
        {"length": 1.5},
        {"until": 5},
    ],
    ids=lambda asked: str(asked)[:40],
)
def test_what_cannot_be_met_is_refused_in_a_sentence(desk: Desk, asked: dict[str, Any]) -> None:
    with pytest.raises(gr.Error) as refused:
        desk.settle(**{"text": "a", "model": "tiny"} | asked)
    assert refused.value.message.endswith(".")
    assert not refused.value.print_exception


def test_whole_numbers_may_come_as_a_browser_sends_them(desk: Desk) -> None:
    _, config = desk.settle("a", "tiny", seed="12 ", takes=2.0, length=20.0, top_k=None)
    assert (config.length, config.top_k, config.seed) == (20, 9, 12)


def test_a_seed_is_a_number_as_it_is_typed() -> None:
    assert [number(seed) for seed in ("12", " 7 ", "", "  ", None, 5, "seven")] == [12, 7, None, None, None, 5, "seven"]
