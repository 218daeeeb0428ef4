"""Write with a small model in the browser: `python app.py`."""

import argparse
import os
import signal
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

try:
    import gradio as gr
except (ValueError, OSError) as error:  # Gradio reads its ports, and looks for a directory, when it is imported
    variables = "GRADIO_SERVER_PORT, GRADIO_NUM_PORTS or TMPDIR"
    print(f"app.py: the page cannot be served ({error}): change {variables}", file=sys.stderr)
    sys.exit(2)
from starlette.middleware import Middleware

from interface import account
from interface.guard import Guard
from interface.hardening import harden
from interface.learning import learning
from interface.lenses import lens_endpoints
from interface.listening import Listening
from interface.models import Models, complaint, load_models, offered
from interface.monitoring import monitoring
from interface.offline import offline_endpoint
from interface.page import THEME, component, style
from interface.training import largest_request, told_to_the_page, training_endpoints
from interface.writing import writing_endpoints
from model import hardware, product
from model.loaded import Model
from model.serving.limits import limits_of
from model.serving.scheduler import Scheduler
from training.jobs import Jobs
from training.limits import Limits as TrainingLimits

ASSETS = Path(__file__).parent / "assets"
STORY = ("shelf.js", "writing.js", "alternatives.js", "next.js", "form.js", "files.js", "story.js")
TRAINING = ("shelf.js", "curve.js", "training.js")


@dataclass(frozen=True)
class Site:
    """The page with its endpoints, and how it is launched."""

    demo: gr.Blocks
    options: dict[str, Any]


def build(
    listed: dict[str, Model],
    scheduler: Scheduler,
    unavailable: str = "",
    metrics: bool = False,
    jobs: Jobs | None = None,
) -> Site:
    """Build the page and its endpoints, which other programs can call too.

    `unavailable` is a line on models that could not be loaded. With `metrics` anyone can read the figures at /metrics.
    Without `jobs` the page has no training tab.
    """
    models, limits = Models(listed), scheduler.limits
    told = {"models": offered(models), "unavailable": unavailable, "training": jobs is not None}
    with gr.Blocks(title="LSTM Text Generation", analytics_enabled=False) as demo:
        gr.HTML(
            "<h1>LSTM Text Generation</h1><p>A small network that learned to spell from stories. Write with it.</p>",
            elem_id="title",
        )
        with gr.Tabs():
            with gr.Tab("Your story", id="story-page"):
                component("story", STORY, "storyPage", told)
            if jobs:
                with gr.Tab("Train", id="training-page"):
                    component("training", TRAINING, "trainingPage", told_to_the_page(jobs))
                    if account.available():
                        account.sign_in()
            with gr.Tab("How it works", id="lesson-page"):
                component("lesson", ("lesson.js",), "lessonPage", told)
                learning(models)
        listening = Listening(demo, limits)
        writing_endpoints(models, scheduler, listening)
        lens_endpoints(models, scheduler, listening)
        offline_endpoint(models, listening)
        if jobs:
            training_endpoints(models, jobs, listening)
            limits = replace(limits, body=max(limits.body, largest_request(jobs)))

    demo.space_id = None  # else the page on a Space calls other hosts, for fonts and for its own statistics
    demo.queue(api_open=False)  # outside the queue an answer has no stream whose closing ends it
    routes = monitoring(scheduler, metrics)
    guard = Middleware(Guard, limits=limits, figures=scheduler.figures, exempt=[route.path for route in routes])
    options = {
        "app_kwargs": {"middleware": [guard, Middleware(listening.middleware), *harden(demo)], "routes": routes},
        "max_file_size": limits.upload,
        "state_session_capacity": limits.sessions,
    }
    return Site(demo, options)


def launch(site: Site, wait: bool = True) -> None:
    """Serve the page at the host and port that Gradio's environment variables set."""
    site.demo.launch(
        **site.options,
        theme=THEME,
        head=style(),
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        max_threads=1024,  # requests that Gradio handles at once; the scheduler limits how many texts are written
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
        help="serve these in place of the shipped ones: directories, zips, or user/name on the Hub",
    )
    parser.add_argument(
        "--metrics", action="store_true", help="serve figures for Prometheus at /metrics, for anyone to read"
    )
    typed = parser.parse_args(arguments)
    asked = typed.checkpoint
    setting = hardware.use(hardware.writing_threads()).capitalize()
    try:
        print(f"{setting}, decoding by {product.choice()}")
        limits, for_training = limits_of(os.environ), TrainingLimits.of(os.environ)
    except ValueError as error:  # DECODER, LIMIT_..., or TRAINING_...
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    # The owner of a Space, such as a duplicated one, names the models to serve in this variable.
    named = [place.strip() for place in os.environ.get("CHECKPOINTS", "").split(",") if place.strip()]
    models, unavailable = load_models(asked or named or sorted(file.parent for file in ASSETS.glob("*/config.json")))
    if not models and not unavailable:
        unavailable[""] = f"{ASSETS} holds no checkpoint: train one with python -m training.train, or give --checkpoint"
    for reason in unavailable.values():
        print(f"app.py: {reason}", file=sys.stderr)
    if not models or (asked and unavailable):
        return 2
    if os.environ.get("SPACE_ID"):  # only the Space's own proxy reaches the app, and it passes on the visitor's address
        os.environ.setdefault("FORWARDED_ALLOW_IPS", "*")
    jobs = None
    try:
        with socket.socket() as probe:  # Gradio would look for a host that does not exist at each of its ports
            probe.bind((os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), 0))
        if for_training:
            jobs = Jobs(for_training)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that what visitors have trained is deleted
        launch(build(models, Scheduler(limits), complaint(unavailable), typed.metrics, jobs))
    except (OSError, OverflowError) as error:  # no such host, no free port, or no space for temporary files
        reason = str(error).partition(". ")[0]
        print(
            f"app.py: the page cannot be served ({reason}): change GRADIO_SERVER_NAME, GRADIO_SERVER_PORT or TMPDIR",
            file=sys.stderr,
        )
        return 2
    finally:
        if jobs:
            jobs.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
