"""The tab “How it works” in a real browser: the first lesson, letter by letter, side by side, how it learned."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import part, text, tinted, type_story, until, visit


@pytest.fixture(scope="module")
def page(small_server: str, browser: Browser) -> Iterator[Page]:
    page = visit(browser, small_server)
    type_story(page, "my story")
    page.get_by_role("tab", name="How it works").click()
    expect(part(page, "lesson-bars").locator("button").first).to_be_visible()
    yield page
    page.get_by_role("tab", name="Your story").click()
    assert text(page) == "my story", "the story stays as it was"
    page.context.close()


def example(page: Page) -> str:
    return str(part(page, "example").text_content())


def test_the_first_lesson_writes_and_shows_letters_and_a_neuron(page: Page) -> None:
    before = example(page)
    part(page, "lesson-write").click()
    expect(part(page, "lesson-status")).to_contain_text("The next letter")
    after = example(page)
    assert after.startswith(before)
    assert len(after) > len(before)
    part(page, "example").focus()
    page.keyboard.press("Home")
    expect(part(page, "lesson-status")).to_contain_text("The letter 1 of")
    assert tinted(page, "here") == [before[0]]
    bars = part(page, "lesson-bars").locator("button")
    shares = bars.all_text_contents()
    part(page, "lesson-temperature").focus()
    page.keyboard.press("End")
    expect(part(page, "lesson-value")).to_have_text("2")
    assert bars.all_text_contents() != shares
    page.keyboard.press("Home")
    expect(bars.first).to_contain_text("100 %")
    part(page, "lesson-neurons").click()
    expect(page.locator("[name=lesson-neuron]").first).to_be_checked()
    page.locator("[name=lesson-neuron]").last.scroll_into_view_if_needed()
    expect(part(page, "example")).to_be_in_viewport()
    page.wait_for_function("[...CSS.highlights.keys()].some(name => name.startsWith('neuron'))")
    part(page, "lesson-reset").click()
    assert example(page) == before


@pytest.mark.parametrize(("button", "letters"), [("[data-id=lesson-reset]", 0), ("[data-id=lesson-bars] button", 1)])
def test_begin_again_and_a_chosen_letter_stop_the_writing(page: Page, button: str, letters: int) -> None:
    before, held = example(page), list[Route]()
    page.route("**/call/write/*", lambda route: held.append(route))
    part(page, "lesson-write").click()
    until(page, lambda: held)
    with page.expect_event("requestfailed", lambda request: "/call/write/" in request.url):
        page.locator(button).first.click()
    page.unroute("**/call/write/*")
    expect(part(page, "lesson-write")).not_to_have_attribute("aria-disabled", "true")
    expect(part(page, "lesson-status")).to_have_text("The next letter.")
    assert example(page)[: -letters or None] == before
    part(page, "lesson-reset").click()


def test_all_that_the_model_wrote_after_an_early_letter_is_tinted(page: Page) -> None:
    part(page, "example").focus()
    page.keyboard.press("Home")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(part(page, "lesson-status")).to_contain_text("The letter 11 of")
    given = example(page)[:10]
    part(page, "lesson-bars").locator("button").first.click()
    expect(part(page, "lesson-status")).to_have_text("The next letter.")
    part(page, "lesson-write").click()
    expect(part(page, "lesson-write")).not_to_have_attribute("aria-disabled", "true")
    assert given + "".join(tinted(page, "model")) == example(page)
    part(page, "lesson-reset").click()


def test_gates_are_shown_letter_by_letter(page: Page) -> None:
    part(page, "step-text").fill("the hat")
    part(page, "step-go").click()
    expect(page.locator(".read .now")).to_have_text("▸")
    rows = part(page, "gates").locator("tr")
    expect(rows).to_have_count(11)
    first = rows.all_text_contents()
    part(page, "step-next").click()
    expect(page.locator(".read .now")).to_have_text("t")
    assert rows.all_text_contents() != first
    cells = [float(value.replace("−", "-")) for value in rows.first.locator("td").all_text_contents()]
    assert all(0 <= gate <= 1 for gate in (cells[0], cells[1], cells[3]))
    part(page, "step-back").click()
    assert rows.all_text_contents() == first
    part(page, "step-play").click()
    expect(page.locator(".read .now")).not_to_have_text("▸")
    expect(part(page, "step-play")).to_have_text("Play", use_inner_text=True)  # it stops at the end of the text
    expect(page.locator(".read span:not(.visually-hidden)").last).to_have_class("now")


def test_two_networks_write_side_by_side_and_a_note_mentions_circles(page: Page) -> None:
    expect(part(page, "small-title")).to_have_text("Tutorial")
    part(page, "side-go").click()
    expect(part(page, "side-status")).to_have_text("Both have written.")
    for name in ("small", "modern"):
        assert part(page, name).inner_text().startswith("The girl opened the door and")
    expect(part(page, "small-note")).to_contain_text(re.compile("circles"))


def test_how_a_model_learned_is_shown_step_by_step(page: Page) -> None:
    expect(page.locator("#loss canvas, #loss svg").first).to_be_visible()
    expect(page.locator("#sample-note")).to_contain_text("Before the first step")
    page.locator("#place input[type=range]").press("End")
    expect(page.locator("#sample-note")).to_contain_text("bits a character")
    expect(page.get_by_label("What it wrote")).to_have_value("what it wrote at 2")
