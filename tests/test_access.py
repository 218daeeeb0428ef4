"""The page as axe judges it: every tab in light and in dark, on a laptop and on a phone."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.browser import SIZES, SLOW, TEXT, open_settings, sheet

# A colour on its way from one to another is none that axe should judge.
STILL = "*, ::before, ::after { transition: none !important; animation: none !important; }"
# The header of a message that pops up is Gradio's: a button that holds another.
AXE = """() => axe.run({ exclude: [[".toast-header"]] }, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary])))"""
# axe leaves these undecided: placeholders, letters on a tint, and numbers on a gradient. Colours here hide nothing.
CONTRASTS = """() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (...colours) => {
    for (const colour of colours) { paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); }
    const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((value) =>
      value <= 10 ? value / 3294.6 : ((value / 255 + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const style = (element, part) => getComputedStyle(element, part);
  const behind = (element) => [...element ? [...behind(element.parentElement), style(element).backgroundColor] : []];
  const found = {};
  const measure = (name, colour, ...ground) => {
    const [darker, lighter] = [light("#fff", ...ground), light("#fff", ...ground, colour)].sort((a, b) => a - b);
    found[name] = (lighter + .05) / (darker + .05);
  };
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
  for (const field of shown("[placeholder]:not([placeholder=''])"))
    measure(field.placeholder, style(field, "::placeholder").color, ...behind(field));
  for (const tab of shown("[role=tab]")) measure(tab.textContent, style(tab).color, ...behind(tab));
  const root = style(document.querySelector(".gradio-container")), text = document.querySelector("#sheet textarea");
  measure("a tinted letter", style(text).color, root.getPropertyValue("--tint"));
  for (const row of shown("#likeliest button")) {
    const bar = style(row).backgroundImage.match(/rgb[^)]*\\)/)[0];
    measure("the likeliest", style(row).color, ...behind(row), bar);
  }
  for (const label of shown("#loss svg text")) measure("the axes", label.getAttribute("fill"), ...behind(label));
  return found;
}"""


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(SIZES.values()), ids=list(SIZES))
def page(server: str, browser: Browser, theme: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(SLOW)
    page.goto(f"{server}?__theme={theme}")
    expect(page.locator("#write")).to_be_enabled()
    page.add_style_tag(content=STILL)
    page.evaluate(AXE_SCRIPT)
    yield page
    page.close()


def flaws(page: Page) -> list[Any]:
    """What is wrong with the page as it is now: what axe finds, and contrasts that it leaves undecided."""
    found: list[Any] = page.evaluate(AXE)
    contrasts: dict[str, float] = page.evaluate(CONTRASTS)
    return found + [(name, round(ratio, 2)) for name, ratio in contrasts.items() if ratio < 4.5]


def test_every_tab_is_legible_and_labelled(page: Page, theme: str) -> None:
    assert page.locator("body.dark, .dark").count() == (theme == "dark")
    wrong = {"the page as it opens": flaws(page)}

    open_settings(page)
    page.get_by_label("Length").fill("100000")
    sheet(page).fill("Alice was 😀")
    page.locator("#write").click()
    page.wait_for_function(f"{TEXT}.length > 200")
    wrong["while it writes"] = flaws(page)
    page.locator("#stop").click()
    expect(page.locator("#write")).to_be_enabled()
    wrong["when it has written"] = flaws(page)
    page.get_by_label("Seed").fill("seven")
    page.locator("#write").click()
    expect(page.get_by_test_id("toast-text")).to_be_visible()
    wrong["a refusal"] = flaws(page)
    page.get_by_test_id("toast-close").click()

    page.get_by_role("tab", name="Probabilities").click()
    page.locator("#to-read textarea").fill("Alice was tqred")
    page.locator("#to-read textarea").press("Enter")
    expect(page.locator("#report")).to_contain_text("bits a character")
    page.locator("#reading i").nth(3).click()
    expect(page.locator("#likeliest button")).to_have_count(10)
    wrong["the probabilities"] = flaws(page)

    page.get_by_role("tab", name="Is it copying?").click()
    page.locator("#to-check textarea").fill(
        "And so she was considering in her own mind (as well as she could, he said."
    )
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#copies u")).to_be_visible()
    wrong["copies"] = flaws(page)

    page.get_by_role("tab", name="Inside").click()
    page.get_by_role("button", name="Find units").click()
    expect(page.locator("#found button").first).to_be_visible()
    wrong["the inside"] = flaws(page)

    page.get_by_role("tab", name="How it learned").click()
    expect(page.locator("#loss svg").first).to_be_visible()
    wrong["how it learned"] = flaws(page)
    assert not {where: what for where, what in wrong.items() if what}
