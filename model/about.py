"""The title and the description of a model on the page, from its name and its training record."""

import re
from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import Any

from model.loaded import Model

# The shipped models on the page: a title, and the line below it.
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
MANY = re.compile(r".* and (\d{1,9}) more")  # the name of a corpus of more than three files (training/corpus.py)


def entry(record: Any, *names: str) -> Any:
    """Return the value at nested `names` of a training record, None if the record does not have it."""
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def held_out_bits(model: Model) -> float:
    """Return the bits per character on held-out text, infinity if they are not recorded."""
    bits = entry(model.training, "held_out", "bits_per_character")
    return float(bits) if isinstance(bits, int | float) and 0 <= bits < 1e6 else inf


def title(model: Model) -> tuple[str, str]:
    """Return the title of a model on the page, and a line on its texts."""
    name = model.name or "model"
    if name in TITLES:
        return TITLES[name]
    words = name.replace("-", " ").replace("_", " ")
    return words[0].upper() + words[1:], ""


def corpus(model: Model) -> str:
    """Return the last text that a model learned from, as a title or a number of books; "" if it is not recorded."""
    name = entry(model.training, "corpus", "name")
    return title_of(name) if isinstance(name, str) else ""


def details(model: Model, others: Mapping[str, Model] = MappingProxyType({})) -> str:
    """Describe the texts, size and held-out loss of a model in sentences, as far as they are recorded.

    The training may have begun from another model: `others` has models by name, to find the title of its text.
    """
    told = []
    if last := corpus(model):
        begun, first = entry(model.training, "init", "name"), ""
        # Its own name, or one such as storyteller-start, means an earlier stage of the same training.
        if isinstance(begun, str) and begun != model.name and not begun.startswith(f"{model.name}-"):
            before = corpus(others[begun]) if begun in others else ""
            first = f"on {before or f'what {title_of(begun)} had read'}, then "
        told.append(f"Trained {first}on {last}.")
    seconds, parameters = entry(model.training, "seconds"), entry(model.training, "parameters")
    if isinstance(parameters, int) and 0 <= parameters < 1e12:
        told.append(f"{parameters / 1e6:.1f} million weights.")
    if isinstance(seconds, int | float) and 0 <= seconds < 1e12:
        minutes = max(1, round(seconds / 60))
        told.append(f"{minutes} minute{'s' * (minutes != 1)} of training.")
    if (bits := held_out_bits(model)) < inf:
        told.append(f"On pages it never saw it needs {bits:.2f} bits per character (fewer is better).")
    config = model.network.config
    told.append(f"{config.layers} LSTM layer{'s' * (config.layers != 1)} of {config.hidden_size} neurons.")
    return " ".join(told)


def title_of(name: str) -> str:
    """Return the title on the page for the name of a model or a corpus."""
    if many := MANY.fullmatch(name):
        return f"{int(many[1]) + 1} books"
    return TITLES[name][0] if name in TITLES else name.replace("_", " ")
