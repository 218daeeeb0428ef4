"""Words to avoid and words to favour: what they add to the logits of the next character."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.vocabulary import Vocabulary

BEGIN, GO_ON = 1.5, 3.0  # nats that are added where a favoured word begins, and where it goes on
LATELY = 200  # characters in which a favoured word is favoured only once


class Words:
    """What some words add to the logits, a function of the text before alone: it draws no random numbers.

    The last letter of a word to avoid is never written where the rest of it stands, so that no word begins with it.
    Each letter of a favoured word is made likelier while the text follows it from its beginning, unless the word was
    written lately. Capitals make no difference. (Biasing a decoder by a list of words is usual in speech recognition:
    Zhao et al., "Shallow-Fusion End-to-End Contextual Biasing", 2019.)
    """

    def __init__(self, vocabulary: Vocabulary, avoid: str = "", favour: str = "") -> None:
        """Words are separated by commas or spaces."""
        self.vocabulary = vocabulary
        self.avoid, self.favour = words(avoid), words(favour)

    def __bool__(self) -> bool:
        return bool(self.avoid or self.favour)

    def added(self, text: str) -> NDArray[np.float32]:
        """What is added to the logits (V,) of the character after `text`, of which the last `LATELY` count."""
        added = np.zeros(len(self.vocabulary), np.float32)
        lately = text[-LATELY:].lower()
        for word in self.favour:
            if word in lately:
                continue
            for begun in range(len(word)):
                if ends_in(lately, word[:begun]):
                    self._add(added, word[begun], GO_ON if begun else BEGIN)
        for word in self.avoid:
            if ends_in(lately, word[:-1]):
                self._add(added, word[-1], -np.inf)
        return added

    def _add(self, added: NDArray[np.float32], letter: str, nats: float) -> None:
        ids = {self.vocabulary.ids.get(cased) for cased in (letter, letter.upper())}
        for id in ids - {None}:
            added[id] += nats


def words(typed: str) -> Sequence[str]:
    """The words of a list as it is typed, in small letters, each once.

    >>> words("Wolf,  king wolf")
    ['wolf', 'king']
    """
    return list(dict.fromkeys(typed.lower().replace(",", " ").split()))


def ends_in(text: str, beginning: str) -> bool:
    """Whether `text` ends in this beginning of a word, and the word begins there."""
    before = text[: len(text) - len(beginning)]
    inside = before[-1:].isalnum() or (before[-1:] in ("'", "’") and before[-2:-1].isalnum())  # as the t of don’t
    return text.endswith(beginning) and not inside
