"""A loaded model: the network, everything that writing with it needs, and its training record."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from model.copying import Copies
from model.decoder import Decoder
from model.lstm import CharLSTM, Context
from model.sampling import SamplingConfig
from model.vocabulary import Vocabulary


@dataclass(frozen=True)
class Model:
    """A network with its vocabulary, its own settings of sampling and context, and its training record."""

    network: CharLSTM
    vocabulary: Vocabulary
    sampling: SamplingConfig = SamplingConfig()
    context: Context = "carried"
    training: dict[str, Any] = field(default_factory=dict)  # the training record
    name: str = ""
    digest: str = ""  # SHA-256 of the stored weights
    copies: Copies | None = None  # hashes of its training text, where known
    licence: str = ""  # as the Hub spells it, "" if the model card names none

    @property
    def opening(self) -> str:
        """The text to read before a story: the end of a paragraph or, with window context, the end of a line."""
        start = self.vocabulary.characters[self.vocabulary.start]
        return start * 2 if start == "\n" and self.context == "carried" else start

    @cached_property
    def decoder(self) -> Decoder:
        """The decoder of the network, made at the first use from the weights at that time."""
        return Decoder(self.network)
