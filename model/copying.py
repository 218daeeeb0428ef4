"""Find the passages of a text that are copied from the training text, by hashes of the training text."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import pairwise
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

FORMAT = "lstm-text-generation copies"
VERSION = 1
RUN = 30  # characters; any two books have shorter passages in common
LETTERS = 10  # letters and digits in a copied passage, at least: a row of spaces or stars is not a copy
MOST = 1_200_000  # stored windows, about 3.3 bytes each; of a longer text only every second, or third …
CHUNK = 1_000_000  # windows that are hashed at once
BITS = 44
LARGEST = 200_000_000  # bytes, unpacked: twenty texts of the most windows
# The multipliers of the hash, the same for all checkpoints: NumPy promises that this stream never changes.
MULTIPLIERS = np.random.PCG64(2014).random_raw(RUN + 1)

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Run:
    """A passage of a text, from `start` up to but not including `end`, that is copied from a source."""

    start: int
    end: int
    source: str  # its name


@dataclass(frozen=True, eq=False)
class Source:
    """A text that a model was trained on, as the hashes of every `stride`-th window of `RUN` characters.

    Every copied passage of `surely_found` characters or more is found. With a stride of 1, `surely_found` is `RUN`, and
    a run is exactly as long as the copy. With a larger stride, some shorter passages are also found, and a run can be
    up to `stride` - 1 characters too short at either end.

    The text itself is not stored. But the hashes do not keep it secret: a person who has a passage can guess the next
    characters and check the guess.
    """

    name: str
    characters: int
    stride: int
    hashes: Hashes  # ascending, each of them once

    @classmethod
    def of(cls, name: str, text: str, most: int = MOST) -> "Source":
        """Return the source of `text`, with at most `most` hashes, or more so that each character is in a window."""
        stride = min(RUN, max(1, math.ceil((len(text) - RUN + 1) / most)))
        return cls(name, len(text), stride, np.unique(hashed(text, stride)))

    @property
    def surely_found(self) -> int:
        """The shortest length, in characters, at which every copied passage is found."""
        return RUN + self.stride - 1

    def runs(self, windows: Hashes) -> list[Run]:
        """Return the copied passages of a text with these hashed `windows`, in order of their start.

        Known windows that are `stride` characters apart make one run. With a stride of 1 any `RUN` characters of a run
        are in the source, but the whole run need not be there in one piece.
        """
        if not len(self.hashes):
            return []
        nearest = self.hashes[np.searchsorted(self.hashes[:-1], windows)]
        starts = np.flatnonzero(nearest == windows).tolist()
        known, runs = set(starts), []
        for start in starts:
            if start - self.stride not in known:
                last = start
                while last + self.stride in known:
                    last += self.stride
                runs.append(Run(start, last + RUN, self.name))
        return runs


@dataclass(frozen=True, eq=False)
class Copies:
    """All texts that a model was trained on, the last one first, to search for copied passages.

    >>> copies = Copies((Source.of("rhyme", "Twinkle, twinkle, little star, how I wonder what you are!"),))
    >>> [run] = copies.runs("She sang: Twinkle, twinkle, little star, how I wish you were here.")
    >>> run, run.end - run.start, copies.runs("Twinkle, twinkle, little bat!")
    (Run(start=10, end=48, source='rhyme'), 38, [])

    With `MOST` hashes of 44 bits, one window in 15 million is found by chance: the hash is strongly universal for
    characters of 21 bits (Lemire & Kaser, "Strongly universal string hashing is fast", The Computer Journal 57(11),
    2014, "Multilinear").
    """

    sources: tuple[Source, ...]
    unknown: str = ""  # the model that training began from, if its own training text is not known

    def and_then(self, source: Source) -> "Copies":
        """Return these texts with `source` before them, on which the model was trained last."""
        others = (other for other in self.sources if not np.array_equal(other.hashes, source.hashes))
        return Copies((source, *others), self.unknown)

    def runs(self, text: str) -> list[Run]:
        """The copied passages of `text` with `LETTERS` or more, in order of their start; none is inside another.

        Two can overlap. If two sources have the same passage, the first one is named.
        """
        windows = hashed(text)
        runs: list[Run] = []
        for run in sorted((r for s in self.sources for r in s.runs(windows)), key=lambda run: (run.start, -run.end)):
            if not runs or run.end > runs[-1].end:
                runs.append(run)
        return [run for run in runs if sum(map(str.isalnum, text[run.start : run.end])) >= LETTERS]

    # ---- storage -----------------------------------------------------------------------------------------------

    @cached_property
    def data(self) -> bytes:
        """The sources as an .npz file: the same bytes for the same texts."""
        about = {
            "format": FORMAT,
            "version": VERSION,
            "unknown": self.unknown,
            "sources": [{"name": s.name, "characters": s.characters, "stride": s.stride} for s in self.sources],
        }
        arrays = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
        arrays |= {f"hashes-{i}": _packed(source.hashes) for i, source in enumerate(self.sources)}
        file = BytesIO()
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        return file.getvalue()

    @classmethod
    def from_data(cls, data: bytes) -> "Copies":
        """Return the copies with this `data`; ValueError for other data, and before unpacking more than `LARGEST`."""
        try:
            with ZipFile(BytesIO(data)) as packed:
                size = sum(file.file_size for file in packed.infolist())  # no file is read beyond its declared size
            if size > LARGEST:
                raise ValueError(f"it unpacks to {size / 1e6:,.0f} MB, but at most {LARGEST / 1e6:,.0f} MB are read")
            with np.load(BytesIO(data), allow_pickle=False) as file:
                arrays = dict(file)
            about: dict[str, Any] = json.loads(arrays.pop("about").tobytes())
            if (about["format"], about["version"]) != (FORMAT, VERSION):
                raise ValueError(f"it is not of the format {FORMAT}, version {VERSION}")
            sources = tuple(
                Source(**told, hashes=_unpacked(arrays.pop(f"hashes-{i}"))) for i, told in enumerate(about["sources"])
            )
            unknown = about["unknown"]
        except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds for a damaged file
            raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error
        for source in sources:
            numbers = (source.characters, source.stride)
            if not isinstance(source.name, str) or any(type(number) is not int for number in numbers):
                raise ValueError("its sources are not names with numbers")
            if not 1 <= source.stride <= RUN or source.characters < len(source.hashes):
                raise ValueError(f"its source {source.name} has wrong numbers")
        if arrays or not isinstance(unknown, str):
            raise ValueError("it holds more than its sources")
        return cls(sources, unknown)


def hashed(text: str, stride: int = 1) -> Hashes:
    """The hash of every `stride`-th window of `RUN` characters in `text`, in their order."""
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    windows = range(0, len(characters) - RUN + 1, stride)
    hashes = np.empty(len(windows), np.uint64)
    for begin in range(0, len(windows), CHUNK):
        some = windows[begin : begin + CHUNK]
        total = np.full(len(some), MULTIPLIERS[0])
        for i, multiplier in enumerate(MULTIPLIERS[1:]):
            total += multiplier * characters[some.start + i : some[-1] + i + 1 : stride].astype(np.uint64)  # mod 2^64
        hashes[begin : begin + CHUNK] = total >> np.uint64(64 - BITS)
    return hashes


def share_new(text: str, runs: Sequence[Run]) -> float:
    """The share of the characters of `text` outside its copied passages, from 0 to 1; 1 for an empty text."""
    return 1 - sum(end - start for start, end in pieces(runs)) / len(text) if text else 1.0


def pieces(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """The start and end of each run, cut off where the next one starts, so that none overlap."""
    ends = [min(run.end, after.start) for run, after in pairwise(runs)] + [run.end for run in runs[-1:]]
    return [(run.start, end) for run, end in zip(runs, ends, strict=True)]


def _packed(hashes: Hashes) -> NDArray[np.uint8]:
    """Return the differences of hashes as bytes (8, N), lowest bytes first: the highest are all 0 and compress well."""
    steps = np.diff(hashes, prepend=np.uint64(0)).astype("<u8")
    return np.ascontiguousarray(steps.view(np.uint8).reshape(-1, 8).T)


def _unpacked(steps: NDArray[np.uint8]) -> Hashes:
    """The hashes that `_packed` packed; ValueError for anything else."""
    if steps.dtype != np.uint8 or steps.ndim != 2 or len(steps) != 8:
        raise ValueError("its hashes have another shape")
    hashes = np.cumsum(np.ascontiguousarray(steps.T).view("<u8").reshape(-1), dtype=np.uint64)
    if np.any(hashes[1:] <= hashes[:-1]) or np.any(hashes[-1:] >> np.uint64(BITS)):
        raise ValueError("its hashes are not in order")
    return hashes
