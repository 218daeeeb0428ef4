"""The settings of writing: what can be chosen, in plain words, and what a link brings back of them."""

import contextlib
import json
import random
from typing import Any

import gradio as gr

from interface.desk import TAKES, Company, Desk
from interface.models import chosen
from model.generation import GenerationConfig, defaults
from model.loaded import Model
from model.options import meanings

OWN = "the model's own"
PRESETS: dict[str, tuple[str, dict[str, float]]] = {
    OWN: ("as this model writes best", {}),
    "the tutorial": ("always the likeliest letter, which soon runs in circles", {"temperature": 0}),
    "careful": ("plain and safe words", {"temperature": 0.6, "top_k": 0, "top_p": 0.9, "min_p": 0}),
    "balanced": ("about as surprising as a book", {"temperature": 0.9, "top_k": 0, "top_p": 0.95, "min_p": 0}),
    "wild": ("new words, and nonsense among them", {"temperature": 1.3, "top_k": 0, "top_p": 1, "min_p": 0.02}),
}
STOPS = {"length": "no sooner", "sentence": "with a sentence", "text": "with this text"}
CONTEXTS = {"carried": "all it has read", "window": "the last 100 characters"}
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "context")  # those that a model has of its own
TEXTS = ("text", "model", "second", "seed", "until")  # what a link holds as it is typed


def controls(desk: Desk, model: gr.Radio) -> dict[str, Any]:
    """Lay the settings out, for the choice `model`; returns the components by the names that `Desk.write` has."""
    models = desk.models
    own, meaning = defaults(models[model.value]), meanings(GenerationConfig) | meanings(Company)

    def slider(name: str, label: str, highest: float, step: float) -> gr.Slider:
        return gr.Slider(0, highest, own[name], step=step, buttons=[], label=label, info=meaning[name])

    with gr.Accordion("Settings", open=False, elem_id="settings"):
        preset = gr.Radio(
            [(f"{name}: {what}", name) for name, (what, _) in PRESETS.items()],
            value=OWN,
            label="How adventurous",
            elem_id="preset",
        )
        laid_out: dict[str, Any] = {
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
            "until": gr.Textbox("", label="Text to stop at", placeholder="THE END", info="where that is chosen above"),
            "context": gr.Radio(
                [(label, name) for name, label in CONTEXTS.items()],
                value=own["context"],
                label="Context",
                info="what each next character is predicted from",
            ),
            # A blank gr.Number shows 0.
            "seed": gr.Textbox(
                "", label="Seed", placeholder="a new one each time", info=meaning["seed"], elem_id="seed"
            ),
        }
        with gr.Row():
            keep = gr.Button("Keep this one", size="sm", min_width=90)
            dice = gr.Button("Throw the dice", size="sm", min_width=90)
        laid_out["takes"] = gr.Radio(
            list(range(1, TAKES + 1)),
            value=1,
            label="Takes",
            info=meaning["takes"],
            elem_id="how-many",
        )
    with gr.Accordion("Two books", open=False, visible=len(models) > 1, elem_id="two"):
        laid_out["second"] = gr.Dropdown(
            [("nobody else", ""), *models],
            value="",
            label="Write together with",
            info="each next character is by the one or by the other",
        )
        laid_out["share"] = gr.Slider(0, 1, 0.5, step=0.05, buttons=[], label="Its share", info=meaning["share"])

    def own_sampling(model: Any) -> list[Any]:
        return [OWN, *sampling(chosen(models, model))]

    def preset_values(preset: Any, model: Any) -> list[Any]:
        """The values of a preset, as they are for a model."""
        return sampling(chosen(models, model), preset)

    def keep_seed(request: gr.Request) -> str:
        """The seed of the sheet's last continuation."""
        return desk.seed(request.session_hash)

    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, "preprocess": False}
    of_sampling = [laid_out[name] for name in SAMPLING]
    model.input(own_sampling, model, [preset, *of_sampling], api_visibility="private", **quiet)
    preset.input(preset_values, [preset, model], of_sampling, **quiet)
    keep.click(keep_seed, None, laid_out["seed"], **quiet)
    dice.click(new_seed, None, laid_out["seed"], **quiet)
    return laid_out


def sampling(model: Model, preset: Any = OWN) -> list[Any]:
    """The values of `SAMPLING` that a preset has for a model."""
    changes = PRESETS[preset][1] if isinstance(preset, str) and preset in PRESETS else {}
    values = defaults(model) | changes
    return [values[name] for name in SAMPLING]


def new_seed() -> str:
    """A new seed."""
    return str(random.randrange(10**6))


def restored(desk: Desk, link: Any) -> dict[str, Any]:
    """What a shared link holds, by the names of `Desk.settle`; nothing if any of it is unsound."""
    try:
        typed = {name: value if name in TEXTS else parse(value) for name, value in json.loads(link).items()}
        desk.settle(**typed)
    except (gr.Error, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return typed


def parse(value: str) -> Any:
    """A setting as a link holds it: a number where it is one, else text."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(value)
    return value
