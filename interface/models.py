"""The models that the page offers, and what it says of them."""

import html
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

from model.hub import load
from model.loaded import Model


def load_models(places: Sequence[str | Path]) -> tuple[dict[str, Model], dict[str, str]]:
    """The checkpoints by name, the best at predicting new text first; and of those that cannot be used the reason."""
    models, unavailable = [], {}
    for place in places:
        try:
            models.append(load(place))
        except (ValueError, OSError) as error:
            unavailable[str(place)] = str(error)
    models.sort(key=lambda model: (held_out_bits(model), model.name))
    by_name: dict[str, Model] = {}
    for model in models:
        if model.name in by_name:
            unavailable[model.name] = "another one has the same name: rename the directory of one of them"
        by_name.setdefault(model.name, model)
    return by_name, unavailable


def chosen(models: dict[str, Model], name: Any) -> Model:
    """The model of that name; where there is none, the first."""
    return models[name] if isinstance(name, str) and name in models else next(iter(models.values()))


def complaint(unavailable: dict[str, str]) -> str:
    """What is said at the choice of models of those that cannot be used; "" where there are none."""
    return " ".join(f"Unavailable: {place} ({reason})." for place, reason in unavailable.items())


def held_out_bits(model: Model) -> float:
    """Bits per character on text that training never saw; infinite where that was not recorded."""
    return float(model.training.get("held_out", {}).get("bits_per_character", inf))


def in_short(model: Model) -> str:
    """The name of a model, and in a second line its size and how well it predicts new pages, where that is recorded."""
    if not model.training.get("parameters"):
        return model.name
    return f"{model.name}\n{model.training['parameters'] / 1e6:.1f} M weights, {held_out_bits(model):.2f} bits"


def describe(model: Model) -> str:
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
