"""A loaded model: the network with everything needed to write with it, and what is known of its training."""

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
    licence: str = ""  # as the Hub spells it, where its card names one

    @property
    def opening(self) -> str:
        """What is read before a story: the end of a paragraph or, with window context, the end of a line."""
        start = self.vocabulary.characters[self.vocabulary.start]
        return start * 2 if start == "\n" and self.context == "carried" else start

    @cached_property
    def decoder(self) -> Decoder:
        """The decoder of the network as it is now; made at the first use."""
        return Decoder(self.network)
