"""The model that a new one begins from: of those that know a language, the one that knows the text best."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log, log2
from pathlib import Path

from model import hub
from model.checkpoint import TRAINING
from model.loaded import Model
from training.evaluation import evaluate
from training.recipes import LIBRARY, Recipe

ASSETS = Path(__file__).parent.parent / "assets"
SCORED = 5_000  # characters of a text that are scored
GLANCE = 1_000  # characters of it that show which models do not know its language
FAR_BEHIND = 0.5  # a model that needs so many bits per character more than the best is not scored further
STREAM = 512  # characters for each of the streams that are read side by side, which is faster than one after another
UNKNOWN_BITS = 21.0  # what it takes to name one of Unicode's characters
ORDER = 3  # characters before the next one that `learned_on_the_fly` looks at, at most


@dataclass(frozen=True)
class Choice:
    """What a network begins from, None for nothing, and why, in a sentence."""

    base: Model | None
    reason: str


def begin(init: str, text: str, recipe: Recipe, own_sizes: bool = False) -> Choice:
    """What a run with `--init` as typed begins from: auto, none, a directory, a zip or a name on the Hub.

    `own_sizes` tells that the network's sizes were chosen, which no model has then. CheckpointError as for `hub.load`.
    """
    if init == "none":
        return Choice(None, "from nothing, as chosen")
    if init != "auto":
        base = hub.load(init)
        return Choice(base, f"from {base.name}, as chosen")
    if recipe.name == "classic":
        return Choice(None, "from nothing, as the classic recipe always does")
    if own_sizes:
        return Choice(None, "from nothing, since the network's sizes were chosen")
    if len(text) > LIBRARY:
        return Choice(None, "from nothing, since the text is a library itself")
    return choose(text, bases(ASSETS))


def choose(text: str, bases: Sequence[Path]) -> Choice:
    """The model that predicts the beginning of `text` best, where that is better than to begin from nothing.

    It is better where the model needs fewer bits than one that learns from the same characters while it reads them:
    then it knows more of the language than they tell. So a text in a script or language that no model knows gets none.
    """
    sample = text[:SCORED]
    models = [hub.load(place) for place in bases]
    if not models:
        return Choice(None, "from nothing: there is no model to begin from")
    glances = [bits_per_character(model, sample[:GLANCE]) for model in models]
    near = [model for model, bits in zip(models, glances, strict=True) if bits <= min(glances) + FAR_BEHIND]
    scores = [bits_per_character(model, sample) for model in near]
    score, nothing = min(scores), learned_on_the_fly(sample)
    base = near[scores.index(score)]
    needs = f"needs {score:.2f} bits for each of the first {len(sample):,} characters"
    alone = f"a model that learns from these alone needs {nothing:.2f}"
    if score < nothing:
        return Choice(base, f"from {base.name}, which {needs}; {alone}")
    return Choice(None, f"from nothing: {base.name}, the best model at hand, {needs}; {alone}")


def bases(directory: Path) -> list[Path]:
    """The checkpoints in `directory` that can be a base: those that have read a library, by their training records."""
    found = []
    for record in sorted(directory.glob(f"*/{TRAINING}")):
        try:
            training = json.loads(record.read_text(encoding="utf-8"))
            if training["recipe"]["context"] == "carried" and training["split"]["training"] > LIBRARY:
                found.append(record.parent)
        except (OSError, ValueError, KeyError, TypeError):  # made by hand, or being replaced just now
            continue
    return found


def bits_per_character(model: Model, text: str) -> float:
    """How well `model` predicts `text`; a character that it does not know costs `UNKNOWN_BITS` and is not read."""
    known = "".join(character for character in text if character in model.vocabulary.ids)
    if len(known) < 2:
        return inf
    streams = 1 + len(known) // STREAM
    nats = evaluate(model.network, model.vocabulary.encode(known), model.context, streams).total_nats
    return (nats / log(2) + UNKNOWN_BITS * (len(text) - len(known))) / len(text)


def learned_on_the_fly(text: str) -> float:
    """The bits per character that a model needs for `text` which knows only those characters that come before each.

    Counts after the last 0 to `ORDER` characters, each length mixed with the shorter one by how many different
    characters have followed: Witten and Bell, "The zero-frequency problem", IEEE Transactions on Information Theory
    37(4), 1991, method C.
    """
    follows: defaultdict[str, Counter[str]] = defaultdict(Counter)
    seen: Counter[str] = Counter()  # how often each context occurred
    different = len(set(text))
    bits = 0.0
    for i, character in enumerate(text):
        probability = 1 / different
        for order in range(min(ORDER, i) + 1):
            context = text[i - order : i]
            after = follows[context]
            if total := seen[context]:
                probability = (after[character] + len(after) * probability) / (total + len(after))
            after[character] += 1
            seen[context] += 1
        bits -= log2(probability)
    return bits / len(text)
