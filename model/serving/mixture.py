"""Mixtures: two models that write one text together."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.decoder import ALL, Decoder, Floats, Streams
from model.loaded import Model
from model.vocabulary import Vocabulary


class Pair:
    """Two models and a vocabulary of the characters of both; all mixtures of the two, of any weight, can use one pair.

    Both models read the whole text. If a character is not in the vocabulary of a model, this model reads the nearest
    one that is (see `Vocabulary.repair`), or else a space, and it predicts the character with probability 0.
    """

    def __init__(self, first: Model, second: Model) -> None:
        one, other = first.vocabulary, second.vocabulary
        typography = one.typography if one.typography == other.typography else "as it is"
        of_both = sorted({*one.characters, *other.characters})
        self.vocabulary = Vocabulary(of_both, one.lowercase and other.lowercase, typography)
        self.opening = first.opening
        self.parts = [_Part(first, self.vocabulary), _Part(second, self.vocabulary)]


class Mixture:
    """A pair as one model: p(next) = (1 - weight) p_first(next) + weight p_second(next)."""

    def __init__(self, pair: Pair, weight: float) -> None:
        """`weight` is the mixture weight of the second model, from 0 to 1."""
        self.pair, self.weight, self.vocabulary, self.opening = pair, weight, pair.vocabulary, pair.opening
        self.decoder = MixedDecoder(pair, weight)


AnyModel = Model | Mixture  # the model of a request


def networks(model: AnyModel) -> Model | Pair:
    """The pair of a mixture, or the model itself: its networks compute the states.

    Requests with the same networks can share a batch and the states in the prefix cache.
    """
    return model.pair if isinstance(model, Mixture) else model


class MixedDecoder:
    """The decoders of a pair, the second with the mixture weight `weight`."""

    def __init__(self, pair: Pair, weight: float) -> None:
        self.parts, self.weight = pair.parts, weight
        self.exact = all(part.decoder.exact for part in self.parts)

    def streams(self, B: int) -> "MixedStreams":
        """B streams that have read nothing."""
        return MixedStreams(self, [part.decoder.streams(B) for part in self.parts], np.full(B, self.weight))


class MixedStreams:
    """The states of both models in each of B streams, and the mixture weight of each stream (B,), float64."""

    def __init__(self, decoder: MixedDecoder, parts: list[Streams], weights: NDArray[np.float64]) -> None:
        self.decoder, self.parts, self.weights = decoder, parts, weights
        self.responsibilities = np.zeros((0, 0))  # (B, V): probability of the second model, given the next character

    def step(self, ids: NDArray[np.int64], rows: slice = ALL) -> Floats:
        """As `Streams.step`; the logits are the log probabilities of the mixture, -inf for a probability of 0."""
        first, second = (part(ids, own, rows) for part, own in zip(self.decoder.parts, self.parts, strict=True))
        weights = self.weights[rows, None]
        of_first, of_second = (1 - weights) * first, weights * second
        p = of_first + of_second
        possible = p > 0
        self.responsibilities = np.divide(of_second, p, where=possible, out=np.zeros_like(p))
        return np.log(p, where=possible, out=np.full_like(p, -np.inf)).astype(np.float32)

    def prefill(self, b: int, ids: NDArray[np.int64]) -> None:
        """As `Streams.prefill`."""
        for part, streams in zip(self.decoder.parts, self.parts, strict=True):
            streams.prefill(b, part.ids[ids])

    def reorder(self, keep: Sequence[int], fresh: int = 0) -> "MixedStreams":
        """As `Streams.reorder`; fresh streams begin with the mixture weight of the decoder."""
        weights = np.append(self.weights[list(keep)], np.full(fresh, self.decoder.weight))
        return MixedStreams(self.decoder, [streams.reorder(keep, fresh) for streams in self.parts], weights)

    def save_state(self, b: int) -> list[Any]:
        """As `Streams.save_state`."""
        return [streams.save_state(b) for streams in self.parts]

    def load_state(self, b: int, state: list[Any]) -> None:
        """As `Streams.load_state`."""
        for streams, own in zip(self.parts, state, strict=True):
            streams.load_state(b, own)

    def restart(self, b: int) -> None:
        """As `Streams.restart`."""
        for streams in self.parts:
            streams.restart(b)


class _Part:
    """One model of a pair; it reads and predicts joint ids, which are the ids in the vocabulary of the pair."""

    def __init__(self, model: Model, both: Vocabulary) -> None:
        self.decoder: Decoder = model.decoder
        self.size = len(both)
        self.columns = np.array(
            [both.ids[character] for character in model.vocabulary.characters]
        )  # own id to joint id
        self.ids = np.array([_nearest(model.vocabulary, character) for character in both.characters])  # joint to own id

    def __call__(self, ids: NDArray[np.int64], streams: Streams, rows: slice) -> NDArray[np.float64]:
        """Read joint ids (B,); return the probabilities (B, V) of the next joint ids in the streams `rows`."""
        logits = np.ascontiguousarray(streams.step(self.ids[ids], rows), dtype=np.float64)
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        mixed = np.zeros((len(p), self.size))
        mixed[:, self.columns] = p / np.cumsum(p, axis=1)[:, -1:]  # the order in which `sum` adds depends on B
        return mixed


def _nearest(vocabulary: Vocabulary, character: str) -> int:
    """The id of `character`, or else of its replacement after a letter, or of a space, or `Vocabulary.start`."""
    letter = next((c for c in vocabulary.characters if c.isalpha()), "")
    stand_in = vocabulary.repair(letter + character).text[len(letter) :]
    return vocabulary.ids.get(character, vocabulary.ids.get(stand_in[:1] or " ", vocabulary.start))
