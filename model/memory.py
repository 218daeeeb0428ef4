"""What models have read lately, so that a text that goes on is not read from its beginning again."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from model.mixture import Model

TEXTS = 256  # that are remembered; of a network of 2 layers of 512 each takes 6 to 8 kB, and 4 bytes a character
SHORTEST = 50  # characters worth remembering


@dataclass(frozen=True, eq=False)
class _Text:
    model: Model
    ids: bytes
    state: Any


class Memory:
    """Where models stood after some texts, the latest ones.

    A state that is taken up again is the very one that reading anew would give, so it changes nothing but the time.
    """

    def __init__(self, texts: int = TEXTS) -> None:
        self.texts = texts
        self._texts: list[_Text] = []

    def keep(self, model: Model, ids: list[int], state: Any) -> None:
        """Remember where `model` stands once it has read `ids`."""
        if len(ids) >= SHORTEST:
            kept = _Text(model, _key(ids), state)
            others = [text for text in self._texts if text.model is not model or text.ids != kept.ids]
            self._texts = [*others[1 - self.texts :], kept]

    def recall(self, model: Model, ids: list[int]) -> tuple[int, Any]:
        """How many of `ids` need not be read again, with something always left to read, and where they lead."""
        key = _key(ids[:-1])
        known = [text for text in self._texts if text.model is model and key.startswith(text.ids)]
        longest = max(known, key=lambda text: len(text.ids), default=None)
        return (len(longest.ids) // 4, longest.state) if longest else (0, None)


def _key(ids: list[int]) -> bytes:
    return np.array(ids, np.int32).tobytes()
