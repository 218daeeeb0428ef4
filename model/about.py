"""What a model is called, and what is told of it, as far as its training record says so."""

import re
from collections.abc import Mapping
from math import inf, isfinite
from types import MappingProxyType
from typing import Any

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
MANY = re.compile(r".* and (\d+) more")  # the name of a corpus of more than three files (training/corpus.py)


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
    words = name.replace("-", " ").replace("_", " ")
    return words[0].upper() + words[1:], ""


def corpus(model: Model) -> str:
    """The text that a model learned from last, by its title or by the number of books; "" if it is not recorded."""
    name = entry(model.training, "corpus", "name")
    return title_of(name) if isinstance(name, str) else ""


def details(model: Model, others: Mapping[str, Model] = MappingProxyType({})) -> str:
    """What a model learned from, how large it is, and how well it predicts new pages, as far as that is recorded.

    The model that it began from is looked for among `others`.
    """
    told = []
    if last := corpus(model):
        begun, first = entry(model.training, "init", "name"), ""
        # Its own name, or one such as storyteller-start, is that of an earlier stage of the same training.
        if isinstance(begun, str) and begun != model.name and not begun.startswith(f"{model.name}-"):
            before = corpus(others[begun]) if begun in others else ""
            first = f"on {before or f'what {title_of(begun)} had read'}, then "
        told.append(f"Trained {first}on {last}.")
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
    """What a reader calls a model or a corpus of this name."""
    if many := MANY.fullmatch(name):
        return f"{int(many[1]) + 1} books"
    return TITLES[name][0] if name in TITLES else name.replace("_", " ")
