"""Two models that write one text: each next character is the one's or the other's, by a chance that can be chosen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.checkpoint import Checkpoint
from model.decoder import Decoder, Floats, Streams
from model.vocabulary import Vocabulary


class Mixture:
    """Two checkpoints as one, over the characters of both: p = (1 - share) p_first + share p_second.

    Both read everything that is written. A character that one of them does not know, it reads as the nearest that it
    does know (see `Vocabulary.repair`), or else as a space; and never writes.
    """

    def __init__(self, first: Checkpoint, second: Checkpoint, share: float) -> None:
        """`share` is the second's part, from 0 to 1."""
        of_both = {*first.vocabulary.characters, *second.vocabulary.characters}
        self.vocabulary = Vocabulary(sorted(of_both), first.vocabulary.lowercase and second.vocabulary.lowercase)
        self.decoder = MixedDecoder([_Part(first, self.vocabulary), _Part(second, self.vocabulary)], share)


Model = Checkpoint | Mixture  # what writes


class MixedDecoder:
    """The decoders of two models, of which the second counts `share`."""

    def __init__(self, parts: Sequence["_Part"], share: float) -> None:
        self.parts, self.share = parts, share
        self.exact = all(part.decoder.exact for part in parts)

    def streams(self, B: int) -> "MixedStreams":
        """B streams that have read nothing."""
        return MixedStreams(self, [part.decoder.streams(B) for part in self.parts])


class MixedStreams:
    """Where both models stand in each of B streams."""

    def __init__(self, decoder: MixedDecoder, parts: list[Streams]) -> None:
        self.decoder, self.parts = decoder, parts
        self.shares = np.zeros((0, 0))  # of the chance of each character to come next, how much is the second's (B, V)

    def step(self, ids: NDArray[np.int64]) -> Floats:
        """Read `ids`; return the logits (B, V) of what follows, which are the logarithm of the mixed probability."""
        first, second = (part(ids, own) for part, own in zip(self.decoder.parts, self.parts, strict=True))
        of_first, of_second = (1 - self.decoder.share) * first, self.decoder.share * second
        p = of_first + of_second
        possible = p > 0
        self.shares = np.divide(of_second, p, where=possible, out=np.zeros_like(p))
        return np.log(p, where=possible, out=np.full_like(p, -np.inf)).astype(np.float32)

    def regroup(self, keep: Sequence[int], fresh: int = 0) -> "MixedStreams":
        """As `Streams.regroup`."""
        return MixedStreams(self.decoder, [streams.regroup(keep, fresh) for streams in self.parts])

    def state_of(self, b: int) -> list[Any]:
        """As `Streams.state_of`."""
        return [streams.state_of(b) for streams in self.parts]

    def take_up(self, b: int, state: list[Any]) -> None:
        """As `Streams.take_up`."""
        for streams, own in zip(self.parts, state, strict=True):
            streams.take_up(b, own)

    def restart(self, b: int) -> None:
        """As `Streams.restart`."""
        for streams in self.parts:
            streams.restart(b)


class _Part:
    """One of two models, as it reads and writes the characters of both."""

    def __init__(self, model: Checkpoint, both: Vocabulary) -> None:
        self.decoder: Decoder = model.decoder
        self.size = len(both)
        self.places = np.array([both.ids[character] for character in model.vocabulary.characters])  # of its own in both
        self.ids = np.array(
            [_nearest(model.vocabulary, character) for character in both.characters]
        )  # of both in its own

    def __call__(self, ids: NDArray[np.int64], streams: Streams) -> NDArray[np.float64]:
        """Read `ids` of both; return the probability of each character of both (B, V), 0 where it knows it not."""
        logits = np.ascontiguousarray(streams.step(self.ids[ids]), dtype=np.float64)
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        mixed = np.zeros((len(p), self.size))
        mixed[:, self.places] = p / np.cumsum(p, axis=1)[:, -1:]  # `sum` adds up in another order for another B
        return mixed


def _nearest(vocabulary: Vocabulary, character: str) -> int:
    """The id of the character itself, of what stands in for it after a letter, or of a space."""
    letter = next((c for c in vocabulary.characters if c.isalpha()), "")
    stand_in = vocabulary.repair(letter + character).text[len(letter) :]
    return vocabulary.ids.get(character, vocabulary.ids.get(stand_in[:1] or " ", vocabulary.start))
