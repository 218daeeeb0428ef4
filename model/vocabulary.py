"""The vocabulary: it converts text to ids and back, and repairs text that has unknown characters."""

import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.typography import Typography, typeset

FORMAT = "lstm-text-generation vocabulary"
VERSION = 1

# Characters at the end of a text that can combine with the next one: a letter has at most 30 accents (Unicode Standard
# Annex 15, section 13).
COMBINED = 32

# Replacements, as on a typewriter, for characters that Unicode does not decompose; the best one comes first.
REPLACEMENTS = {
    **dict.fromkeys("“”„‟«»〝〞", ('"', "''", "'")),
    **dict.fromkeys("‘’‚‛‹›`´′", ("'", "’", '"')),
    '"': ("''",),
    **dict.fromkeys("—―⸺", ("--", "—", "–", "-")),
    **dict.fromkeys("–‒−‐‑", ("-", "–", "—")),
    "…": ("...",),
    "\t": ("    ", " "),
    "•": ("*", "-"),
    "⁄": ("/",),
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
    """A text that the vocabulary can encode, and a report of the changes in plain words ("" if there are none)."""

    text: str
    report: str


class Vocabulary:
    """The characters that a model knows, in order; the id of a character is its index.

    >>> vocabulary = Vocabulary.of("Abba", lowercase=True)
    >>> vocabulary.encode("abba").tolist(), vocabulary.decode([0, 1])
    ([0, 1, 1, 0], 'ab')
    >>> vocabulary.repair("Âb!")
    Repair(text='ab', report='capitals→small letters, â→a, ! left out')
    """

    def __init__(self, characters: Iterable[str], lowercase: bool = False, typography: Typography = "as it is") -> None:
        """ValueError if there are no characters, or one is repeated or is not a single code point."""
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
        """The id to read in place of an empty prompt: that of a new line if it is known, else of a space, else 0."""
        return self.ids.get("\n", self.ids.get(" ", 0))

    def encode(self, text: str) -> Tensor:
        """The ids of `text`, int64 (T,); KeyError for an unknown character (see `repair`)."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        ids = self._ids_by_code[np.minimum(codes, len(self._ids_by_code) - 1)]
        if (ids < 0).any():
            raise KeyError(text[int((ids < 0).argmax())])
        return torch.from_numpy(ids)

    @cached_property
    def _ids_by_code(self) -> NDArray[np.int64]:
        """The id of each code point, -1 if it is unknown; the last element stands for all higher code points."""
        codes = [ord(character) for character in self.characters]
        ids = np.full(max(codes) + 2, -1)
        ids[codes] = np.arange(len(codes))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, which can be a tensor (T,)."""
        return "".join(self.characters[int(id)] for id in ids)

    # ---- repair ------------------------------------------------------------------------------------------------

    def repair(self, text: str) -> Repair:
        """`text` with every unknown character replaced by a known equivalent or left out; never raises.

        A repaired text needs no repair: it can be encoded, and it is in Unicode's composed form.
        """
        plain = normalise(text)
        notes = ["line endings unified"] if "\r" in text or "\u2028" in text or "\u2029" in text else []
        if self.lowercase and plain != (lower := normalise(plain, lowercase=True)):
            plain = lower
            notes.append("capitals→small letters")
        if plain != (typed := typeset(plain, self.typography)):
            plain = typed
            notes.append("punctuation as in print")

        replacement = cache(self._replacement)  # a text has few different characters
        repaired: list[str] = []
        replaced: dict[str, None] = {}  # ordered sets: each change is reported once, in order of appearance
        left_out: dict[str, None] = {}
        unchanged = True  # `repaired` ends as `plain` does here, so a known character can follow unchecked
        for character in plain:
            if unchanged and character in self.ids:
                repaired.append(character)
                continue
            new = character if character in self.ids else replacement(character, (repaired or ["\n"])[-1][-1])
            if new:  # leave out a known accent that would combine with the letter before it
                end = "".join(repaired[-COMBINED:]) + new
                new = new if end == unicodedata.normalize("NFC", end) else ""
            if not new:
                left_out[_visible(character)] = None
            elif new != character:
                replaced[f"{_visible(character)}→{_visible(new)}"] = None
            repaired += [new] if new else []
            unchanged = new == character and not unicodedata.combining(character)

        notes += _first_few(replaced)
        if left_out:
            notes.append(", ".join(_first_few(left_out)) + " left out")
        return Repair("".join(repaired), ", ".join(notes))

    def _replacement(self, character: str, before: str) -> str:
        """Return the first equivalent of `character` in known characters, else ""; `before` is the character before."""
        for form in self._equivalents(character, before):
            capitals = form.upper() if len(form.upper()) == len(form) else ""  # ß has SS
            for cased in (form, form.lower(), capitals):
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
        yield from REPLACEMENTS.get(character, ())
        yield _without_accents(compatible)
        if character.isspace():
            yield " "
        # For an accented letter whose base letter has a replacement (ǽ), and for characters that NFKC splits (″).
        parts = [REPLACEMENTS.get(c, (c,))[0] for c in _without_accents(compatible)]
        yield "".join(parts)

    # ---- storage -----------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """The vocabulary as JSON: format and version, then how text is normalised, then the characters by id."""
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
    """Return `text` in a visible form: spaces by name, and code points by number if they are not printable."""
    names = {" ": "space", "    ": "4 spaces", "\t": "tab", "\n": "new line", "\u202f": "narrow space"}
    if text in names:
        return names[text]
    return "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in text)


def _first_few(items: Iterable[str], most: int = 6) -> list[str]:
    items = list(items)
    return items if len(items) <= most else [*items[:most], f"{len(items) - most} more"]
