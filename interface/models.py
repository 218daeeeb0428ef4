"""The models that the page offers, and what it says of them."""

from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Any

from model.generation import defaults
from model.hub import load
from model.loaded import Model

# What the shipped models are, for a reader: a title, and a line below it.
TITLES = {
    "alice": ("Alice in Wonderland", "in Carroll’s manner"),
    "pooh": ("Winnie-the-Pooh", "in Milne’s manner"),
    "storyteller": ("Storyteller", "from many old story books"),
    "shakespeare": ("Shakespeare", "plays, in his manner"),
    "alice-classic": ("Alice, the tutorial’s small network", "for comparison"),
    "pooh-classic": ("Pooh, the tutorial’s small network", "for comparison"),
    "erzaehler": ("Erzähler", "German stories"),
    "conteur": ("Conteur", "French stories"),
}
MANY = 3  # files: more are told by their number
# How a text may begin; written for this page.
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


def entry(record: Any, *names: str) -> Any:
    """What stands in a training record under names within names; None where a foreign record is built otherwise."""
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def held_out_bits(model: Model) -> float:
    """Bits per character on text that training never saw; infinite where that was not recorded."""
    bits = entry(model.training, "held_out", "bits_per_character")
    return float(bits) if isinstance(bits, int | float) and bits == bits else inf


def title(model: Model) -> tuple[str, str]:
    """What a model is called on the page, and a line on what it writes."""
    name = model.name or "model"
    if name in TITLES:
        return TITLES[name]
    return name.replace("-", " ").replace("_", " ").capitalize(), ""


def details(model: Model) -> str:
    """What a model learned from, how large it is, and how well it predicts new pages, as far as that is recorded."""
    told = []
    corpus, begun = entry(model.training, "corpus", "name"), entry(model.training, "init", "name")
    if isinstance(corpus, str):
        first = f"on what {title_of(begun)} had read, then " if isinstance(begun, str) else ""
        files = entry(model.training, "corpus", "files")
        books = f"{len(files)} books" if isinstance(files, list) and len(files) > MANY else title_of(corpus)
        told.append(f"Trained {first}on {books}.")
    seconds, parameters = entry(model.training, "seconds"), entry(model.training, "parameters")
    if isinstance(parameters, int) and parameters < 1e12:
        told.append(f"{parameters / 1e6:.1f} million weights.")
    if isinstance(seconds, int | float) and isfinite(seconds):
        minutes = max(1, round(seconds / 60))
        told.append(f"{minutes} minute{'s' * (minutes != 1)} of training.")
    if (bits := held_out_bits(model)) < inf:
        told.append(f"On pages it never saw it needs {bits:.2f} bits per character (fewer is better).")
    config = model.network.config
    told.append(f"{config.layers} LSTM layer{'s' * (config.layers != 1)} of {config.hidden_size} neurons.")
    return " ".join(told)


def title_of(name: str) -> str:
    return TITLES[name][0] if name in TITLES else name


def offered(models: dict[str, Model]) -> list[dict[str, Any]]:
    """What the page needs to know of each model, in the order in which they are offered."""
    told = []
    for name, model in models.items():
        heading, manner = title(model)
        config = model.network.config
        told.append(
            {
                "name": name,
                "title": heading,
                "manner": manner,
                "details": details(model),
                "classic": config.input_encoding == "scaled",
                "lowercase": model.vocabulary.lowercase,
                "layers": config.layers,
                "neurons": config.hidden_size,
                "sampling": defaults(model),
                "beginnings": PLAYS if "shakespeare" in name else BEGINNINGS,
            }
        )
    return told
