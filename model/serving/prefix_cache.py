"""The prefix cache: states of models after texts, so that a text with a known beginning is not read from its start."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from model.serving.mixture import AnyModel

ENTRIES = 256  # each takes 6 to 8 kB for a network of 2 layers of 512, and 4 bytes for each character of the text
SHORTEST = 50  # characters; a shorter text is read quickly and is not kept


@dataclass(frozen=True, eq=False)
class _Entry:
    model: AnyModel
    ids: bytes
    state: Any


class PrefixCache:
    """The states of models after texts, the latest `entries` of them.

    A cached state equals the one that reading the text again would give, so the cache changes only the time.
    """

    def __init__(self, entries: int = ENTRIES) -> None:
        self.entries = entries
        self._entries: list[_Entry] = []

    def put(self, model: AnyModel, ids: list[int], state: Any) -> None:
        """Keep the state of `model` after it has read `ids`."""
        if len(ids) >= SHORTEST:
            new = _Entry(model, _key(ids), state)
            others = [entry for entry in self._entries if entry.model is not model or entry.ids != new.ids]
            self._entries = [*others[1 - self.entries :], new]

    def longest(self, model: AnyModel, ids: list[int]) -> tuple[int, Any]:
        """The length of the longest cached prefix of `ids`, at least one id shorter than these, and the state after it.

        (0, None) where none is cached.
        """
        key = _key(ids[:-1])
        known = [entry for entry in self._entries if entry.model is model and key.startswith(entry.ids)]
        longest = max(known, key=lambda entry: len(entry.ids), default=None)
        return (len(longest.ids) // 4, longest.state) if longest else (0, None)


def _key(ids: list[int]) -> bytes:
    return np.array(ids, np.int32).tobytes()
