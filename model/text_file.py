"""Text files in any encoding: decoded as UTF-8 if they are valid UTF-8, else by the likeliest encoding."""

import unicodedata
from pathlib import Path
from typing import NamedTuple

from charset_normalizer import CharsetMatch, from_bytes

UTF_8 = "UTF-8"
LARGEST = 100_000_000  # bytes of a file: more than any book has


class TextFileError(ValueError):
    """A file that cannot be read as text; the message is one sentence that says what to give instead."""


class TextFile(NamedTuple):
    """The stored bytes of a file, its text, and the encoding from which the text was decoded."""

    data: bytes
    text: str
    encoding: str


def check_size(name: str | Path, size: int, most: float = LARGEST) -> None:
    """Raise TextFileError if a text of `size` bytes is larger than `most`."""
    if size > most:
        raise TextFileError(
            f"{name} has {_megabytes(size)} MB, but at most {_megabytes(most)} MB can be read: give a part of it"
        )


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f}" if size >= 10e6 else f"{size / 1e6:.3g}"


def read_text_file(path: Path) -> TextFile:
    """Return the file at `path`, with no byte-order mark in its text; TextFileError if it cannot be read as text."""
    try:
        check_size(path, path.stat().st_size)
        data = path.read_bytes()
    except OSError as error:
        raise TextFileError(f"{path} cannot be read: {error.strerror}; give the path of a text file") from error
    encoding = UTF_8
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        guesses = from_bytes(data)
        best = guesses.best()
        # Western books are far more often in cp1252 than in the Eastern encodings that suit them equally well.
        guess = next((g for g in guesses if best and g.chaos <= best.chaos and _is_western(g)), best)
        if guess is None:
            raise _binary(path) from None
        text, encoding = str(guess).removeprefix("\ufeff"), guess.encoding
    if not text.strip():
        raise TextFileError(f"{path} is empty: give a file with text in it")
    controls = sum(unicodedata.category(c) == "Cc" and not c.isspace() for c in text[:100_000])
    if "\0" in text or controls > len(text[:100_000]) / 100:
        raise _binary(path)
    return TextFile(data, text, encoding)


def _is_western(guess: CharsetMatch) -> bool:
    return "cp1252" in (guess.encoding, *guess.could_be_from_charset)


def _binary(path: Path) -> TextFileError:
    return TextFileError(f"{path} is not a text file: give plain text, such as a book's .txt edition")
