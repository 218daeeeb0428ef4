"""Accessibility: axe on both tabs in light and dark, tints in forced colours, and the page at four window sizes."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.browser import SIZES, TEXT, done, part, put_caret, settle, tinted, type_story, visit, write
from tests.conftest import TALE

# axe must not measure a colour in the middle of a transition.
STILL = "*, ::before, ::after { transition: none !important; animation: none !important; }"
# The header of a pop-up message is excluded: it is Gradio's own, a button inside a button.
AXE = """() => axe.run({ exclude: [[".toast-header"]] }, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, target, failureSummary }) => [id, html, target, failureSummary])))"""
# Contrasts that axe leaves undecided: placeholders, letters on a tint, and numbers on a gradient. The colours may be
# translucent, so each is painted over those behind it.
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
  for (const editor of shown(".editor, .example"))
    for (const name of CSS.highlights.keys()) {
      const { color, backgroundColor } = style(editor, `::highlight(${name})`);
      measure(name, color, ...behind(editor), backgroundColor);
    }
  const tint = style(document.querySelector(".story-page")).getPropertyValue("--tint");
  for (const row of shown(".letter")) measure("a bar", style(row).color, ...behind(row), tint);
  for (const label of shown("#loss svg text")) measure("the axes", label.getAttribute("fill"), ...behind(label));
  return found;
}"""


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["laptop", "phone"])
def page(small_server: str, browser: Browser, theme: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = visit(browser, f"{small_server}?__theme={theme}", request.param)
    page.add_style_tag(content=STILL)
    page.evaluate(AXE_SCRIPT)
    yield page
    page.context.close()


def flaws(page: Page) -> list[Any]:
    """Return the faults of the page as it is now: axe's findings, and low contrasts that axe leaves undecided."""
    found: list[Any] = page.evaluate(AXE)
    contrasts: dict[str, float] = page.evaluate(CONTRASTS)
    return found + [(name, round(ratio, 2)) for name, ratio in contrasts.items() if ratio < 4.5]


def panel(page: Page, which: str) -> None:
    """Open a part of the panel, or close the panel if `which` is ""; only a phone has buttons for this."""
    button = part(page, f"open-{which}" if which else "close-panel")
    if button.is_visible():
        button.click()


def test_every_state_of_the_page_is_legible_and_labelled(page: Page, theme: str) -> None:
    assert page.locator("body.dark, .dark").count() == (theme == "dark")
    wrong = {"the page as it opens": flaws(page)}
    type_story(page, TALE.capitalize() + "😀")
    panel(page, "settings")
    part(page, "model").select_option("cased")
    settle(page, length=6000, stop="length")
    wrong["the settings"] = flaws(page)
    panel(page, "")
    part(page, "write").click()
    page.wait_for_function(f"{TEXT}.length > 200")
    wrong["while it writes"] = flaws(page)
    page.keyboard.press("Escape")
    done(page)
    part(page, "model").select_option("tiny")
    put_caret(page, 5)
    part(page, "next-here").dispatch_event("click")
    panel(page, "lens")
    expect(part(page, "bars").locator("button").first).to_be_visible()
    for lens in ("Surprise", "Copies", "Neurons"):
        page.get_by_role("radio", name=lens).check()
        name = {"Surprise": "surprise-1", "Copies": "copied", "Neurons": "neuron-"}[lens]
        page.wait_for_function("name => [...CSS.highlights.keys()].some((key) => key.startsWith(name))", arg=name)
        wrong[lens] = flaws(page)
    panel(page, "")
    part(page, "suggest").click()
    expect(page.locator(".option").first).to_be_visible()
    wrong["alternatives"] = flaws(page)
    page.keyboard.press("Escape")
    for button, dialog in (("stories", "stories-dialog"), ("export", "export-dialog")):
        part(page, button).click()
        wrong[dialog] = flaws(page)
        part(page, dialog).get_by_role("button", name="Close").click()
    assert not {where: what for where, what in wrong.items() if what}


def test_how_it_works_is_legible_and_labelled(page: Page) -> None:
    page.get_by_role("tab", name="How it works").click()
    expect(part(page, "lesson-bars").locator("button").first).to_be_visible()
    part(page, "lesson-neurons").click()
    expect(page.locator("[name=lesson-neuron]").first).to_be_checked()
    part(page, "step-go").click()
    expect(part(page, "gates").locator("tr").first).to_be_visible()
    part(page, "side-go").click()
    expect(part(page, "side-status")).to_have_text("Both have written.")
    expect(page.locator("#loss svg").first).to_be_visible()
    assert not flaws(page)


def test_each_list_has_space_for_its_arrow(small_server: str, browser: Browser) -> None:
    page = visit(browser, small_server)
    for tab, name in (("Train", "train-minutes"), ("How it works", "step-model")):
        page.get_by_role("tab", name=tab).click()  # only now is this tab in the document
        expect(part(page, name)).to_be_attached()
    padding = "lists => lists.map((list) => [list.dataset.id, parseFloat(getComputedStyle(list).paddingRight)])"
    paddings = page.locator(".story-page select, .lesson select").evaluate_all(padding)
    assert not [name for name, width in paddings if width < 24]
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_the_page_fits_its_window(small_server: str, browser: Browser, size: str) -> None:
    page = visit(browser, small_server, size)
    width, height = SIZES[size]
    type_story(page, "The old lion said nothing for a while, and then “Who”, he asked, “has eaten my hat?” " * 4)
    in_first_line = page.evaluate(
        """() => {
          const node = document.querySelector("[data-id=editor]").firstChild, range = document.createRange();
          const top = (i) => {
            range.setStart(node, i);
            range.setEnd(node, i + 1);
            return range.getBoundingClientRect().top;
          };
          return [...node.data].findIndex((_, i) => top(i) > top(0) + 5);
        }"""
    )
    assert 30 < in_first_line < 80, "about 70 characters at most, in a narrow font some more"
    write(page)
    for name in ("editor", "write", "status", "note"):
        box = part(page, name).bounding_box()
        assert box, name
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= width, name
        assert name == "editor" or box["y"] + box["height"] <= height, f"{name} is out of sight"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_each_tint_has_an_underline_of_its_own_in_forced_colours(small_server: str, browser: Browser) -> None:
    page = visit(browser, small_server, forced_colors="active")
    page.evaluate(AXE_SCRIPT)
    type_story(page, TALE)
    write(page)
    assert tinted(page, "model")
    lenses = [
        ["model", "copied"],
        [f"surprise-{i}" for i in range(1, 6)],
        [f"neuron{way}-{i}" for way, i in product(("", "-down"), range(1, 6))],
        [f"rests-{i}" for i in range(1, 6)],
        [f"shade-{i}" for i in range(6)],
    ]
    lines = page.evaluate(
        """names => Object.fromEntries(names.map((name) => {
          const style = getComputedStyle(document.querySelector("[data-id=editor]"), `::highlight(${name})`);
          return [name, [style.textDecorationLine, style.textDecorationStyle, style.textDecorationThickness].join(" ")];
        }))""",
        [name for names in lenses for name in names],
    )
    for names in lenses:
        assert len({lines[name] for name in names}) == len(names), "each strength has a line of its own"
    assert all(line.startswith("underline") for line in lines.values()), lines
    assert not page.evaluate(AXE)
    page.context.close()
