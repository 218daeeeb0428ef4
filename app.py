"""Write with a small model in the browser: `python app.py`."""

import argparse
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import gradio as gr
from gradio.events import api

from interface import copies, inside, learning, look, looking, probabilities
from interface.copies import copies_tab
from interface.desk import Desk, frames
from interface.hardening import harden
from interface.inside import inside_tab
from interface.learning import learning_tab
from interface.models import complaint, in_short, load_models
from interface.probabilities import probabilities_tab
from interface.visitor import refusal
from interface.write import write_tab
from model import hardware, product
from model.loaded import Model
from model.serving.scheduler import Scheduler

ASSETS = Path(__file__).parent / "assets"


def build(models: dict[str, Model], scheduler: Scheduler, info: str = "") -> gr.Blocks:
    """The page, with a line of `info` at the choice of models, and the endpoint `/predict`."""
    first, *_ = models
    desk = Desk(models, scheduler)

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
        stop: str = "length",
        until: str = "",
        second: str | None = None,
        share: float | None = None,
    ) -> AsyncIterator[str]:
        """Continue a prompt by a model, or by two together; gives the new characters alone, as they come.

        What is None is the model's own setting; `share` is the part of the `second` model, half if None.
        """
        sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
        asked = {"length": length, "stop": stop, "until": until, "context": context}
        writing, config = desk.settle(prompt, model, seed, second, share, **sampling, **asked)
        writer = scheduler.submit(writing, prompt, config)
        async for (text,) in frames(scheduler, [writer]):
            yield text
        if writer.failed:
            raise refusal("the text broke off, through a fault of this program: ask again")

    with gr.Blocks(title="LSTM Text Generation", analytics_enabled=False) as demo:
        gr.HTML(
            "<h1>LSTM Text Generation</h1><p>A small network that learned to spell from stories. "
            "Write together with it: it goes on from where you stop, letter by letter.</p>",
            elem_id="title",
        )
        choices = [(in_short(each), name) for name, each in models.items()]
        model = gr.Radio(choices, value=first, label="Model", info=info or None, elem_id="model")
        with gr.Tabs(overflow_behavior="wrap"):
            with gr.Tab("Write"):
                sheet, replace = write_tab(demo, desk, model)
            with gr.Tab("Probabilities"):
                probabilities_tab(models, model, sheet, replace)
            with gr.Tab("Is it copying?"):
                copies_tab(models, model, sheet)
            with gr.Tab("Inside"):
                inside_tab(models, model, sheet)
            with gr.Tab("How it learned"):
                learning_tab(models, model)
        api(predict, concurrency_limit=None)

    demo.space_id = None  # else the page on a Space calls other hosts, for fonts and for its own statistics
    return demo.queue()


def launch(demo: gr.Blocks, wait: bool = True) -> None:
    """Serve the page, where Gradio's variables for host and port say."""
    demo.launch(
        app_kwargs=harden(demo),
        theme=look.THEME,
        css="".join(part.CSS for part in (look, looking, probabilities, copies, inside, learning)),
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
    asked = parser.parse_args(arguments).checkpoint
    setting = hardware.use(hardware.writing_threads()).capitalize()
    try:
        print(f"{setting}, decoding by {product.choice()}")
    except ValueError as error:  # DECODER
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    # A Space that somebody has duplicated is told by a variable which models to serve.
    named = [place.strip() for place in os.environ.get("CHECKPOINTS", "").split(",") if place.strip()]
    models, unavailable = load_models(asked or named or sorted(file.parent for file in ASSETS.glob("*/config.json")))
    if not models and not unavailable:
        unavailable[""] = f"{ASSETS} holds no checkpoint: train one with python -m training.train, or give --checkpoint"
    for reason in unavailable.values():
        print(f"app.py: {reason}", file=sys.stderr)
    if not models or (asked and unavailable):
        return 2
    launch(build(models, Scheduler(), complaint(unavailable)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
