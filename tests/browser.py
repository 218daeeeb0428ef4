"""Helper functions for the tests that open the app in a browser."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Route, expect

from benchmarks.running import End, running_app

APP = Path(__file__).parent.parent / "app.py"
SLOW = 60_000  # milliseconds: a long limit, because two busy cores may be slow and no test measures speed
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "laptop": (1366, 768), "desktop": (1920, 1080)}
TEXT = "document.querySelector('[data-id=editor]').textContent"

expect.set_options(timeout=SLOW)


@contextmanager
def serving(
    directory: Path, *command: str | Path, cwd: Path = APP.parent, end: End = Popen.terminate, **variables: str
) -> Iterator[tuple[str, Path]]:
    """Run a Python command that serves the app; yield the app's address and its log file, which is in `directory`."""
    log = directory / "log"
    with log.open("w") as output:
        try:
            with running_app(*command, cwd=cwd, output=output, end=end, **variables) as url:
                yield url, log
        except RuntimeError as error:
            raise AssertionError(log.read_text()) from error


def part(page: Page, name: str) -> Locator:
    """Return the element of the story's page whose data-id is `name`."""
    return page.locator(f"[data-id={name}]")


def visit(browser: Browser, url: str, size: str = "laptop", **options: Any) -> Page:
    """Open the app as a new visitor, without stored data, and return the page."""
    width, height = SIZES[size]
    touch = size in ("phone", "tablet")
    context = browser.new_context(
        viewport={"width": width, "height": height}, is_mobile=touch, has_touch=touch, **options
    )
    page = context.new_page()
    page.set_default_timeout(SLOW)
    page.goto(url)
    expect(part(page, "write")).to_be_visible()
    return page


def text(page: Page) -> str:
    """Return the text of the story."""
    return str(page.evaluate(TEXT))


def type_story(page: Page, words: str) -> None:
    """Replace the whole story by `words`, as if the visitor had typed them."""
    part(page, "editor").click(position={"x": 30, "y": 30})
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(words) if words else page.keyboard.press("Delete")
    assert text(page) == words


def put_caret(page: Page, place: int) -> None:
    """Put the caret before character `place` of the story, which must have no line ends."""
    part(page, "editor").focus()
    page.keyboard.press("Control+Home")
    for _ in range(place):
        page.keyboard.press("ArrowRight")


def put_caret_at_end(page: Page) -> None:
    """Put the caret at the end of the story."""
    part(page, "editor").focus()
    page.keyboard.press("Control+End")


def settle(page: Page, **values: str | float) -> None:
    """Set the settings with these names, as a visitor would."""
    page.locator("details", has=part(page, "random-seed")).evaluate("details => details.open = true")
    for name, value in values.items():
        field = page.locator(f"[data-setting={name}]")
        if name in ("stop", "context"):
            page.locator(f"[data-setting={name}][value={value}]").check()
        elif field.get_attribute("type") == "range":
            field.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input', { bubbles: true })); }", value)
        else:
            field.fill(str(value))


def until(page: Page, true: Callable[[], object]) -> None:
    """Wait until something is true that the test sees, while the page goes on; fail after `SLOW`."""
    deadline = time.monotonic() + SLOW / 1000
    while not true():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def done(page: Page) -> str:
    """Wait until the model has stopped writing, and return the story."""
    expect(part(page, "stop")).to_have_attribute("aria-disabled", "true")
    expect(part(page, "status")).to_have_text(re.compile("Done|Stopped"))
    return text(page)


def write(page: Page) -> str:
    """Let the model continue the story, wait until it has stopped, and return the story."""
    part(page, "write").click()
    return done(page)


def tinted(page: Page, name: str) -> list[str]:
    """Return the passages that the tint (CSS highlight) `name` covers."""
    found: list[str] = page.evaluate(
        """name => new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame)).then(() =>
        [...CSS.highlights.get(name) ?? []].map(tint => {
          const range = document.createRange();
          range.setStart(tint.startContainer, tint.startOffset);
          range.setEnd(tint.endContainer, tint.endOffset);
          return range.toString();
        }))""",
        name,
    )
    return found


def click_letter(page: Page, place: int) -> None:
    """Click character `place` of the story."""
    box = page.evaluate(
        """place => {
          const walker = document.createTreeWalker(document.querySelector("[data-id=editor]"), NodeFilter.SHOW_TEXT);
          for (let node; (node = walker.nextNode()); place -= node.length) if (place < node.length) {
            const range = document.createRange();
            range.setStart(node, place);
            range.setEnd(node, place + 1);
            const { left, top, width, height } = range.getBoundingClientRect();
            return [left + width / 2, top + height / 2];
          }
        }""",
        place,
    )
    page.mouse.click(*box)


@contextmanager
def holding(page: Page, endpoint: str) -> Iterator[list[Route]]:
    """Hold the requests to an endpoint within the block, before the server gets them; yield the list of these."""
    held: list[Route] = []
    address = f"**/call/v2/{endpoint}"
    page.route(address, lambda route: held.append(route))
    yield held
    for route in held:
        route.continue_()
    page.unroute(address)


def fill_store(page: Page, refused: str = "") -> None:
    """Let the browser's store refuse every value that holds the text `refused`, as if it were full."""
    page.evaluate(
        """refused => {
          const setItem = window.emptied = Storage.prototype.setItem;
          Storage.prototype.setItem = function (key, value) {
            if (value.includes(refused)) throw new DOMException("It is full.", "QuotaExceededError");
            setItem.call(this, key, value);
          };
        }""",
        refused,
    )


def empty_store(page: Page) -> None:
    """Let the browser's store take all values again."""
    page.evaluate("() => { Storage.prototype.setItem = window.emptied; }")
