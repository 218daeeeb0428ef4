"""Take the pictures of the README, from the page as it is now: page.png, lesson.png, train.png and offline.png.

    python -m benchmarks.pictures [MODEL]

MODEL is the name of the shipped model that writes. Needs Chromium and Playwright. The last line is JSON: the files.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.running import running_app
from model.checkpoint import load
from model.offline.page import offline_page

ASSETS = Path(__file__).parent.parent / "assets"
BEGINNING = "Alice looked at the little door for a long time, and then"


def training(page: Page, picture: Path) -> None:
    """Take the picture of a training on the sample text of the page."""
    page.get_by_role("tab", name="Train").click()
    page.locator("[name=train-source][value=sample]").check()
    page.locator("[data-id=train-read]").click()
    page.get_by_text("The text is read.").wait_for()
    page.locator("[data-id=train-go]").click()
    page.get_by_text("It has learned the text.").wait_for()
    page.locator("[data-id=train-watch]").screenshot(path=picture)


def offline(browser: Browser, model: str, picture: Path) -> None:
    """Take the picture of the offline page."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "story.html"
        file.write_bytes(offline_page(load(ASSETS / model)))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)
        page.goto(file.as_uri())
        page.get_by_text("Ready.").wait_for()
        page.locator("#text").fill(BEGINNING)
        page.locator("#length").fill("600")
        page.locator("#seed").fill("1")
        page.locator("#write").click()
        page.get_by_text("Done: 600 characters").wait_for()
        page.screenshot(path=picture)


def main(arguments: list[str]) -> None:
    files = [ASSETS / "page.png", ASSETS / "lesson.png", ASSETS / "train.png", ASSETS / "offline.png"]
    with running_app() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)
        page.goto(url)
        page.locator("[data-id=write]").wait_for()
        if arguments:
            page.locator("[data-id=model]").select_option(arguments[0])
        page.locator("[data-id=name]").fill("The little door")
        page.locator("[data-id=editor]").focus()
        page.keyboard.insert_text(BEGINNING)
        page.locator("[data-id=write]").click()
        page.wait_for_function("document.querySelector('[data-id=status]').textContent.startsWith('Done')")
        page.keyboard.press("Control+End")
        page.locator("[name=lens][value=surprise]").check()
        page.locator("[data-id=editor]").focus()
        page.keyboard.press("Control+Home")
        for _ in range(BEGINNING.index("door")):
            page.keyboard.press("ArrowRight")
        page.locator("[data-id=next-here]").click()
        page.locator("[data-id=bars] button").first.wait_for()
        page.wait_for_timeout(3000)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=files[0])
        page.get_by_role("tab", name="How it works").click()
        page.locator("[data-id=step-go]").click()
        page.locator("[data-id=gates] tr").first.wait_for()
        for _ in range(7):
            page.locator("[data-id=step-next]").click()
        page.locator("#steps-heading").scroll_into_view_if_needed()
        page.locator(".lesson .part", has=page.locator("#steps-heading")).screenshot(path=files[1])
        training(page, files[2])
        offline(browser, arguments[0] if arguments else "alice", files[3])
        browser.close()
    print(json.dumps({"files": [str(file.relative_to(ASSETS.parent)) for file in files]}))


if __name__ == "__main__":
    main(sys.argv[1:])
