"""The two recipes: all settings that decide what a network learns from a text, as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Literal

from model.lstm import SAME_LAYERS, Context, LSTMConfig
from model.options import check, option
from model.sampling import SamplingConfig
from training.cleaning import Form


@dataclass(frozen=True)
class Recipe:
    """How a network is made and trained; ValueError for values outside their range."""

    name: str
    network: LSTMConfig
    context: Context  # carried is trained on streams, window on shuffled windows
    sampling: SamplingConfig = field(default_factory=SamplingConfig)  # the default for writing

    form: Form = option("book", "book: paragraphs as on a page; lines: the lines of the file; as it is: to the letter")
    lowercase: bool = option(False, "learn the text in lower case")
    precision: Literal["float32", "bfloat16"] = option("float32", "bfloat16 is used where the hardware has it")
    window: int = option(128, "time steps in a training window", 1, 10_000)
    batch_size: int = option(32, "streams or windows learned from at once", 1, 100_000)
    optimizer: Literal["adamw", "muon"] = option("adamw", "muon: orthogonal steps for the layers' matrices")
    learning_rate: float = option(1e-3, "highest learning rate", 0, 1)
    final_learning_rate: float = option(1.0, "share of the learning rate that is left at the end (cosine decay)", 0, 1)
    warmup_steps: int = option(0, "steps over which the learning rate rises from zero", 0, 1_000_000)
    weight_decay: float = option(0.0, "decoupled weight decay", 0, 10)
    state_reset: float = option(0.0, "share of the streams that begin a window from a zero state", 0, 1)
    ema_decay: float = option(0.0, "share of the weights' average that a step keeps (0: no average)", 0, 0.99999)
    clip_norm: float = option(0.0, "largest norm of the gradient (0: no limit)", 0, 1e6)
    steps: int = option(0, "training steps (0: set by --epochs)", 0, 1_000_000_000)
    epochs: float = option(0.0, "passes over the training part", 0, 1_000_000)
    evaluate_every: int = option(0, "steps between measurements of the held-out part (0: an epoch)", 0, 1_000_000)
    patience: int = option(0, "measurements without a new best after which training ends (0: never)", 0, 1_000_000)

    def __post_init__(self) -> None:
        check(self)
        if not self.steps and not self.epochs:
            raise ValueError("steps and epochs are both 0, but one of them must say how long to train")

    def with_options(self, chosen: dict[str, Any]) -> "Recipe":
        """This recipe with `chosen` options, its own and its network's, by name; ValueError as for the two classes."""
        own = {name: value for name, value in chosen.items() if name in vars(self)}
        network = {name: value for name, value in chosen.items() if name in vars(self.network)}
        if "epochs" in own and "steps" not in own:
            own["steps"] = 0
        return replace(self, network=replace(self.network, **network), **own)


# The tutorials' recipe: one scaled number for each character, one prediction for each window, Adam with its defaults.
CLASSIC = Recipe(
    name="classic",
    network=LSTMConfig(input_encoding="scaled", hidden_size=256, layers=1, dropout_output=0.2),
    context="window",
    sampling=SamplingConfig(temperature=0),
    form="lines",
    lowercase=True,
    window=100,
    batch_size=128,
    epochs=10,
)

# The network learns from every step of every window, the state is carried on, and four kinds of dropout keep it from
# learning a book by heart.
MODERN = Recipe(
    name="modern",
    network=LSTMConfig(
        embedding_size=64,
        hidden_size=512,
        layers=2,
        dropout_input=0.2,
        dropout_hidden=0.4,
        dropout_output=0.5,
        weight_drop=0.4,
    ),
    context="carried",
    sampling=SamplingConfig(temperature=0.7, top_p=0.95),  # where samples read best: docs/experiments.md
    precision="bfloat16",
    window=64,
    learning_rate=3e-3,
    final_learning_rate=0.02,
    warmup_steps=100,
    weight_decay=0.01,
    ema_decay=0.99,
    clip_norm=1.0,
    steps=2400,
    evaluate_every=200,
    patience=4,
)


RECIPES = {recipe.name: recipe for recipe in (MODERN, CLASSIC)}
DROPOUT = ("dropout_input", "dropout_hidden", "dropout_output", "weight_drop")  # the options of a network
MOST_MINUTES = 1_000_000  # for which a run can train

LIBRARY = 6_000_000  # characters: a text with more is a library
LARGE_LIBRARY = 25_000_000

# No network here can learn a library by heart, so there is no dropout; the other values make learning fast.
PRE_TRAINING: dict[str, Any] = {
    "output_reads": "sum",
    "dropout_input": 0.0,
    "dropout_hidden": 0.0,
    "dropout_output": 0.0,
    "weight_drop": 0.0,
    "window": 128,
    "batch_size": 128,
    "state_reset": 0.01,
    "optimizer": "muon",
    "learning_rate": 8e-3,
    "ema_decay": 0.0,
    "steps": 0,
    "epochs": 3.0,
    "evaluate_every": 200,
    "patience": 0,
}

# How the modern recipe changes with the size of the text: the most characters that train, a name for such a text, and
# the changed options. More text can train a larger network, and needs less dropout against learning by heart.
SIZES: tuple[tuple[float, str, dict[str, Any]], ...] = (
    (60_000, "a diary", {"hidden_size": 256, "batch_size": 16}),
    (600_000, "a book", {}),
    (
        LIBRARY,
        "a shelf of books",
        {
            "hidden_size": 608,
            "dropout_input": 0.1,
            "dropout_hidden": 0.3,
            "dropout_output": 0.35,
            "weight_drop": 0.3,
            "batch_size": 128,
            "optimizer": "muon",
            "learning_rate": 8e-3,
            "steps": 0,
            "epochs": 30.0,
            "evaluate_every": 250,
        },
    ),
    (LARGE_LIBRARY, "a library", PRE_TRAINING | {"hidden_size": 608}),
    (inf, "a large library", PRE_TRAINING | {"hidden_size": 832, "epochs": 2.0}),
)
# A network that can write already must learn a new text without forgetting its language: by few and small steps, and
# with little dropout, as in its own training.
TUNING: dict[str, Any] = {
    "dropout_input": 0.05,
    "dropout_hidden": 0.0,
    "dropout_output": 0.2,
    "weight_drop": 0.0,
    "optimizer": "adamw",
    "learning_rate": 6e-4,
    "warmup_steps": 20,
    "ema_decay": 0.95,
    "steps": 0,
    "epochs": 5.0,
    "evaluate_every": 0,
    "patience": 2,
}


def fitted(recipe: Recipe, characters: int, init: LSTMConfig | None = None) -> Recipe:
    """`recipe` fitted to the number of characters that train and to `init`, the network to begin from.

    Only the modern recipe changes with the size of the text and, with `init`, by `TUNING`. In both recipes the layers
    are then those of `init`.
    """
    own: dict[str, Any] = {}
    if recipe.name == "modern":
        own |= _size(characters)[1] | (TUNING if init else {})
    if init:
        own |= {name: getattr(init, name) for name in SAME_LAYERS}
    return recipe.with_options(own)


def check_minutes(minutes: float | None) -> None:
    """Raise ValueError, in one sentence, unless a run can train for so many minutes (None: as the recipe says)."""
    if minutes is not None and not 0 < minutes < MOST_MINUTES:
        raise ValueError(f"--minutes is {minutes:,.15g}, but must be a number above 0 and below {MOST_MINUTES:,}")


def reasons(recipe: Recipe, characters: int, minutes: float | None = None, init: str = "") -> dict[str, str]:
    """The choices of a recipe for so many characters that train, with reasons, by topic; `init` names the base."""
    network = recipe.network
    targets = recipe.batch_size * (recipe.window if recipe.context == "carried" else 1)  # of a step
    passes = recipe.steps * targets / characters if recipe.steps else recipe.epochs
    length = f"{minutes:g} minutes" if minutes else f"{passes:,.1f} times through the text"
    if recipe.patience:
        length += f", or until {recipe.patience} measurements bring no new best"
    rule = fitted(MODERN, characters).network

    def by_size(names: Sequence[str], reason: str) -> str:
        """`reason`, if the size of the text has chosen the options with these names."""
        chosen = recipe.name == MODERN.name and all(getattr(network, name) == getattr(rule, name) for name in names)
        return f": {reason}" if chosen else ""

    return {
        "text": f"{characters:,} characters train, as many as in {_size(characters)[0]}",
        "network": f"{network.layers} x {network.hidden_size} units"
        + (f": those of {init}" if init else by_size(SAME_LAYERS, "more text can train a larger one")),
        "dropout": f"{network.dropout_input:g}, {network.dropout_hidden:g}, {network.dropout_output:g} and "
        f"{network.weight_drop:g} (input, hidden, output, recurrent)"
        + by_size(DROPOUT, "a shorter text is sooner learned by heart"),
        "batches": f"{recipe.batch_size} at once, {recipe.window} characters each",
        "length": length,
    }


def _size(characters: int) -> tuple[str, dict[str, Any]]:
    return next((name, options) for up_to, name, options in SIZES if characters <= up_to)
