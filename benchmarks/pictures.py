"""The pictures of the README, taken from the page as it is now with the shipped models: page.png and lesson.png.

    python -m benchmarks.pictures [MODEL]

MODEL is the name of the model that writes. Needs Chromium and Playwright. The last line is JSON: the files.
"""

import json
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.running import running_app

ASSETS = Path(__file__).parent.parent / "assets"
BEGINNING = "Alice looked at the little door for a long time, and then"


def main(arguments: list[str]) -> None:
    files = [ASSETS / "page.png", ASSETS / "lesson.png"]
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
        for _ in range(len(BEGINNING) - 20):
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
        browser.close()
    print(json.dumps({"files": [str(file.relative_to(ASSETS.parent)) for file in files]}))


if __name__ == "__main__":
    main(sys.argv[1:])
