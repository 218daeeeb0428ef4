"""The two recipes: everything that decides what is learned from a text, as plain values."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from model.checkpoint import Context
from model.lstm import LSTMConfig
from model.options import check, option
from model.sampling import SamplingConfig


@dataclass(frozen=True)
class Recipe:
    """How a network is made and trained; ValueError for values outside their range."""

    name: str
    network: LSTMConfig
    context: Context  # how it reads and writes: carried is trained on streams, window on shuffled windows
    sampling: SamplingConfig = field(default_factory=SamplingConfig)  # how it writes unless told otherwise

    lowercase: bool = option(True, "learn the text in lower case")
    precision: Literal["float32", "bfloat16"] = option("float32", "bfloat16 is used where the hardware has it")
    window: int = option(128, "time steps in a training window", 1, 10_000)
    batch_size: int = option(32, "streams or windows learned from at once", 1, 100_000)
    learning_rate: float = option(1e-3, "highest learning rate", 0, 1)
    final_learning_rate: float = option(1.0, "share of it that is left at the end (cosine decay)", 0, 1)
    warmup_steps: int = option(0, "steps over which it rises from zero", 0, 1_000_000)
    weight_decay: float = option(0.0, "AdamW's decoupled weight decay", 0, 10)
    clip_norm: float = option(0.0, "longest gradient (0: any)", 0, 1e6)
    steps: int = option(0, "training steps (0: as many as --epochs says)", 0, 1_000_000_000)
    epochs: float = option(0.0, "passes over the training part", 0, 1_000_000)
    evaluate_every: int = option(0, "steps between measurements of the held-out part (0: an epoch)", 0, 1_000_000)

    def __post_init__(self) -> None:
        check(self)
        if not self.steps and not self.epochs:
            raise ValueError("steps and epochs are both 0, but one of them must say how long to train")

    def with_options(self, chosen: dict[str, Any]) -> "Recipe":
        """This recipe with some options changed, its network's among them, by name; ValueError as for the classes."""
        own = {name: value for name, value in chosen.items() if name in vars(self)}
        network = {name: value for name, value in chosen.items() if name in vars(self.network)}
        if "epochs" in own and "steps" not in own:
            own["steps"] = 0
        return replace(self, network=replace(self.network, **network), **own)


# The tutorials' recipe: one scaled number a step, one prediction a window, Adam as it comes.
CLASSIC = Recipe(
    name="classic",
    network=LSTMConfig(input_encoding="scaled", hidden_size=256, layers=1, dropout_output=0.2),
    context="window",
    sampling=SamplingConfig(temperature=0),
    window=100,
    batch_size=128,
    epochs=10,
)

# Every step of every window is learned from, the state runs on, and four kinds of dropout keep a book from being
# learned by heart.
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
    sampling=SamplingConfig(temperature=0.7),
    precision="bfloat16",
    window=64,
    learning_rate=3e-3,
    final_learning_rate=0.02,
    warmup_steps=100,
    weight_decay=0.01,
    clip_norm=1.0,
    steps=2400,
    evaluate_every=200,
)

RECIPES = {recipe.name: recipe for recipe in (MODERN, CLASSIC)}
