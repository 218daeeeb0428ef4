"""Books of Project Gutenberg by their number or address, fetched once from a mirror that is meant for programs.

The site gutenberg.org is "intended for human users only" (gutenberg.org/policy/robot_access.html) and names mirrors for
programs (gutenberg.org/MIRRORS.ALL). So books come from such a mirror, one request at a time, and stay in the user's
cache. The two seconds between requests are those of the site's own example.
"""

import os
import re
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from model.text_file import TextFileError

MIRROR = "https://gutenberg.pglaf.org"  # the variable GUTENBERG_MIRROR names another one, with generated files
AGENT = "LSTM-Text-Generation (trains a small model on one book that a person has chosen)"
PAUSE = 2.0  # seconds between two requests
SECONDS = 60.0  # to fetch a book, at most
SILENCE = 20.0  # seconds without an answer
WAITING = 60.0  # seconds to wait while other books are fetched
LARGEST = 20_000_000  # bytes of a book: four times the longest novels
KEPT = 200  # books in the cache

# gutenberg:NUMBER, or the address of the book's page or of one of its files.
NAME = re.compile(
    r"gutenberg:(\d{1,6})|(?:https?:/+)?(?:www\.)?gutenberg\.org/(?:ebooks|files|cache/epub)/(\d{1,6})(?:\D.*)?", re.I
)


class GutenbergError(TextFileError):
    """A book that cannot be fetched; the message is one sentence that says what to do."""


def number(given: str) -> int | None:
    """The number of the book that `given` names as gutenberg:NUMBER or by its address; None if it names none.

    >>> number("gutenberg:11"), number("https://www.gutenberg.org/ebooks/11"), number("alice.txt")
    (11, 11, None)
    """
    match = NAME.fullmatch(given.strip())
    return int(match[1] or match[2]) if match else None


def local(path: Path) -> Path:
    """`path`, or the fetched text file of the book that it names; GutenbergError if the book cannot be fetched."""
    book = None if path.exists() else number(path.as_posix())
    return path if book is None else fetch(book)


def fetch(book: int) -> Path:
    """The text file of the book with that number, from the cache or else the mirror; its name begins with the title.

    GutenbergError if there is no such book, if it has no plain text or a text that is too long, if the mirror cannot be
    reached, or if other books are being fetched for a long time.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lstm-text-generation" / "gutenberg"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(cache / ".lock", timeout=WAITING):  # shared by all programs of this user
            return _cached(book, cache)
    except Timeout:
        raise GutenbergError("other books are being fetched, one at a time: try again in a minute") from None


def _cached(book: int, cache: Path) -> Path:
    """The file of a book in `cache`; it is fetched if it is not there."""
    for cached in cache.glob(f"*(gutenberg {book}).txt"):
        return cached
    text = _download(book, cache / ".last-request")
    title = re.search(r"^Title: *(.*\S)", text[:5_000].decode("utf-8", "replace"), re.MULTILINE)
    name = re.sub(r"[^\w,.;!'’-]+", " ", title[1] if title else "Book")[:80].strip(" .")
    file = cache / f"{name} (gutenberg {book}).txt"
    fresh = cache / ".new"
    fresh.write_bytes(text)
    fresh.replace(file)
    for old in sorted(cache.glob("*.txt"), key=lambda each: each.stat().st_mtime)[:-KEPT]:
        old.unlink()
    return file


def _download(book: int, last_request: Path) -> bytes:
    mirror = os.environ.get("GUTENBERG_MIRROR") or MIRROR
    place = f"{mirror.rstrip('/')}/cache/epub/{book}/pg{book}"
    host = urlsplit(mirror).hostname or mirror
    try:
        text = _get(f"{place}.txt", last_request)
        if text is None and _get(f"{place}.rdf", last_request) is None:  # each book has a description
            raise GutenbergError(
                f"Project Gutenberg has no book with the number {book}: give the number at the end of its address"
            )
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, GutenbergError):
            raise
        if isinstance(error, urllib.error.HTTPError):
            raise GutenbergError(
                f"the mirror {host} answers with status {error.code}: try again later, or give the book as a text file"
            ) from error
        raise GutenbergError(
            f"the mirror {host}, from which books of Project Gutenberg come, cannot be reached: check the network, "
            "or give the book as a text file"
        ) from error
    if text is None:
        raise GutenbergError(f"book {book} of Project Gutenberg has no plain text: choose another book")
    return text


def _get(address: str, last_request: Path) -> bytes | None:
    """The content at an address, None if there is none; the file time of `last_request` is that of the last request."""
    since = time.time() - (last_request.stat().st_mtime if last_request.exists() else 0)
    if 0 <= since < PAUSE:
        time.sleep(PAUSE - since)
    last_request.touch()
    request = urllib.request.Request(address, headers={"User-Agent": AGENT})
    end = time.monotonic() + SECONDS
    content = b""
    try:
        with urllib.request.urlopen(request, timeout=SILENCE) as response:
            if response.headers.get_content_type() == "text/html":  # of a network that asks for a login
                host = urlsplit(address).hostname
                raise GutenbergError(f"the mirror {host} sends a web page and no book: check the network")
            while piece := response.read1(1 << 16):
                content += piece
                if len(content) > LARGEST:
                    raise GutenbergError(f"{address} has more than {LARGEST / 1e6:.0f} MB: choose a shorter book")
                if time.monotonic() > end:
                    raise TimeoutError
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            return None
        raise
    return content
