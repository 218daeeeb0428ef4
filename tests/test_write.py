"""The sheet that a visitor and the model write on: what is gone on with, taken back and refused."""

import asyncio

import gradio as gr
import pytest

from interface.models import describe, held_out_bits, load_models
from interface.write import PRESETS, UNDONE, Sheet, beginnings, frames, parse, progress, settle
from model.checkpoint import Checkpoint
from model.generation import GenerationConfig, Writer
from model.sampling import SamplingConfig
from model.scheduler import Scheduler


def written(sheet: Sheet, text: str, addition: str, seed: int | None = None, model: str = "tiny") -> tuple[int, int]:
    """The seed and the place in its numbers with which a continuation of `text` by `addition` begins."""
    begun = sheet.begin(text, model, "\n", seed)
    sheet.end(addition)
    return begun


def test_a_continuation_of_the_untouched_sheet_goes_on_with_the_same_random_numbers() -> None:
    sheet = Sheet()
    seed, skip = written(sheet, "once", " upon")
    assert skip == 0
    assert written(sheet, "once upon", " a") == (seed, 5)
    assert written(sheet, "once upon a", " time", seed=seed) == (seed, 7)
    assert sheet.after == "once upon a time"


@pytest.mark.parametrize(
    ("text", "model", "seed"), [("once upon.", "tiny", None), ("once upon", "other", None), ("once upon", "tiny", 8)]
)
def test_another_text_model_or_seed_begins_anew(text: str, model: str, seed: int | None) -> None:
    sheet = Sheet()
    first, _ = written(sheet, "once", " upon", seed=7)
    begun, skip = written(sheet, text, "", seed=seed, model=model)
    assert (first, skip) == (7, 0)
    assert begun == 8 if seed else begun != 7


def test_a_sheet_that_was_empty_keeps_what_the_model_read_first() -> None:
    sheet = Sheet()
    written(sheet, "", "once")
    assert sheet.lead == "\n"
    written(sheet, "once", " upon")
    assert sheet.lead == "\n"
    written(sheet, "something else", "")
    assert sheet.lead == ""


def test_continuations_are_taken_back_one_by_one_and_what_follows_is_new() -> None:
    sheet = Sheet()
    seed, _ = written(sheet, "once", " upon")
    written(sheet, "once upon", " a time")
    assert sheet.undo("once upon a time, typed") == "once upon"
    assert written(sheet, "once upon", " the")[0] != seed
    assert sheet.undo("") == "once upon"
    assert sheet.undo("") == "once"
    assert sheet.undo("typed") == "typed", "there is nothing left to take back"


def test_what_can_be_taken_back_has_an_end() -> None:
    sheet = Sheet()
    for number in range(UNDONE + 5):
        written(sheet, str(number), "")
    assert len(sheet.before) == UNDONE
    assert sheet.undo("") == str(UNDONE + 4)


def test_skipped_numbers_go_on_where_a_text_was_stopped(checkpoint: Checkpoint) -> None:
    whole = GenerationConfig(length=50, seed=3)
    first = GenerationConfig(length=20, seed=3)
    rest = GenerationConfig(length=30, seed=3, skip=20)

    def text(prompt: str, config: GenerationConfig) -> str:
        scheduler = Scheduler()
        writer = scheduler.write(checkpoint, prompt, config)

        async def read() -> str:
            return [text async for text in frames(scheduler, writer)][-1]

        return asyncio.run(read())

    begun = text("the ", first)
    assert begun + text("the " + begun, rest) == text("the ", whole)


def test_who_reads_no_further_ends_the_text(checkpoint: Checkpoint) -> None:
    scheduler = Scheduler()
    writer = scheduler.write(checkpoint, "a", GenerationConfig(length=100_000))

    async def read_a_little() -> None:
        reading = frames(scheduler, writer)
        await anext(reading)
        await reading.aclose()  # type: ignore[attr-defined]

    asyncio.run(read_a_little())
    assert writer.done
    assert len(writer.characters) < 100_000


def test_progress_is_a_line_for_every_state(checkpoint: Checkpoint) -> None:
    writer = Writer(checkpoint, "a", GenerationConfig(seed=5))
    writer.characters = ["a"]
    assert progress(writer, 0, 0.5) == "1 character · 2 a second · seed 5"
    assert "you are number 3 in line" in progress(writer, 3, 1)
    writer.failed = True
    assert "broke off" in progress(writer, 0, 1)


@pytest.mark.parametrize(
    ("prompt", "model", "typed"),
    [
        (None, "tiny", {}),
        (["a"], "tiny", {}),
        ("a" * 100_001, "tiny", {}),
        ("a", None, {}),
        ("a", {"x": 1}, {}),
        ("a", "nobody", {}),
        ("a", "tiny", {"temperature": "hot"}),
        ("a", "tiny", {"top_p": [1]}),
        ("a", "tiny", {"length": 1.5}),
        ("a", "tiny", {"seed": "seven"}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_met_is_refused_in_a_sentence(
    checkpoint: Checkpoint, prompt: object, model: object, typed: dict[str, object]
) -> None:
    with pytest.raises(gr.Error) as refused:
        settle({"tiny": checkpoint}, prompt, model, **typed)
    assert refused.value.message.endswith(".")
    assert not refused.value.print_exception


def test_whole_numbers_may_come_as_a_browser_sends_them(checkpoint: Checkpoint) -> None:
    _, config = settle({"tiny": checkpoint}, "a", "tiny", length=20.0, top_k=None)
    assert (config.length, config.top_k) == (20, 9)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_within_the_ranges(name: str) -> None:
    what, values = PRESETS[name]
    assert what
    assert SamplingConfig(**values)  # type: ignore[arg-type]


def test_beginnings_can_be_read_by_the_models_they_are_for() -> None:
    models, _ = load_models(["assets/alice", "assets/pooh", "assets/shakespeare"])
    for model in models.values():
        for text in beginnings(model):
            assert "left out" not in model.vocabulary.repair(text).report
        assert f"{held_out_bits(model):.2f} bits" in describe(model)


def test_a_setting_in_a_link_is_a_number_where_it_can_be() -> None:
    assert [parse(value) for value in ("5", "0.5", "carried", "")] == [5, 0.5, "carried", ""]
