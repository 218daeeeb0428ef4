"""Read files as one text, and split it into a training part and a held-out part.

As a command, `python -m training.corpus BOOK [BOOK ...]`, it reports on that text: see `training.report_text`.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.text_file import DAMAGED, UTF_8, TextFile, TextFileError, read_text_file
from model.typography import Typography
from model.vocabulary import normalise
from training import gutenberg
from training.changes import counted
from training.cleaning import Cleaned, Form, clean
from training.languages import guessed_language

HELD_OUT_SHARE = 0.1
MOST_HELD_OUT = 250_000  # characters: enough to tell models apart by a hundredth of a bit
BETWEEN = "\n\n"  # what stands between two books
SAVE_AS_UTF_8 = "save it as UTF-8 if letters look wrong"
SHORTEST_GUESS = 1_000  # characters: the language of a shorter file is guessed from all files together
SHORTEST = 2_000  # characters: the tenth that is held out is then longer than a window of 100


@dataclass(frozen=True)
class Book:
    """A file, its text before and after cleaning, and the place of that text in the corpus."""

    name: str
    encoding: str
    record: dict[str, str | int]  # name, bytes and sha256, as read
    original: str  # before cleaning, with the lines of the file
    cleaned: Cleaned
    start: int = 0  # where it begins in the corpus
    length: int = 0  # how many of its characters are in the corpus

    @property
    def end(self) -> int:
        return self.start + self.length

    @property
    def text(self) -> str:
        """The part of the corpus that comes from this file."""
        return self.cleaned.text[: self.length]

    @property
    def notes(self) -> list[str]:
        """An unusual encoding, damaged characters, and the changes to the text, a sentence each."""
        unusual = [] if self.encoding == UTF_8 else [f"not {UTF_8}, read as {self.encoding}; {SAVE_AS_UTF_8}"]
        if damaged := self.original.count(DAMAGED):
            unusual.append(f"{counted(damaged, 'damaged character')}, each read as {DAMAGED}")
        return [f"{self.name}: {note}" for note in (*unusual, *self.cleaned.changes)]


@dataclass(frozen=True)
class Corpus:
    """A text in two parts: the first `split` characters are for training, the others are held out."""

    name: str
    text: str
    split: int
    form: Form
    lowercase: bool
    typography: Typography
    language: str  # ISO 639-1 code of the likeliest, "" where there are no letters
    files: tuple[dict[str, str | int], ...]  # name, bytes and sha256 of each, as read
    held_out_files: tuple[dict[str, str | int], ...]  # the same of whole books that are held out
    notes: tuple[str, ...]  # the notes of all books
    books: tuple[Book, ...] = ()  # those that train, then those that are held out

    @property
    def training(self) -> str:
        return self.text[: self.split]

    @property
    def held_out(self) -> str:
        return self.text[self.split :]


def read(paths: Sequence[Path], lowercase: bool = False, form: Form = "lines", hold_out: Sequence[Path] = ()) -> Corpus:
    """Read one or more files as one text; TextFileError if a file is no text, or if all together are too short.

    A path can also be gutenberg:NUMBER, or the address of a book of Project Gutenberg.
    The last tenth is held out, at most `MOST_HELD_OUT` characters. If there are books to `hold_out`, their beginnings
    are held out instead, at most as many characters in all, and the whole text of `paths` is for training.
    """
    paths, hold_out = ([gutenberg.local(Path(path)) for path in each] for each in (paths, hold_out))
    files = [(path.name, read_text_file(path)) for path in (*paths, *hold_out)]
    language = _language_of_short([file.text for _, file in files])
    own = [_book(name, file, lowercase, form, language) for name, file in files[: len(paths)]]
    most = MOST_HELD_OUT // max(1, len(hold_out))
    others = [_book(name, file, lowercase, form, language, most) for name, file in files[len(paths) :]]
    length = sum(book.length for book in own) + len(BETWEEN) * (len(own) - 1)
    if length < SHORTEST:
        raise TextFileError(
            f"{', '.join(book.name for book in own)}: {length:,} characters are too few to learn from; "
            f"give at least {SHORTEST:,}, better 100,000"
        )
    books: list[Book] = []
    for book in [*own, *others]:
        books.append(replace(book, start=books[-1].end + len(BETWEEN) if books else 0))
    stems = [path.stem for path in paths]
    return Corpus(
        name=" + ".join(stems) if len(stems) < 4 else f"{stems[0]} and {len(stems) - 1} more",
        text=BETWEEN.join(book.text for book in books),
        split=length if others else max(int(length * (1 - HELD_OUT_SHARE)), length - MOST_HELD_OUT),
        form=form,
        lowercase=lowercase,
        typography=_commonest([(book.cleaned.typography, book.length) for book in own]),
        language=_commonest([(book.cleaned.language, book.length) for book in own]),
        files=tuple(book.record for book in own),
        held_out_files=tuple(book.record for book in others),
        notes=tuple(note for book in books for note in book.notes),
        books=tuple(books),
    )


def read_again(training: dict[str, Any], paths: Sequence[Path], hold_out: Sequence[Path] = ()) -> Corpus:
    """Read files in the form in which the model with this training record read its own text."""
    recipe = training.get("recipe", {})
    return read(paths, recipe.get("lowercase", False), recipe.get("form", "lines"), hold_out)


def _language_of_short(texts: Sequence[str]) -> str:
    """The language of those texts that are too short for a guess: that of all together; "" if none is short."""
    return guessed_language(BETWEEN.join(texts)) if min(map(len, texts), default=0) < SHORTEST_GUESS else ""


def _book(name: str, file: TextFile, lowercase: bool, form: Form, language: str, most: int | None = None) -> Book:
    """Clean a file, in `language` if it is short; at most `most` of its characters will be in the corpus."""
    original = normalise(file.text, lowercase)
    cleaned = clean(original, form, language if len(file.text) < SHORTEST_GUESS else "")
    digest = hashlib.sha256(file.data).hexdigest()
    record: dict[str, str | int] = {"name": name, "bytes": len(file.data), "sha256": digest}
    return Book(name, file.encoding, record, original, cleaned, length=len(cleaned.text[:most]))


def _commonest(values: Sequence[tuple[Any, int]]) -> Any:
    """The value with the largest sum of characters."""
    counts: Counter[Any] = Counter()
    for value, characters in values:
        counts[value] += characters
    return counts.most_common(1)[0][0]


if __name__ == "__main__":
    from training.report_text import main

    sys.exit(main(sys.argv[1:]))
