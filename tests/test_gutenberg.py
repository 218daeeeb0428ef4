"""Books of Project Gutenberg: the real client against a stand-in for a mirror on the loopback address."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from tests.conftest import book
from training import gutenberg
from training.corpus import read
from training.gutenberg import GutenbergError, fetch, local, number
from training.train import main, parse

TALE = (
    "The Project Gutenberg eBook of The Lantern\n\nTitle: The Lantern: A Tale\n\n"
    "*** START OF THE PROJECT GUTENBERG EBOOK THE LANTERN ***\n\n"
    + book(3_000)
    + "\n\n*** END OF THE PROJECT GUTENBERG EBOOK THE LANTERN ***\n"
)


class Mirror(ThreadingHTTPServer):
    """A stand-in for a mirror: it answers with its files, or with the status or content type that a test sets."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {"/cache/epub/7/pg7.txt": TALE.encode()}
        self.status = 200
        self.kind = "text/plain; charset=utf-8"
        self.delay = 0.0  # seconds for each request
        self.requests: list[str] = []
        self.agents: set[str] = set()
        self.now = self.most = 0  # requests at the same time, now and at most


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        mirror = self.server
        mirror.now += 1
        mirror.most = max(mirror.most, mirror.now)
        mirror.requests.append(self.path)
        mirror.agents.add(self.headers["User-Agent"])
        time.sleep(mirror.delay)
        content = mirror.files.get(self.path)
        mirror.now -= 1
        self.send_response(mirror.status if mirror.status != 200 else 404 if content is None else 200)
        self.send_header("Content-Type", mirror.kind)
        self.end_headers()
        with suppress(ConnectionError):  # the client has given up
            self.wfile.write(content or b"")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror with one book, whose number is 7, and an empty cache."""
    mirror = Mirror()
    threading.Thread(target=mirror.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("GUTENBERG_MIRROR", f"http://127.0.0.1:{mirror.server_address[1]}/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(gutenberg, "PAUSE", 0)
    yield mirror
    mirror.shutdown()
    mirror.server_close()


def refused(book: int, said: str) -> None:
    with pytest.raises(GutenbergError, match=rf"\A[^\n]*{said}[^\n]*\Z"):
        fetch(book)


@pytest.mark.parametrize(
    "given",
    [
        "gutenberg:7",
        "Gutenberg:7",
        "https://www.gutenberg.org/ebooks/7",
        " https://www.gutenberg.org/ebooks/7?msg=welcome_stranger ",
        "http://gutenberg.org/ebooks/7.txt.utf-8",
        "www.gutenberg.org/files/7/7-h/7-h.htm",
        "https://www.gutenberg.org/cache/epub/7/pg7-images.html#chap01",
        "https:/www.gutenberg.org/ebooks/7",  # as a path
    ],
)
def test_a_book_is_named_by_its_number_or_by_an_address(given: str) -> None:
    assert number(given) == 7


@pytest.mark.parametrize(
    "given",
    [
        "",
        "7",
        "gutenberg:",
        "gutenberg:seven",
        "gutenberg:7/../8",
        "https://www.gutenberg.org/",
        "https://example.com/gutenberg.org/ebooks/7",
        "https://www.gutenberg.org.example.com/ebooks/7",
        "alice.txt",
    ],
)
def test_a_text_that_names_no_book_gives_none(given: str) -> None:
    assert number(given) is None


def test_a_book_is_fetched_from_the_mirror_once_and_has_its_title(mirror: Mirror) -> None:
    file = fetch(7)
    assert file.name == "The Lantern A Tale (gutenberg 7).txt"
    assert file.read_text(encoding="utf-8") == TALE
    assert fetch(7) == local(Path("gutenberg:7")) == local(Path("https://www.gutenberg.org/ebooks/7")) == file
    assert mirror.requests == ["/cache/epub/7/pg7.txt"]
    assert all("LSTM-Text-Generation" in agent for agent in mirror.agents)


def test_a_title_cannot_lead_out_of_the_cache(mirror: Mirror) -> None:
    for i, title in enumerate(("../../a\\b/c:d", "", "." * 300, "“Wörter” & more\0")):
        mirror.files[f"/cache/epub/{i}/pg{i}.txt"] = f"Title: {title}\n\ntext".encode()
    files = [fetch(i) for i in range(4)]
    assert {file.parent for file in files} == {files[0].parent}
    assert [file.name.split(" (")[0] for file in files] == ["a b c d", "Book", "", "Wörter more"]


def test_a_file_has_precedence_over_a_book_of_that_name(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gutenberg:7").write_text("mine")
    assert local(Path("gutenberg:7")) == Path("gutenberg:7")
    assert local(Path("other.txt")) == Path("other.txt")
    assert not mirror.requests


@pytest.mark.usefixtures("mirror")
def test_the_commands_read_a_book_by_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    corpus = read([Path("gutenberg:7")], form="book")
    assert corpus.name == "The Lantern A Tale (gutenberg 7)"
    assert "Project Gutenberg" not in corpus.text
    assert corpus.files[0]["bytes"] == len(TALE)
    assert parse(["https://www.gutenberg.org/ebooks/7", "--out", "x"]).books == [
        Path("https://www.gutenberg.org/ebooks/7")
    ]
    assert main(["gutenberg:8", "--out", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("training.train: Project Gutenberg has no book with the number 8: give")


def test_a_book_without_plain_text_is_distinguished_from_one_that_does_not_exist(mirror: Mirror) -> None:
    refused(8, "has no book with the number 8: give the number at the end of its address")
    mirror.files["/cache/epub/8/pg8.rdf"] = b"<rdf/>"
    refused(8, "book 8 of Project Gutenberg has no plain text: choose another book")
    assert mirror.requests == ["/cache/epub/8/pg8.txt", "/cache/epub/8/pg8.rdf"] * 2


@pytest.mark.parametrize("status", [403, 429, 503])
def test_the_status_of_a_failing_mirror_is_reported(mirror: Mirror, status: int) -> None:
    mirror.status = status
    refused(7, rf"the mirror 127\.0\.0\.1 answers with status {status}: try again later")
    assert len(mirror.requests) == 1


@pytest.mark.usefixtures("mirror")
def test_a_cached_book_is_used_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    file = fetch(7)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        monkeypatch.setenv("GUTENBERG_MIRROR", f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert fetch(7) == file
    refused(8, "cannot be reached: check the network, or give the book as a text file")
    monkeypatch.setenv("GUTENBERG_MIRROR", "no address")
    refused(8, "the mirror no address, from which books of Project Gutenberg come, cannot be reached")


def test_a_mirror_that_is_silent_or_slow_is_given_up(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gutenberg, "SECONDS", 0)
    refused(7, "cannot be reached")
    monkeypatch.setattr(gutenberg, "SILENCE", 0.05)
    mirror.delay = 0.5
    refused(7, "cannot be reached")


def test_too_large_a_book_and_a_web_page_are_refused_and_not_kept(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gutenberg, "LARGEST", 1_000_000)
    mirror.files["/cache/epub/7/pg7.txt"] = bytes(1_000_001)
    refused(7, r"pg7\.txt has more than 1 MB: choose a shorter book")
    mirror.kind = "text/html"
    refused(7, "sends a web page and no book: check the network")
    assert not list(tmp_path.rglob("*.txt"))


def test_there_is_one_request_at_a_time_and_a_pause_between_two(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(gutenberg, "PAUSE", 500)
    monkeypatch.setattr("time.sleep", pauses.append)
    for i in range(3):
        mirror.files[f"/cache/epub/{i}/pg{i}.txt"] = TALE.encode()
    threads = [threading.Thread(target=fetch, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mirror.most == 1
    waited = [pause for pause in pauses if pause > 400]
    assert len(waited) == 2


@pytest.mark.usefixtures("mirror")
def test_who_waits_too_long_for_other_books_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gutenberg, "WAITING", 0)
    cache = fetch(7).parent
    with FileLock(cache / ".lock"):
        refused(7, "other books are being fetched, one at a time: try again in a minute")


def test_the_cache_keeps_only_the_last_books(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gutenberg, "KEPT", 2)
    for i in range(4):
        mirror.files[f"/cache/epub/{i}/pg{i}.txt"] = TALE.encode()
        file = fetch(i)
        assert file.exists()
        os.utime(file, (i, i))  # some systems give files that are made within milliseconds one time
    assert sorted(path.name[-14:-5] for path in file.parent.glob("*.txt")) == ["tenberg 2", "tenberg 3"]
