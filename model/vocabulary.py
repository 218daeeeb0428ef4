"""Text to ids and back: the char map, and the repair of prompts that hold characters it does not know."""

import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.typography import Typography, typeset

FORMAT = "lstm-text-generation vocabulary"
VERSION = 1

# What a typist would put for a character that Unicode does not decompose, best first.
STAND_INS = {
    **dict.fromkeys("“”„‟«»〝〞", ('"', "''", "'")),
    **dict.fromkeys("‘’‚‛‹›`´′", ("'", "’", '"')),
    '"': ("''",),
    **dict.fromkeys("—―⸺", ("--", "—", "–", "-")),
    **dict.fromkeys("–‒−‐‑", ("-", "–", "—")),
    "…": ("...",),
    "\t": ("    ", " "),
    "•": ("*", "-"),
    **{"æ": ("ae",), "Æ": ("Ae",), "œ": ("oe",), "Œ": ("Oe",), "ß": ("ss",), "ø": ("o",), "Ø": ("O",)},
    **{"ł": ("l",), "Ł": ("L",), "đ": ("d",), "Đ": ("D",), "ð": ("d",), "Ð": ("D",), "þ": ("th",), "Þ": ("Th",)},
    **{"ı": ("i",), "ħ": ("h",), "Ħ": ("H",)},
}


def normalise(text: str, lowercase: bool = False) -> str:
    r"""`text` with line endings as \n, in Unicode's composed form (NFC), and in lower case if asked.

    >>> normalise("Cafe\u0301\r\n", lowercase=True)
    'café\n'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    return unicodedata.normalize("NFC", text.lower() if lowercase else text)


@dataclass(frozen=True)
class Repair:
    """A prompt that the vocabulary can encode, and in plain words what was done to it ("" where nothing was)."""

    text: str
    report: str


class Vocabulary:
    """The characters a model knows, in order: a character's id is its place in that order.

    >>> vocabulary = Vocabulary.of("Abba", lowercase=True)
    >>> vocabulary.encode("abba").tolist(), vocabulary.decode([0, 1])
    ([0, 1, 1, 0], 'ab')
    >>> vocabulary.repair("Âb!")
    Repair(text='ab', report='capitals→small letters, â→a, ! left out')
    """

    def __init__(self, characters: Iterable[str], lowercase: bool = False, typography: Typography = "as it is") -> None:
        """Raises ValueError where the characters are none, repeated, or not single code points."""
        self.characters = tuple(characters)
        self.lowercase, self.typography = lowercase, typography
        self.ids = {character: id for id, character in enumerate(self.characters)}
        if not self.characters or len(self.ids) < len(self.characters) or any(len(c) != 1 for c in self.characters):
            raise ValueError("a vocabulary is a list of one or more single characters, each of them once")
        if typography not in get_args(Typography):
            raise ValueError(f"typography is {typography!r}, but must be one of {', '.join(get_args(Typography))}")

    @classmethod
    def of(cls, text: str, lowercase: bool = False, typography: Typography = "as it is") -> "Vocabulary":
        """The sorted distinct characters of `text`."""
        return cls(sorted(set(normalise(text, lowercase))), lowercase, typography)

    def __len__(self) -> int:
        return len(self.characters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[tuple[str, ...], bool, str]:
        return self.characters, self.lowercase, self.typography

    @property
    def start(self) -> int:
        """The id that stands before an empty prompt: a new line where the model knows one, else a space."""
        return self.ids.get("\n", self.ids.get(" ", 0))

    def encode(self, text: str) -> Tensor:
        """The ids of `text`, int64 of shape (T,); KeyError for an unknown character (see `repair`)."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        ids = self._ids_by_code[np.minimum(codes, len(self._ids_by_code) - 1)]
        if (ids < 0).any():
            raise KeyError(text[int((ids < 0).argmax())])
        return torch.from_numpy(ids)

    @cached_property
    def _ids_by_code(self) -> NDArray[np.int64]:
        """The id of each code point up to the highest known one, and of all above it; -1 where it is unknown."""
        codes = [ord(character) for character in self.characters]
        ids = np.full(max(codes) + 2, -1)
        ids[codes] = np.arange(len(codes))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, any iterable of whole numbers."""
        return "".join(self.characters[int(id)] for id in ids)

    # ---- repair ------------------------------------------------------------------------------------------------

    def repair(self, text: str) -> Repair:
        """`text` with every unknown character replaced by a known equivalent or left out; never raises."""
        plain = normalise(text)
        notes = ["line endings unified"] if "\r" in text or "\u2028" in text or "\u2029" in text else []
        if self.lowercase and plain != (lower := normalise(plain, lowercase=True)):
            plain = lower
            notes.append("capitals→small letters")
        if plain != (typed := typeset(plain, self.typography)):
            plain = typed
            notes.append("quotes and dashes as in print")

        repaired: list[str] = []
        replaced: dict[str, None] = {}  # ordered sets: each substitution is told once, in order of appearance
        left_out: dict[str, None] = {}
        for character in plain:
            if character in self.ids:
                repaired.append(character)
                continue
            stand_in = self._stand_in(character, repaired[-1][-1] if repaired else "\n")
            repaired.append(stand_in) if stand_in else None
            if stand_in:
                replaced[f"{_visible(character)}→{_visible(stand_in)}"] = None
            else:
                left_out[_visible(character)] = None

        notes += _first_few(replaced)
        if left_out:
            notes.append(", ".join(_first_few(left_out)) + " left out")
        whole = "".join(repaired)
        if whole != normalise(whole):  # a mark that is known by itself has come to stand behind a letter
            again = self.repair(whole)
            whole, notes = again.text, [*notes, again.report]
        return Repair(whole, ", ".join(filter(None, notes)))

    def _stand_in(self, character: str, before: str) -> str:
        """The first equivalent of `character` that is known throughout, else ""; `before` is what precedes it."""
        for form in self._equivalents(character, before):
            for cased in (form, form.lower(), form.upper()):
                if cased and all(c in self.ids for c in cased):
                    return cased
        return ""

    @staticmethod
    def _equivalents(character: str, before: str) -> Iterator[str]:
        compatible = unicodedata.normalize("NFKC", character)
        yield character
        yield compatible
        opens = before.isspace() or before in "([{—-"
        if character in '"“”„‟«»':
            yield "“" if opens else "”"
        if character == "'":
            yield "‘" if opens else "’"
        yield from STAND_INS.get(character, ())
        yield _without_accents(compatible)
        if character.isspace():
            yield " "
        # Accents over a letter that itself has a stand-in, and the parts of what NFKC took apart (… ½).
        parts = [STAND_INS.get(c, (c,))[0] for c in _without_accents(compatible)]
        yield "".join(parts)

    # ---- storage -----------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """The char map as JSON text: format and version first, then how text is normalised, then the characters."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "lowercase": self.lowercase,
            "typography": self.typography,
            "characters": list(self.characters),
        }
        return json.dumps(content, ensure_ascii=False, indent=0) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Vocabulary":
        """The vocabulary that `to_json` wrote; ValueError for anything else."""
        content = json.loads(text)
        if not isinstance(content, dict) or (content.get("format"), content.get("version")) != (FORMAT, VERSION):
            raise ValueError(f"not a {FORMAT} of version {VERSION}")
        characters, lowercase = content.get("characters"), content.get("lowercase")
        if not isinstance(characters, list) or not all(isinstance(c, str) for c in characters):
            raise ValueError("its characters are not a list of strings")
        if not isinstance(lowercase, bool):
            raise ValueError("its lowercase is neither true nor false")
        return cls(characters, lowercase, content.get("typography", "as it is"))

    def save(self, path: Path) -> None:
        path.write_text(self.to_json(), encoding="utf-8")


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _visible(text: str) -> str:
    """`text` as a reader can see it: code points by number where they show nothing of their own."""
    names = {" ": "space", "    ": "4 spaces", "\t": "tab", "\n": "new line"}
    if text in names:
        return names[text]
    return "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in text)


def _first_few(items: Iterable[str], most: int = 6) -> list[str]:
    items = list(items)
    return items if len(items) <= most else [*items[:most], f"{len(items) - most} more"]
