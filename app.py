"""Write on from a prompt, one character at a time, in the browser: `python app.py`."""

import argparse
import asyncio
import html
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from math import inf
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr
from gradio.events import api

from interface.look import CSS, FOLLOW, SHOW, THEME
from model import hardware
from model.checkpoint import Checkpoint
from model.generation import LONGEST, GenerationConfig, Writer, defaults
from model.hub import load
from model.options import meanings
from model.scheduler import PLACES, Scheduler

ASSETS = Path(__file__).parent / "assets"
FRAME = 1 / 18  # seconds between two repaints of the text, at least
REPAINT = 1 / 150  # seconds of the server's time that one costs, sent and all

CONTEXTS = {"carried": "all it has read", "window": "the last 100 characters"}

# ---- the models ------------------------------------------------------------------------------------------------------


def load_models(places: Sequence[str | Path]) -> dict[str, Checkpoint]:
    """The checkpoints by name, the best at predicting new text first; ValueError where one cannot be used."""
    models = sorted(map(load, places), key=lambda model: (held_out_bits(model), model.name))
    by_name = {model.name: model for model in models}
    if len(by_name) < len(models):
        raise ValueError("two checkpoints have the same name: rename the directory of one of them")
    return by_name


def held_out_bits(model: Checkpoint) -> float:
    """Bits per character on text that training never saw; infinite where that was not recorded."""
    return float(model.training.get("held_out", {}).get("bits_per_character", inf))


def describe(model: Checkpoint) -> str:
    """What a visitor wants to know of a model, as HTML: its book, its size and how well it predicts new pages."""
    training = model.training
    if not training:
        return "Nothing is recorded of how this model was trained."
    begun = f", beginning from “{training['init']['name']}”," if training.get("init") else ""
    minutes = max(1, round(training["seconds"] / 60))
    return html.escape(
        f"Learned from “{training['corpus']['name']}”{begun} by the {training['recipe']['name']} recipe in "
        f"{minutes} minute{'s' * (minutes != 1)}. {training['parameters'] / 1e6:.1f} million weights; on pages it "
        f"never saw it needs {held_out_bits(model):.2f} bits for a character (fewer is better)."
    )


# ---- from what a visitor sends to text -------------------------------------------------------------------------------


def refusal(message: str) -> gr.Error:
    """What a visitor sees, in one sentence, where a request cannot be met; the log stays clean."""
    return gr.Error(f"{message[0].upper()}{message[1:].rstrip('.')}.", title="That will not do", print_exception=False)


def settle(models: dict[str, Checkpoint], prompt: Any, model: Any, **typed: Any) -> tuple[Checkpoint, GenerationConfig]:
    """The model and the settings of a request, where None stands for the model's own; gr.Error if one is wrong."""
    if not isinstance(prompt, str) or len(prompt) > LONGEST:
        raise refusal(f"the prompt must be text of at most {LONGEST:,} characters")
    if not isinstance(model, str) or model not in models:
        raise refusal(f"there is no model of that name; choose one of {', '.join(models)}")
    # Numbers come from a browser, where 5 and 5.0 are the same.
    whole = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in typed.items()
    }
    given = {name: value for name, value in whole.items() if value is not None}
    try:
        config = GenerationConfig(**{**defaults(models[model]), "seed": random.randrange(2**31), **given})
    except ValueError as error:
        raise refusal(str(error)) from None
    return models[model], config


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


def build(models: dict[str, Checkpoint], scheduler: Scheduler) -> gr.Blocks:
    """The page, and the endpoint `/predict`."""
    first, *_ = models

    async def predict(
        prompt: str = "",
        model: str = first,
        length: int = 1000,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        context: str | None = None,
        seed: int | None = None,
    ) -> AsyncIterator[str]:
        """Continue a prompt; gives the new characters alone, as they come. What is None is the model's own setting."""
        settings = {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
        chosen, config = settle(models, prompt, model, **settings, context=context, seed=seed)
        writer = scheduler.write(chosen, prompt, config)
        async for text in frames(scheduler, writer):
            yield text
        if writer.failed:
            raise refusal("the text broke off, through a fault of this program: ask again")

    # Stop is asked for by visitor, not with Gradio's `cancels`: that leaves now and then an error over the text.
    writers: WeakValueDictionary[str | None, Writer] = WeakValueDictionary()

    async def write(
        request: gr.Request, prompt: Any, model: Any, seed: Any, *settings: Any
    ) -> AsyncIterator[dict[Any, Any]]:
        # The seed is typed as text, and is None while the settings have never been opened.
        seed = int(seed) if seed and seed.strip().isdecimal() else seed or None
        chosen, config = settle(models, prompt, model, seed=seed, **dict(zip(names, settings, strict=True)))
        repaired = chosen.vocabulary.repair(prompt)
        yield {
            page: repaired.text,
            note: gr.HTML(html.escape(repaired.report), visible=bool(repaired.report)),
            write_button: gr.Button(interactive=False),
            stop_button: gr.Button(interactive=True),
        }
        writer = writers[request.session_hash] = scheduler.write(chosen, repaired.text, config)
        start = time.monotonic()
        async for text in frames(scheduler, writer):
            yield {
                page: repaired.text + text,
                status: progress(writer, scheduler.place(writer), time.monotonic() - start),
            }
            if not text:
                start = time.monotonic()  # neither its place in line nor the prompt counts
        yield {write_button: gr.Button(interactive=True), stop_button: gr.Button(interactive=False)}

    def stop(request: gr.Request) -> None:
        if writer := writers.get(request.session_hash):
            writer.cancel()

    def choose(model: str) -> list[Any]:
        own = defaults(models[model])
        return [describe(models[model]), *(own[name] for name in names if name in own)]

    own, meaning = defaults(models[first]), meanings(GenerationConfig)

    def slider(name: str, label: str, highest: float, step: float) -> gr.Slider:
        return gr.Slider(0, highest, own[name], step=step, buttons=[], label=label, info=meaning[name])

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    with gr.Blocks(title="LSTM Text Generation", analytics_enabled=False) as demo:
        gr.HTML(
            "<h1>LSTM Text Generation</h1><p>A small network that learned to spell from stories. "
            "Give it a beginning; it writes on, letter by letter.</p>",
            elem_id="title",
        )
        with gr.Row(elem_id="desk"):
            with gr.Column(scale=2, min_width=300):
                model = gr.Radio(list(models), value=first, label="Model", elem_id="model")
                about = gr.HTML(describe(models[first]), elem_id="about")
                prompt = gr.Textbox(
                    label="Prompt",
                    placeholder="The beginning of a story; or nothing, and it begins by itself",
                    lines=1,  # so that Enter writes and Shift+Enter breaks the line
                    max_lines=8,
                    elem_id="prompt",
                    html_attributes=gr.InputHTMLAttributes(spellcheck=False),
                )
                note = gr.HTML(visible=False, elem_id="note")
                with gr.Row():
                    write_button = gr.Button("Write", variant="primary", min_width=100, elem_id="write")
                    stop_button = gr.Button("Stop", interactive=False, min_width=100, elem_id="stop")
                with gr.Accordion("Settings", open=False, elem_id="settings"):
                    settings = {
                        "temperature": slider("temperature", "Temperature", 2, 0.05),
                        "top_k": slider("top_k", "Top-k", 100, 1),
                        "top_p": slider("top_p", "Top-p", 1, 0.01),
                        "min_p": slider("min_p", "Min-p", 1, 0.01),
                        "length": gr.Number(1000, label="Length", info=meaning["length"], precision=0),
                        "context": gr.Radio(
                            [(label, name) for name, label in CONTEXTS.items()],
                            value=own["context"],
                            label="Context",
                            info="what each next character is predicted from",
                        ),
                    }
                    # A blank gr.Number shows 0.
                    seed = gr.Textbox(label="Seed", placeholder="a new one each time", info=meaning["seed"])
            with gr.Column(scale=3, min_width=320):
                page = gr.Textbox(
                    label="Text",
                    lines=18,
                    max_lines=18,
                    interactive=False,
                    autoscroll=False,
                    buttons=["copy"],
                    elem_id="page",
                )
                status = gr.HTML(elem_id="status")

        names = list(settings)
        model.input(choose, model, [about, *(settings[name] for name in names if name in own)], queue=False, **quiet)
        starts = [write_button.click, prompt.submit]
        gr.on(starts, None, js=SHOW)
        gr.on(
            starts,
            write,
            [prompt, model, seed, *settings.values()],
            [page, status, note, write_button, stop_button],
            preprocess=False,  # `settle` checks what the page sends as it checks what others send
            concurrency_limit=None,
            **quiet,
        )
        stop_button.click(stop, queue=False, **quiet)
        page.change(None, js=FOLLOW)
        api(predict, concurrency_limit=None)

    demo.space_id = None  # else the page on a Space calls other hosts, for fonts and for its own statistics
    return demo.queue()


def launch(demo: gr.Blocks, wait: bool = True) -> None:
    """Serve the page, where Gradio's variables for host and port say."""
    demo.launch(
        theme=THEME,
        css=CSS,
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        max_threads=1024,  # requests that Gradio works on at once; those who write are the scheduler's to count
        prevent_thread_lock=not wait,
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python app.py", description="Write with a character-level LSTM in the browser."
    )
    parser.add_argument(
        "--checkpoint",
        nargs="+",
        metavar="DIR",
        help="serve these in place of the shipped ones: directories, or user/name on the Hub",
    )
    places = parser.parse_args(arguments).checkpoint
    print(hardware.use(hardware.writing_threads()).capitalize())
    try:
        models = load_models(places or sorted(file.parent for file in ASSETS.glob("*/config.json")))
        if not models:
            raise ValueError(
                f"{ASSETS} holds no checkpoint: train one with python -m training.train, or give --checkpoint"
            )
    except (ValueError, OSError) as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    launch(build(models, Scheduler()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
