"""The prefix cache: states of models after texts, so that the cached beginning of a prompt is not read again."""

from dataclasses import dataclass
from typing import Any
from weakref import ref

import numpy as np

from model.loaded import Model
from model.serving.mixture import Pair

Networks = Model | Pair  # the owner of a state: see `model.serving.mixture.networks`

MOST = 16_000_000  # bytes: a state takes 6 to 20 kB, and each character of its text 4 bytes
OVERHEAD = 500  # bytes that Python needs for an entry
SHORTEST = 50  # characters; a shorter text is read quickly and is not kept


@dataclass(frozen=True, eq=False)
class _Entry:
    networks: "ref[Networks]"  # weak, so the cache does not keep an unused model in memory
    ids: bytes
    state: Any
    size: int  # bytes


class PrefixCache:
    """The states of models after texts: the latest ones, at most `most` bytes.

    A cached state equals the state after reading the text again, so the cache changes only the time.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most, self.bytes = most, 0
        self._entries: list[_Entry] = []

    def put(self, networks: Networks, ids: list[int], state: Any) -> None:
        """Keep the state of `networks` after they have read `ids`."""
        if len(ids) >= SHORTEST:
            key = _key(ids)
            new = _Entry(ref(networks), key, state, OVERHEAD + len(key) + _bytes(state))
            others = [
                entry
                for entry in self._entries
                if (of := entry.networks()) is not None and (of is not networks or entry.ids != key)
            ]
            self._entries = [*others, new]
            self.bytes = sum(entry.size for entry in self._entries)
            while self.bytes > self.most:
                self.bytes -= self._entries.pop(0).size

    def longest(self, networks: Networks, ids: list[int]) -> tuple[int, Any]:
        """The length of the longest cached prefix of `ids`, and the state after it; (0, None) if none is cached.

        The prefix is at least one id shorter than `ids`, so that at least one id remains to be read.
        """
        key = _key(ids[:-1])
        known = [entry for entry in self._entries if entry.networks() is networks and key.startswith(entry.ids)]
        longest = max(known, key=lambda entry: len(entry.ids), default=None)
        return (len(longest.ids) // 4, longest.state) if longest else (0, None)


def _bytes(state: Any) -> int:
    """The size in bytes of the arrays in a state, which are nested in lists and tuples."""
    if isinstance(state, list | tuple):
        return sum(map(_bytes, state))
    return state.nbytes if isinstance(state, np.ndarray) else 0


def _key(ids: list[int]) -> bytes:
    return np.array(ids, np.int32).tobytes()
