"""Write with a small model in the browser: `python app.py`."""

import argparse
import os
import sys
from pathlib import Path

import gradio as gr

from interface.hardening import harden
from interface.learning import learning
from interface.lenses import lens_endpoints
from interface.models import complaint, load_models, offered
from interface.page import THEME, component, style
from interface.writing import writing_endpoints
from model import hardware, product
from model.loaded import Model
from model.serving.scheduler import Scheduler

ASSETS = Path(__file__).parent / "assets"


def build(models: dict[str, Model], scheduler: Scheduler, unavailable: str = "") -> gr.Blocks:
    """The page, with a line on models that are `unavailable`, and the endpoints, which it asks as any program can."""
    told = {"models": offered(models), "unavailable": unavailable}
    with gr.Blocks(title="LSTM Text Generation", analytics_enabled=False) as demo:
        gr.HTML(
            "<h1>LSTM Text Generation</h1><p>A small network that learned to spell from stories. Write with it.</p>",
            elem_id="title",
        )
        with gr.Tabs():  # the pages
            with gr.Tab("Your story", id="story-page"):
                component("story", ("shelf.js", "story.js"), "storyPage", told)
            with gr.Tab("How it works", id="lesson-page"):
                component("lesson", ("lesson.js",), "lessonPage", told)
                learning(models)
        writing_endpoints(models, scheduler)
        lens_endpoints(models)

    demo.space_id = None  # else the page on a Space calls other hosts, for fonts and for its own statistics
    return demo.queue()


def launch(demo: gr.Blocks, wait: bool = True) -> None:
    """Serve the page, where Gradio's variables for host and port say."""
    demo.launch(
        app_kwargs=harden(demo),
        theme=THEME,
        head=style(),
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
