"""How smooth the page is on a phone: typing and writing in 20,000 characters, on a processor four times slower.

    python -m benchmarks.page [CHECKPOINT]

Needs Chromium and Playwright. It measures two times in the browser: from a key to the next frame, and from one frame to
the next while the model writes. The last line is JSON.
"""

import json
import shutil
import statistics
import sys

from playwright.sync_api import Page, sync_playwright

from benchmarks.running import running_app

CHARACTERS = 20_000
SLOWDOWN = 4
KEYS = 30

KEY = """() => new Promise((resolve) => {
  const begun = performance.now();
  document.execCommand("insertText", false, "x");
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
})"""
FRAMES = """() => {
  window.frames_seen = [];
  let last = performance.now();
  const look = (now) => { frames_seen.push(now - last); last = now; window.looking = requestAnimationFrame(look); };
  requestAnimationFrame(look);
}"""
WORDS = "The old lion said nothing for a while, and then “who”, he asked, “has eaten my hat?” "


def typing(page: Page, place: str) -> list[float]:
    """Milliseconds from each of `KEYS` keys to the next frame, with the caret at `place`, Home or End."""
    page.locator("[data-id=editor]").focus()
    page.keyboard.press(f"Control+{place}")
    return [page.evaluate(KEY) for _ in range(KEYS)]


def told(name: str, times: list[float]) -> dict[str, float]:
    times = sorted(times)
    row = {"median": round(statistics.median(times), 1), "p95": round(times[int(0.95 * (len(times) - 1))], 1)}
    print(f"| {name} | {row['median']} ms | {row['p95']} ms |", flush=True)
    return row


def main(arguments: list[str]) -> None:
    checkpoint = arguments[0] if arguments else "assets/alice"
    found = {}
    with running_app("app.py", "--checkpoint", checkpoint) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
        page = context.new_page()
        page.goto(url)
        page.locator("[data-id=write]").wait_for()
        story = (WORDS * (CHARACTERS // len(WORDS) + 1))[:CHARACTERS]
        page.evaluate("text => { location.hash = new URLSearchParams({ text, length: 300, stop: 'length' }); }", story)
        page.wait_for_function(
            "n => document.querySelector('[data-id=editor]').textContent.length === n", arg=CHARACTERS
        )
        page.wait_for_timeout(1000)
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
        print(f"| {CHARACTERS:,} characters, {SLOWDOWN} times slower | median | 95 of 100 |\n| --- | --- | --- |")
        for lens in ("who", "surprise"):
            page.evaluate(f"document.querySelector('[name=lens][value={lens}]').click()")
            page.wait_for_timeout(6000 if lens == "surprise" else 1000)
            for place in ("Home", "End"):
                name = f"a key at the {'beginning' if place == 'Home' else 'end'}, lens {lens}"
                found[name] = told(name, typing(page, place))
        page.evaluate("document.querySelector('[name=lens][value=who]').click()")
        page.keyboard.press("Control+End")
        page.wait_for_timeout(1000)
        page.evaluate(FRAMES)
        page.evaluate("document.querySelector('[data-id=write]').click()")
        page.wait_for_function(
            "document.querySelector('[data-id=status]').textContent.startsWith('Done')", timeout=300_000
        )
        frames = page.evaluate("cancelAnimationFrame(looking), frames_seen")
        found["a frame while it writes"] = told("a frame while it writes", frames)
        browser.close()
    print(json.dumps({"characters": CHARACTERS, "slowdown": SLOWDOWN, "milliseconds": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
