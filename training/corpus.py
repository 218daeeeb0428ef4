"""Files to clean text, and the text to a part that trains and a part that is held out."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import CharsetMatch, from_bytes

from model.vocabulary import normalise

HELD_OUT_SHARE = 0.1
MOST_HELD_OUT = 250_000  # characters: enough to tell models apart by a hundredth of a bit
SHORTEST = 2_000  # characters: a tenth of it still holds a window of 100 and what follows

# The markers stand alone in their line, indented or not; the oldest files have only the "small print" one.
GUTENBERG_START = re.compile(
    r"^[ \t]*\*\*\*[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK"
    r"(?:(?:[^*\n]|\n(?!\n)){0,300}\*\*\*[ \t]*|[^*\n]*)$"  # a long title runs over several lines
    r"|^[ \t]*\*END[ *]*THE SMALL PRINT!.*$",
    re.IGNORECASE | re.MULTILINE,
)
GUTENBERG_END = re.compile(
    r"^[ \t]*\*\*\*[ \t]*END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK"
    r"|^[ \t]*END OF (?:THE )?PROJECT GUTENBERG(?:'S|’S)? .*$",
    re.IGNORECASE | re.MULTILINE,
)


class CorpusError(ValueError):
    """A file that cannot be trained on; the message is one sentence that says what would do."""


@dataclass(frozen=True)
class Corpus:
    """Clean text in two parts that follow each other: the first trains, the last tenth, or less, is held out."""

    name: str
    text: str
    lowercase: bool
    files: tuple[dict[str, str | int], ...]  # name, bytes and sha256 of each, as read
    notes: tuple[str, ...]  # what was done to the files, a sentence each

    @property
    def split(self) -> int:
        """How many characters train; the rest is held out."""
        return max(int(len(self.text) * (1 - HELD_OUT_SHARE)), len(self.text) - MOST_HELD_OUT)

    @property
    def training(self) -> str:
        return self.text[: self.split]

    @property
    def held_out(self) -> str:
        return self.text[self.split :]


def read(paths: Sequence[Path], lowercase: bool = False) -> Corpus:
    """The text of one or more files, one after the other; CorpusError where a file is no text or all are too short."""
    notes: list[str] = []
    texts: list[str] = []
    files: list[dict[str, str | int]] = []
    for path in map(Path, paths):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CorpusError(f"{path} cannot be read: {error.strerror}; give the path of a text file") from error
        text = normalise(_decode(data, path, notes), lowercase)
        texts.append(_without_licence(text, path, notes))
        files.append({"name": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    text = "\n\n".join(texts)
    if len(text) < SHORTEST:
        names = ", ".join(path.name for path in map(Path, paths))
        raise CorpusError(
            f"{names}: {len(text.strip()):,} characters are too few to learn from; "
            f"give at least {SHORTEST:,}, better 100,000"
        )
    stems = [Path(path).stem for path in paths]
    name = " + ".join(stems) if len(stems) < 4 else f"{stems[0]} and {len(stems) - 1} more"
    return Corpus(name, text, lowercase, tuple(files), tuple(notes))


def _decode(data: bytes, path: Path, notes: list[str]) -> str:
    """The text of `data`: UTF-8 where it is that, else the likeliest encoding, with a note that says which."""
    if not data.strip():
        raise CorpusError(f"{path} is empty: give a text file of at least {SHORTEST:,} characters")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        guesses = from_bytes(data)
        best = guesses.best()
        # Western books are far more often in cp1252 than in the Eastern encodings that suit them equally well.
        guess = next((g for g in guesses if best and g.chaos <= best.chaos and _is_western(g)), best)
        if guess is None:
            raise _binary(path) from None
        text = str(guess).removeprefix("\ufeff")
        notes.append(f"{path.name}: not UTF-8, read as {guess.encoding}; save it as UTF-8 if letters look wrong")
    controls = sum(unicodedata.category(c) == "Cc" and not c.isspace() for c in text[:100_000])
    if "\0" in text or controls > len(text[:100_000]) / 100:
        raise _binary(path)
    return text


def _is_western(guess: CharsetMatch) -> bool:
    return "cp1252" in (guess.encoding, *guess.could_be_from_charset)


def _binary(path: Path) -> CorpusError:
    return CorpusError(f"{path} is not a text file: give plain text, such as a book's .txt edition")


def _without_licence(text: str, path: Path, notes: list[str]) -> str:
    """`text` between Project Gutenberg's header and licence, where it has them."""
    start = next((match.end() for match in GUTENBERG_START.finditer(text[:50_000])), 0)
    end = next((match.start() for match in GUTENBERG_END.finditer(text, start)), len(text))
    cut = [part for part, found in (("header", start > 0), ("licence", end < len(text))) if found]
    if not cut:
        return text
    size = len(text) - end + start
    notes.append(f"{path.name}: Project Gutenberg's {' and '.join(cut)} cut off ({size:,} characters)")
    return text[start:end].lstrip("\n").rstrip()
