"""Words to avoid and words to favour: what they add to the logits of the next character."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.vocabulary import Vocabulary

BEGIN, GO_ON = 1.5, 3.0  # nats added to the first letter of a favoured word, and to each later letter
LATELY = 200  # characters in which a favoured word is favoured only once
SEEN = LATELY + 2  # characters that count: the first two only tell whether a word begins after them
BEGINNING = re.compile(r"(?<!\w)(?<!\w['’])")  # where a word can begin: not at the t of don’t


class Words:
    """Words to avoid and to favour, which change the logits; the change depends only on the text before.

    When all letters of a word to avoid but the last are written, the last letter is impossible. So no word begins with
    a word to avoid. A letter of a favoured word is made likelier after all letters before it, unless the last `LATELY`
    characters contain the word. Capitals make no difference. No random numbers are drawn. (Biasing a decoder by a list
    of words is usual in speech recognition: Zhao et al., "Shallow-Fusion End-to-End Contextual Biasing", 2019.)
    """

    def __init__(self, vocabulary: Vocabulary, avoid: str = "", favour: str = "") -> None:
        """Words are separated by commas or spaces."""
        self.vocabulary = vocabulary
        self.avoid, self.favour = ([self._repaired(word) for word in words(typed)] for typed in (avoid, favour))

    def __bool__(self) -> bool:
        return bool(self.avoid or self.favour)

    def added(self, text: str) -> NDArray[np.float32]:
        """Return the values (V,) to add to the logits of the next character; the last `SEEN` of `text` count."""
        added = np.zeros(len(self.vocabulary), np.float32)
        text = text[-SEEN:]
        lately = text.lower()
        # The rest of the text from each place on where a word can begin; "" if one can begin with the next character.
        rests = {lately[place.start() :] for place in BEGINNING.finditer(lately, max(0, len(text) - LATELY))}
        for word in self.favour:
            if word in lately and any(rest.startswith(word) for rest in rests):  # the first test saves time
                continue
            for begun in range(len(word)):
                if word[:begun] in rests:
                    self._add(added, word[begun], GO_ON if begun else BEGIN)
        for word in self.avoid:
            if word[:-1] in rests:
                self._add(added, word[-1], -np.inf)
        return added

    def _repaired(self, word: str) -> str:
        """Return a word as the model would write it, such as don’t for don't; unchanged if a letter would be lost."""
        repaired = self.vocabulary.repair(word).text.lower()
        return repaired if len(repaired) == len(word) else word

    def _add(self, added: NDArray[np.float32], letter: str, nats: float) -> None:
        ids = {self.vocabulary.ids.get(cased) for cased in (letter, letter.upper())}
        for id in ids - {None}:
            added[id] += nats


def words(typed: str) -> Sequence[str]:
    """Return the distinct words of a list as typed, in small letters.

    >>> words("Wolf,  king wolf")
    ['wolf', 'king']
    """
    return list(dict.fromkeys(typed.lower().replace(",", " ").split()))
