"""The tab on which one writes: a sheet of text that the visitor and the model both write on."""

import asyncio
import contextlib
import html
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from interface import visitor
from interface.models import describe
from interface.visitor import named, sound
from model.checkpoint import Checkpoint
from model.generation import GenerationConfig, Writer, defaults
from model.options import meanings
from model.scheduler import PLACES, Scheduler

FRAME = 1 / 18  # seconds between two repaints of the text, at least
REPAINT = 1 / 150  # seconds of the server's time that one costs, sent and all
SCRIPT = Path(__file__).with_name("sheet.js").read_text(encoding="utf-8")
LINK = "() => JSON.stringify(Object.fromEntries(new URLSearchParams(location.hash.slice(1))))"
UNDONE = 100  # continuations that can be taken back
VISITORS = 1000  # whose sheets are remembered; most are forgotten as soon as they go
STOPS = {"length": "no sooner", "sentence": "with a sentence", "text": "with this text"}
CONTEXTS = {"carried": "all it has read", "window": "the last 100 characters"}


def settle(models: dict[str, Checkpoint], prompt: Any, model: Any, **typed: Any) -> tuple[Checkpoint, GenerationConfig]:
    """The model and the settings of a request, where None stands for the model's own; gr.Error if one is wrong."""
    sound(prompt, "the prompt")
    chosen = named(models, model)
    return chosen, visitor.settings(chosen, typed)


async def frames(scheduler: Scheduler, writer: Writer) -> AsyncIterator[str]:
    """The text so far, a few times a second, and once more when it is whole; who reads no further ends it."""
    try:
        done, pause = False, FRAME
        while not done:
            await asyncio.sleep(pause)
            done = writer.done  # before the text is taken, which may grow until then
            yield writer.text
            # The fewer repaints for each the more there are; but the first characters come at once.
            begins = not writer.characters and not scheduler.place(writer)
            pause = FRAME if begins else max(FRAME, REPAINT * scheduler.crowd)
    finally:
        writer.cancel()


def progress(writer: Writer, place: int, seconds: float) -> str:
    """How it stands with a text, in a line."""
    count = len(writer.characters)
    if writer.failed:
        return "The text broke off here, through a fault of this program: write again."
    if place:
        return f"{PLACES} others are writing; you are number {place} in line, and it begins by itself."
    return f"{count:,} character{'s' * (count != 1)} · {count / seconds:,.0f} a second · seed {writer.config.seed}"


# ---- the sheet -------------------------------------------------------------------------------------------------------


@dataclass
class Sheet:
    """What is remembered of a visitor's sheet, so that it can be taken back, tried again and gone on with."""

    before: list[str] = field(default_factory=list)  # the text before each continuation, the last one last
    after: str = ""  # the text as the last continuation left it
    model: str = ""
    lead: str = ""  # what the model read before the first character of a sheet that was empty
    seed: int = 0
    drawn: int = 0  # random numbers, by the continuations that followed each other
    writer: Writer | None = None

    def goes_on(self, text: str, model: str, seed: int | None) -> bool:
        """Whether a continuation of `text` carries on the last one, as if that had never ended."""
        return bool(self.before) and (text, model) == (self.after, self.model) and seed in (None, self.seed)

    def begin(self, text: str, model: str, lead: str, seed: int | None) -> tuple[int, int]:
        """Note where a continuation begins; return the seed of its random numbers and how many to pass over."""
        if not self.goes_on(text, model, seed):
            self.model, self.lead, self.drawn = model, "" if text else lead, 0
            self.seed = random.randrange(2**31) if seed is None else seed
        self.before = [*self.before[1 - UNDONE :], text]
        return self.seed, self.drawn

    def grow(self, text: str) -> str:
        """Note what the continuation has written so far; return the whole sheet."""
        self.after = self.before[-1] + text
        return self.after

    def end(self, text: str) -> None:
        """Note that the continuation has ended with `text`."""
        self.grow(text)
        self.drawn += len(text)

    def undo(self, text: str) -> str:
        """Take the last continuation back; return the sheet as it was before, or as it is if there was none."""
        if not self.before:
            return text
        self.after = self.before.pop()
        self.model = ""  # the next continuation is another
        return self.after


OWN = "the model's own"
PRESETS: dict[str, tuple[str, dict[str, float]]] = {
    OWN: ("as this model writes best", {}),
    "the tutorial": ("always the likeliest letter, which soon runs in circles", {"temperature": 0}),
    "careful": ("plain and safe words", {"temperature": 0.6, "top_k": 0, "top_p": 0.9, "min_p": 0}),
    "balanced": ("about as surprising as a book", {"temperature": 0.9, "top_k": 0, "top_p": 0.95, "min_p": 0}),
    "wild": ("new words, and nonsense among them", {"temperature": 1.3, "top_k": 0, "top_p": 1, "min_p": 0.02}),
}
# Written for this page; in the manner of what each model has read.
BEGINNINGS = (
    "The door at the end of the garden had never been opened before, and",
    "“What a curious clock,” said the girl,",
    "It was raining so hard that the bear could not find his own house.",
    "Nobody in the village believed the old sailor until",
)
PLAYS = (
    "QUEEN:\nWhat news, my lord? You come upon us late,\n",
    "FIRST CITIZEN:\nThe river rises, and the bread grows dear.\n",
)


def beginnings(model: Checkpoint) -> tuple[str, ...]:
    """Examples of how a text may begin, for what the model has read."""
    return PLAYS if not model.vocabulary.lowercase else BEGINNINGS


def write_tab(demo: gr.Blocks, models: dict[str, Checkpoint], scheduler: Scheduler, model: gr.Radio) -> gr.Textbox:
    """Lay the tab out, for the choice `model`; returns the sheet."""
    first = models[model.value]
    own, meaning = defaults(first), meanings(GenerationConfig)
    # Stop is asked for by visitor, not with Gradio's `cancels`: that leaves now and then an error over the text.
    sheets: dict[str | None, Sheet] = {}

    def slider(name: str, label: str, highest: float, step: float) -> gr.Slider:
        return gr.Slider(0, highest, own[name], step=step, buttons=[], label=label, info=meaning[name])

    with gr.Row(elem_id="desk"):
        with gr.Column(scale=7, min_width=320):
            sheet = gr.Textbox(
                label="Sheet",
                placeholder="Begin a story here, and let the model go on; or leave it blank, and it begins by itself.",
                lines=16,
                max_lines=16,
                autoscroll=False,
                elem_id="sheet",
                html_attributes=gr.InputHTMLAttributes(spellcheck=False),
            )
            note = gr.HTML(visible=False, elem_id="note")
            with gr.Row(elem_id="actions"):
                write_button = gr.Button("Write", variant="primary", min_width=70, elem_id="write")
                stop_button = gr.Button("Stop", interactive=False, min_width=70, elem_id="stop")
                again_button = gr.Button("Try again", interactive=False, min_width=70, elem_id="again")
                undo_button = gr.Button("Undo", interactive=False, min_width=70, elem_id="undo")
            status = gr.HTML(elem_id="status")
        with gr.Column(scale=4, min_width=280):
            about = gr.HTML(describe(first), elem_id="about")
            begin = gr.Radio(list(beginnings(first)), label="Begin with", elem_id="begin")
            with gr.Accordion("Settings", open=False, elem_id="settings"):
                preset = gr.Radio(
                    [(f"{name}: {what}", name) for name, (what, _) in PRESETS.items()],
                    value=OWN,
                    label="How adventurous",
                    elem_id="preset",
                )
                settings = {
                    "temperature": slider("temperature", "Temperature", 2, 0.05),
                    "top_k": slider("top_k", "Top-k", 100, 1),
                    "top_p": slider("top_p", "Top-p", 1, 0.01),
                    "min_p": slider("min_p", "Min-p", 1, 0.01),
                    "length": gr.Number(1000, label="Length", info=meaning["length"], precision=0),
                    "stop": gr.Radio(
                        [(label, name) for name, label in STOPS.items()],
                        value="length",
                        label="Stop",
                        info="whether to stop before so much is written",
                    ),
                    "until": gr.Textbox(
                        label="Text to stop at", placeholder="THE END", info="where that is chosen above"
                    ),
                    "context": gr.Radio(
                        [(label, name) for name, label in CONTEXTS.items()],
                        value=own["context"],
                        label="Context",
                        info="what each next character is predicted from",
                    ),
                }
                # A blank gr.Number shows 0.
                seed = gr.Textbox(label="Seed", placeholder="a new one each time", info=meaning["seed"], elem_id="seed")
                with gr.Row():
                    keep_button = gr.Button("Keep this one", size="sm", min_width=90)
                    dice_button = gr.Button("Throw the dice", size="sm", min_width=90)
            with gr.Row(elem_id="away"):
                copy_button = gr.Button("Copy", size="sm", min_width=70, elem_id="copy")
                share_button = gr.Button("Copy a link", size="sm", min_width=70, elem_id="share")
                save_button = gr.Button("Download", size="sm", min_width=70, elem_id="download")

    names = list(settings)
    sampling = [name for name in names if name in own]

    def sheet_of(request: gr.Request) -> Sheet:
        if len(sheets) == VISITORS and request.session_hash not in sheets:
            sheets.pop(next(iter(sheets)))
        return sheets.setdefault(request.session_hash, Sheet())

    async def write(request: gr.Request, text: Any, model: Any, seed: Any, *values: Any) -> AsyncIterator[Any]:
        # The seed is typed as text, and is None while the settings have never been opened.
        seed = int(seed) if isinstance(seed, str) and seed.strip().isdecimal() else seed or None
        checkpoint, config = settle(models, text, model, seed=seed, **dict(zip(names, values, strict=True)))
        repaired = checkpoint.vocabulary.repair(text)
        mine = sheet_of(request)
        lead = checkpoint.vocabulary.characters[checkpoint.vocabulary.start]
        chosen_seed, skip = mine.begin(repaired.text, model, lead, None if seed is None else config.seed)
        yield {
            sheet: repaired.text,
            note: gr.HTML(html.escape(repaired.report), visible=bool(repaired.report)),
            **{button: gr.Button(interactive=False) for button in (write_button, again_button, undo_button)},
            stop_button: gr.Button(interactive=True),
        }
        writer = mine.writer = scheduler.write(
            checkpoint, mine.lead + repaired.text, replace(config, seed=chosen_seed, skip=skip)
        )
        start = time.monotonic()
        async for written in frames(scheduler, writer):
            line = progress(writer, scheduler.place(writer), time.monotonic() - start)
            yield {sheet: mine.grow(written), status: line}
            if not written:
                start = time.monotonic()  # neither its place in line nor the prompt counts
        mine.end(writer.text)
        yield {
            **{button: gr.Button(interactive=True) for button in (write_button, again_button, undo_button)},
            stop_button: gr.Button(interactive=False),
        }

    async def try_again(request: gr.Request, text: Any, model: Any, _: Any, *values: Any) -> AsyncIterator[Any]:
        settle(models, text, model, **dict(zip(names, values, strict=True)))  # before anything is taken back
        async for update in write(request, sheet_of(request).undo(text), model, None, *values):
            yield update

    def undo(request: gr.Request, text: Any) -> list[Any]:
        mine = sheet_of(request)
        more = len(mine.before) > 1
        return [mine.undo(text), "", *(gr.Button(interactive=more) for _ in (again_button, undo_button))]

    def stop(request: gr.Request) -> None:
        if (mine := sheets.get(request.session_hash)) and mine.writer:
            mine.writer.cancel()

    def forget(request: gr.Request) -> None:
        stop(request)
        sheets.pop(request.session_hash, None)

    def choose(name: str | None) -> list[Any]:
        chosen = models.get(name or "", first)
        examples = gr.Radio(list(beginnings(chosen)), value=None)
        return [describe(chosen), examples, OWN, *(defaults(chosen)[name] for name in sampling)]

    def prefer(preset: str | None, name: str | None) -> list[Any]:
        values = defaults(models.get(name or "", first)) | PRESETS[preset or OWN][1]
        return [values[name] for name in sampling]

    def keep(request: gr.Request) -> str:
        mine = sheets.get(request.session_hash)
        return str(mine.seed) if mine and mine.before else ""

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    at_once: dict[str, Any] = {**quiet, "queue": False}
    chosen = [settings[name] for name in sampling]
    model.input(choose, model, [about, begin, preset, *chosen], **at_once)
    preset.input(prefer, [preset, model], chosen, **at_once)
    begin.input(lambda text: text, begin, sheet, **at_once)
    asked = [sheet, model, seed, *settings.values()]
    shown = [sheet, status, note, write_button, stop_button, again_button, undo_button]
    # `settle` checks what the page sends as it checks what others send, so Gradio need not.
    for button, function in ((write_button, write), (again_button, try_again)):
        button.click(function, asked, shown, preprocess=False, concurrency_limit=None, **quiet)
    stop_button.click(stop, **at_once)
    undo_button.click(undo, sheet, [sheet, status, again_button, undo_button], **at_once)
    keep_button.click(keep, None, seed, **at_once)
    dice_button.click(lambda: str(random.randrange(10**6)), None, seed, **at_once)
    sheet.change(None, js="() => window.sheet?.update()")
    copy_button.click(None, None, status, js="() => window.sheet.copy()")
    save_button.click(None, js="() => window.sheet.download()")
    keys = ["model", "seed", *names]
    share_button.click(
        None, [model, seed, *settings.values()], status, js=f"(...values) => window.sheet.share({keys}, values)"
    )

    def restore(link: Any) -> Any:
        """What a link that somebody shared holds, if it is sound."""
        try:
            typed = json.loads(link)
            text, name = typed.pop("text"), typed.pop("model")
            values = {key: value if key == "until" else parse(value) for key, value in typed.items()}
            number = values.get("seed")
            settle(models, text, name, seed=number, **{key: values[key] for key in names if key in values})
        except (gr.Error, ValueError, TypeError, KeyError, AttributeError):
            return gr.skip()
        shown = [settings[key] for key in names if key in values]
        return {
            sheet: text,
            model: name,
            about: describe(models[name]),
            begin: gr.Radio(list(beginnings(models[name])), value=None),
            seed: "" if number is None else str(number),
            **dict(zip(shown, (values[key] for key in names if key in values), strict=True)),
        }

    demo.load(None, js=SCRIPT)
    demo.load(
        restore, sheet, [sheet, model, about, begin, seed, *settings.values()], js=LINK, preprocess=False, **at_once
    )
    demo.unload(forget)
    return sheet


def parse(value: str) -> Any:
    """A setting as a link holds it: a number where it is one, else text."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(value)
    return value
