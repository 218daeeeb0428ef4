"""Files to text, and the text to a part that trains and a part that is held out."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charset_normalizer import CharsetMatch, from_bytes

from model.typography import Typography
from model.vocabulary import normalise
from training.cleaning import Cleaned, Form, clean

HELD_OUT_SHARE = 0.1
MOST_HELD_OUT = 250_000  # characters: enough to tell models apart by a hundredth of a bit
SHORTEST = 2_000  # characters: a tenth of it still holds a window of 100 and what follows


class CorpusError(ValueError):
    """A file that cannot be trained on; the message is one sentence that says what would do."""


@dataclass(frozen=True)
class Corpus:
    """Text in two parts: the first `split` characters train, those behind them are held out."""

    name: str
    text: str
    split: int
    form: Form
    lowercase: bool
    typography: Typography
    language: str  # the code of the likeliest, "" where there are no letters
    files: tuple[dict[str, str | int], ...]  # name, bytes and sha256 of each, as read
    held_out_files: tuple[dict[str, str | int], ...]  # the same of whole books that are held out
    notes: tuple[str, ...]  # what was done to the files, a sentence each

    @property
    def training(self) -> str:
        return self.text[: self.split]

    @property
    def held_out(self) -> str:
        return self.text[self.split :]


def read(paths: Sequence[Path], lowercase: bool = False, form: Form = "lines", hold_out: Sequence[Path] = ()) -> Corpus:
    """The text of one or more files, one after the other; CorpusError where a file is no text or all are too short.

    The last tenth is held out, at most `MOST_HELD_OUT` characters; where there are books to `hold_out`, the beginnings
    of these are held out instead, and all the rest trains.
    """
    notes: list[str] = []
    texts, files = _read_files(paths, lowercase, form, notes)
    others, held_out_files = _read_files(hold_out, lowercase, form, notes)
    text = "\n\n".join(cleaned.text for cleaned in texts)
    if len(text) < SHORTEST:
        names = ", ".join(path.name for path in map(Path, paths))
        raise CorpusError(
            f"{names}: {len(text.strip()):,} characters are too few to learn from; "
            f"give at least {SHORTEST:,}, better 100,000"
        )
    if others:
        split = len(text)
        share = MOST_HELD_OUT // len(others)
        text = "\n\n".join([text, *(cleaned.text[:share] for cleaned in others)])
    else:
        split = max(int(len(text) * (1 - HELD_OUT_SHARE)), len(text) - MOST_HELD_OUT)
    stems = [Path(path).stem for path in paths]
    name = " + ".join(stems) if len(stems) < 4 else f"{stems[0]} and {len(stems) - 1} more"
    typography = _commonest([(cleaned.typography, len(cleaned.text)) for cleaned in texts])
    language = _commonest([(cleaned.language, len(cleaned.text)) for cleaned in texts])
    return Corpus(name, text, split, form, lowercase, typography, language, files, held_out_files, tuple(notes))


def read_again(training: dict[str, Any], paths: Sequence[Path], hold_out: Sequence[Path] = ()) -> Corpus:
    """The text of files in the form in which a model with this training record has learned from its own."""
    recipe = training.get("recipe", {})
    return read(paths, recipe.get("lowercase", False), recipe.get("form", "lines"), hold_out)


def _read_files(
    paths: Sequence[Path], lowercase: bool, form: Form, notes: list[str]
) -> tuple[list[Cleaned], tuple[dict[str, str | int], ...]]:
    """Each file cleaned, and its name, size and digest."""
    texts: list[Cleaned] = []
    files: list[dict[str, str | int]] = []
    for path in map(Path, paths):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CorpusError(f"{path} cannot be read: {error.strerror}; give the path of a text file") from error
        cleaned = clean(normalise(_decode(data, path, notes), lowercase), form)
        notes += [f"{path.name}: {each}" for each in cleaned.changes]
        texts.append(cleaned)
        files.append({"name": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    return texts, tuple(files)


def _commonest(values: Sequence[tuple[Any, int]]) -> Any:
    """The value with the most characters behind it."""
    counts: Counter[Any] = Counter()
    for value, characters in values:
        counts[value] += characters
    return counts.most_common(1)[0][0]


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
