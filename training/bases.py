"""The model that a training begins from: the base model that predicts the text best, or none."""

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
GLANCE = 1_000  # characters of it that every model is scored on first, to exclude those of another language
FAR_BEHIND = 0.5  # bits per character above the best first score; a model that needs more is excluded
STREAM = 512  # characters in a stream; several streams side by side are faster than a single one
UNKNOWN_BITS = 21.0  # enough to name any character of Unicode
ORDER = 3  # characters in the longest context of `learned_on_the_fly`


@dataclass(frozen=True)
class Choice:
    """The model that a network begins from (None: from nothing), and the reason, in a sentence."""

    base: Model | None
    reason: str


def begin(init: str, text: str, recipe: Recipe, own_sizes: bool = False) -> Choice:
    """The model that a run on `text` begins from, for `--init` as typed: auto, none, a directory, a zip or a Hub name.

    `text` is the part that trains. If the user chose the network's sizes (`own_sizes`), auto begins from nothing.
    CheckpointError as for `hub.load`.
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
    """The model that predicts the beginning of `text` best, if that is better than to begin from nothing.

    A model is better if it needs fewer bits than a model that learns from the same characters alone while it reads
    them: then it knows more of the language than these characters teach. So a text in a script or language that no
    model knows begins from nothing.
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
    """The checkpoints in `directory` that can be a base: carried context and trained on a library, by their records."""
    found = []
    for record in sorted(directory.glob(f"*/{TRAINING}")):
        try:
            training = json.loads(record.read_text(encoding="utf-8"))
            if training["recipe"]["context"] == "carried" and training["split"]["training"] > LIBRARY:
                found.append(record.parent)
        except (OSError, ValueError, KeyError, TypeError):  # a record made by hand, or a checkpoint being replaced
            continue
    return found


def bits_per_character(model: Model, text: str) -> float:
    """The bits per character that `model` needs for `text`; infinite if fewer than two characters are known.

    An unknown character costs `UNKNOWN_BITS` and is not read.
    """
    known = "".join(character for character in text if character in model.vocabulary.ids)
    if len(known) < 2:
        return inf
    streams = 1 + len(known) // STREAM
    nats = evaluate(model.network, model.vocabulary.encode(known), model.context, streams).total_nats
    return (nats / log(2) + UNKNOWN_BITS * (len(text) - len(known))) / len(text)


def learned_on_the_fly(text: str) -> float:
    """The bits per character of `text` for a model that learns from nothing but the characters read so far.

    It counts the characters that follow each context of 0 to `ORDER` characters. The prediction of a context is mixed
    with that of the next shorter one, weighted by the number of different characters that have followed: Witten and
    Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 37(4), 1991, method C.
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
