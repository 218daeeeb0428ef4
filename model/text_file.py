"""Text files: decoded as UTF-8, even if a few bytes are wrong, else by the likeliest encoding."""

import unicodedata
from pathlib import Path
from typing import NamedTuple

from charset_normalizer import CharsetMatch, from_bytes

UTF_8 = "UTF-8"
DAMAGED = "\ufffd"  # stands for bytes that are not UTF-8
OTHERS = 4  # other letters beyond ASCII for each damaged one, at least, in a text that is UTF-8
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
        text, encoding = _damaged(data) or _guessed(path, data)
    if not text.strip():
        raise TextFileError(f"{path} is empty: give a file with text in it")
    controls = sum(unicodedata.category(c) == "Cc" and not c.isspace() for c in text[:100_000])
    if "\0" in text or controls > len(text[:100_000]) / 100:
        raise _binary(path)
    return TextFile(data, text, encoding)


def _damaged(data: bytes) -> tuple[str, str] | None:
    """The text of a UTF-8 file with a few wrong bytes, such as half a letter at its end; None if most are wrong."""
    text = data.decode("utf-8-sig", errors="replace").strip(DAMAGED)
    damaged = text.count(DAMAGED)
    others = sum(not c.isascii() for c in text) - damaged
    return (text, UTF_8) if others > OTHERS * damaged else None


def _guessed(path: Path, data: bytes) -> tuple[str, str]:
    """The text of a file by the likeliest encoding, and that encoding."""
    guesses = from_bytes(data)
    best = guesses.best()
    # Western books are far more often in cp1252 than in the Eastern encodings that suit them equally well.
    guess = next((g for g in guesses if best and g.chaos <= best.chaos and _is_western(g)), best)
    if guess is None:
        raise _binary(path)
    return str(guess).removeprefix("\ufeff"), guess.encoding


def _is_western(guess: CharsetMatch) -> bool:
    return "cp1252" in (guess.encoding, *guess.could_be_from_charset)


def _binary(path: Path) -> TextFileError:
    return TextFileError(f"{path} is not a text file: give plain text, such as a book's .txt edition")
