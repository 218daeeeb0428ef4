"""What the tests need that look at the app in a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from benchmarks.running import running_app

APP = Path(__file__).parent.parent / "app.py"
SLOW = 60_000  # milliseconds: two busy cores may be slow, and no test is about speed
SIZES = {"laptop": (1366, 800), "phone": (390, 844)}
TEXT = "document.querySelector('#sheet textarea').value"
TINTED = "[...document.querySelectorAll('#tint mark')].map(mark => mark.textContent)"

expect.set_options(timeout=SLOW)


@contextmanager
def serving(
    directory: Path, *command: str | Path, cwd: Path = APP.parent, **variables: str
) -> Iterator[tuple[str, Path]]:
    """A Python command that serves the app: its address and its log, which is kept in `directory`."""
    log = directory / "log"
    with log.open("w") as output:
        try:
            with running_app(*command, cwd=cwd, output=output, **variables) as url:
                yield url, log
        except RuntimeError as error:
            raise AssertionError(log.read_text()) from error


def open_settings(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("Seed")).to_be_visible()


def sheet(page: Page) -> Locator:
    return page.get_by_label("Sheet")


def finished(page: Page, length: int) -> str:
    """The sheet, once it is of that length and its last letters are tinted."""
    page.wait_for_function(f"[...{TEXT}].length == {length}")  # counted as Python does
    expect(page.locator("#write")).to_be_enabled()
    text = page.evaluate(TEXT)
    page.wait_for_function(f"{TEXT}.endsWith({TINTED}.at(-1))")
    assert isinstance(text, str)
    return text
