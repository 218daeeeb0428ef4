"""The page as a visitor meets it, in a real browser, on a laptop and on a phone."""

import re
from collections.abc import Iterator
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import SIZES, SLOW, TEXT, TINTED, finished, open_settings, sheet

PROMPT = "Alice was so Tired 😀"
# Every length that the text is seen to have.
WATCH = f"""() => {{
  window.seen = [];
  const look = () => {{
    const length = {TEXT}.length;
    if (seen.at(-1) !== length) seen.push(length);
    requestAnimationFrame(look);
  }};
  look();
}}"""


@pytest.fixture(params=list(SIZES.values()), ids=list(SIZES))
def page(server: str, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The app's page; afterwards it must have asked no other host for anything and have kept quiet."""
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(SLOW)
    hosts: set[str | None] = set()
    complaints: list[str] = []
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server)
    expect(page.locator("#write")).to_be_enabled()
    yield page
    page.close()
    assert hosts - {None} == {"127.0.0.1"}
    assert not complaints


def choose(page: Page, model: str) -> None:
    page.locator(f"#model input[value={model}]").check()


def test_it_writes_stops_at_once_and_goes_on_as_if_it_had_never_stopped(page: Page) -> None:
    write, stop = page.locator("#write"), page.locator("#stop")
    open_settings(page)
    page.get_by_label("Length").fill("50000")
    page.get_by_label("Seed").fill("5")
    sheet(page).fill(PROMPT)
    page.evaluate(WATCH)
    write.click()
    page.wait_for_function(f"{TEXT}.length > 300")
    expect(write).to_be_disabled()
    stop.click()
    expect(write).to_be_enabled()
    expect(stop).to_be_disabled()
    stopped = page.evaluate(TEXT)
    page.wait_for_timeout(500)
    assert page.evaluate(TEXT) == stopped, "nothing may follow a stop"
    assert len(stopped) < 20_000
    seen = page.evaluate("seen")
    assert len(seen) > 4, "the text must grow before one's eyes"
    assert seen == sorted(seen)
    expect(page.locator("#note")).to_have_text("The model reads this with capitals→small letters, 😀 left out.")

    page.get_by_label("Length").fill("1000")
    write.click()
    whole = finished(page, len(stopped) + 1000)
    assert whole.startswith(stopped)
    assert stopped.startswith(PROMPT), "what was typed stays as it is"
    expect(page.locator("#status")).to_contain_text("1,000 characters")
    assert page.evaluate(TINTED) == [whole[len(PROMPT) :]], "what the model wrote, and no letter else"
    below = page.evaluate(
        "(t => t.scrollHeight - t.scrollTop - t.clientHeight)(document.querySelector('#sheet textarea'))"
    )
    assert abs(below) < 2, "the text must be followed to its end"

    page.get_by_label("Length").fill(str(len(whole) - len(PROMPT)))
    sheet(page).fill(PROMPT)
    write.click()
    assert finished(page, len(whole)) == whole


def test_a_continuation_is_taken_back_and_tried_again(page: Page) -> None:
    write, undo, again = page.locator("#write"), page.locator("#undo"), page.locator("#again")
    open_settings(page)
    page.get_by_label("Length").fill("40")
    expect(undo).to_be_disabled()
    sheet(page).fill("one")
    write.click()
    first = finished(page, 43)
    again.click()
    page.wait_for_function(f"first => {TEXT} != first && {TEXT}.length == 43", arg=first)
    second = finished(page, 43)
    assert second.startswith("one")
    sheet(page).press("Control+End")
    sheet(page).press_sequentially(" two")
    assert page.evaluate(TINTED) == [second[3:]], "what is typed is the writer's"
    write.click()
    third = finished(page, 87)
    assert third.startswith(second + " two")
    assert page.evaluate(TINTED) == [second[3:], third[47:]]
    undo.click()
    expect(sheet(page)).to_have_value(second + " two")
    undo.click()
    expect(sheet(page)).to_have_value("one")
    expect(undo).to_be_disabled()
    assert page.evaluate(TINTED) == []


def test_typing_in_the_midst_moves_and_parts_what_the_model_wrote(page: Page) -> None:
    open_settings(page)
    page.get_by_label("Length").fill("10")
    sheet(page).fill("one ")
    page.locator("#write").click()
    text = finished(page, 14)
    sheet(page).evaluate("field => field.setSelectionRange(9, 9)")
    sheet(page).press_sequentially("X")
    assert page.evaluate(TINTED) == [text[4:9], text[9:]]
    sheet(page).press("Control+Home")
    sheet(page).press_sequentially("Y")
    assert page.evaluate(TINTED) == [text[4:9], text[9:]]
    assert page.evaluate(TEXT) == f"Y{text[:9]}X{text[9:]}"


def test_it_is_led_by_the_keyboard_alone(page: Page) -> None:
    sheet(page).fill("one")
    sheet(page).press("Enter")
    sheet(page).press_sequentially("two")
    assert page.evaluate(TEXT) == "one\ntwo"
    open_settings(page)
    page.get_by_label("Length").fill("50000")
    sheet(page).press("Control+Enter")
    page.wait_for_function(f"{TEXT}.length > 50")
    sheet(page).press("x")  # while the model writes, it alone does
    page.keyboard.press("Escape")
    expect(page.locator("#stop")).to_be_disabled()
    assert page.evaluate(TEXT).startswith("one\ntwo")


def test_an_empty_sheet_is_begun_by_the_model_and_gone_on_with(page: Page) -> None:
    open_settings(page)
    page.get_by_label("Seed").fill("3")
    page.get_by_label("Length").fill("30")
    page.locator("#write").click()
    finished(page, 30)
    page.locator("#write").click()
    twice = finished(page, 60)
    sheet(page).fill("")
    page.get_by_label("Length").fill("60")
    page.locator("#write").click()
    assert finished(page, 60) == twice


def test_a_surprise_is_begun_from_nothing_and_what_stood_there_can_be_had_back(page: Page) -> None:
    open_settings(page)
    page.get_by_label("Length").fill("30")
    sheet(page).fill("my own text")
    page.locator("#surprise").click()
    text = finished(page, 30)
    assert page.evaluate(TINTED) == [text]
    page.locator("#undo").click()
    expect(sheet(page)).to_have_value("")
    page.locator("#undo").click()
    expect(sheet(page)).to_have_value("my own text")
    page.get_by_label("Nobody in the village").check()
    expect(sheet(page)).to_have_value(re.compile("^Nobody in the village"))
    page.locator("#undo").click()
    expect(sheet(page)).to_have_value("my own text")


def test_a_model_brings_its_own_settings_and_beginnings_and_a_seed_repeats_its_text(page: Page) -> None:
    open_settings(page)
    choose(page, "shakespeare")
    page.get_by_label("QUEEN").check()
    expect(sheet(page)).to_have_value(re.compile("QUEEN:\nWhat news"))
    assert page.evaluate(TINTED) == []
    choose(page, "pooh-classic")
    expect(page.locator("#about")).to_contain_text("pooh")
    expect(page.get_by_role("spinbutton", name="Temperature")).to_have_value("0")
    expect(page.get_by_label("the last 100 characters")).to_be_checked()

    choose(page, "pooh")
    expect(page.get_by_label("all it has read")).to_be_checked()
    page.get_by_label("wild").check()
    expect(page.get_by_role("spinbutton", name="Temperature")).to_have_value("1.3")
    page.get_by_label("Length").fill("50")
    texts = [""]
    for seed in ("7", "8", "7"):
        sheet(page).fill("a")
        page.get_by_label("Seed").fill(seed)
        page.locator("#write").click()
        texts.append(finished(page, 51))
    assert texts[1] == texts[3] != texts[2]
    expect(page.locator("#status")).to_contain_text("seed 7")
    page.get_by_role("button", name="Throw the dice").click()
    expect(page.get_by_label("Seed")).not_to_have_value("7")
    page.get_by_role("button", name="Keep this one").click()
    expect(page.get_by_label("Seed")).to_have_value("7")


def test_one_of_several_takes_is_gone_on_with(page: Page) -> None:
    open_settings(page)
    page.get_by_label("Length").fill("40")
    page.locator("#how-many").get_by_label("3").check()
    sheet(page).fill("one")
    page.locator("#write").click()
    expect(page.get_by_label("Take 3", exact=True)).to_have_value(re.compile(r"^[\s\S]{40}$"))
    expect(page.get_by_label("Take 4", exact=True)).to_be_hidden()
    expect(sheet(page)).to_have_value("one")
    takes = [page.get_by_label(f"Take {take}", exact=True).input_value() for take in (1, 2, 3)]
    assert len(set(takes)) == 3
    page.get_by_role("button", name="Go on with take 2").click()
    expect(sheet(page)).to_have_value("one" + takes[1])
    expect(page.get_by_label("Take 1", exact=True)).to_be_hidden()
    assert page.evaluate(TINTED) == [takes[1]]
    page.locator("#how-many").get_by_label("1").check()
    page.locator("#write").click()
    assert finished(page, 83).startswith("one" + takes[1])
    page.locator("#undo").click()
    expect(sheet(page)).to_have_value("one" + takes[1])
    page.locator("#undo").click()
    expect(sheet(page)).to_have_value("one")


def test_two_books_write_together_and_tint_each_character_by_the_one_that_wanted_it(page: Page) -> None:
    open_settings(page)
    page.get_by_label("Length").fill("200")
    page.get_by_role("button", name="Two books").click()
    page.get_by_label("Write together with").click()
    page.get_by_role("option", name="shakespeare").click()
    expect(page.locator("#key-of-two")).to_contain_text("wanted by shakespeare")
    sheet(page).fill("The Queen said")
    page.locator("#write").click()
    text = finished(page, 214)
    assert text.startswith("The Queen said"), "one of the two knows capitals"
    marks = page.locator("#tint mark[class]")
    assert "".join(marks.all_text_contents()) == text[14:]
    shades = {mark.get_attribute("class") for mark in marks.all()}
    assert len(shades) > 2, "some were wanted by the one, and some by the other"
    for capital in page.locator("#tint mark", has_text=re.compile("[A-Z]")).all():
        assert capital.get_attribute("class") == "shade5", "only one of the two knows capitals"
    page.get_by_label("Write together with").click()
    page.get_by_role("option", name="nobody else").click()
    expect(page.locator("#key-of-two")).to_be_hidden()
    page.locator("#undo").click()
    expect(sheet(page)).to_have_value("The Queen said")
    sheet(page).fill("a")
    page.locator("#write").click()
    finished(page, 201)
    expect(marks).to_have_count(0)


def test_a_link_brings_the_sheet_and_its_settings_back(page: Page, server: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_settings(page)
    choose(page, "pooh")
    page.get_by_label("careful").check()
    expect(page.get_by_role("spinbutton", name="Temperature")).to_have_value("0.6")
    page.get_by_label("Seed").fill("11")
    sheet(page).fill("a & b?\n#1 ü")
    page.get_by_role("button", name="Copy a link").click()
    expect(page.locator("#status")).to_have_text("A link to this sheet is copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto("about:blank")
    page.goto(link)
    expect(sheet(page)).to_have_value("a & b?\n#1 ü")
    expect(page.locator("#model input[value=pooh]")).to_be_checked()
    expect(page.locator("#about")).to_contain_text("pooh")
    open_settings(page)
    expect(page.get_by_role("spinbutton", name="Temperature")).to_have_value("0.6")
    expect(page.get_by_label("Seed")).to_have_value("11")
    page.goto("about:blank")
    page.goto(f"{server}/#model=alice&text=1e5")
    expect(sheet(page)).to_have_value("1e5")
    page.goto("about:blank")
    page.goto(f"{server}/#model=nobody&text=a&temperature=x")  # what is unsound is passed over
    expect(sheet(page)).to_have_value("")


def test_the_sheet_is_copied_and_downloaded_as_text(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sheet(page).fill("one\ntwö")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#status")).to_have_text("The sheet is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "one\ntwö"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "text.txt"
    assert download.value.path().read_text(encoding="utf-8") == "one\ntwö"


def test_twenty_thousand_characters_are_gone_on_with(page: Page) -> None:
    open_settings(page)
    page.get_by_label("Length").fill("20")
    sheet(page).fill("a long story " * 1540)
    page.locator("#write").click()
    finished(page, 13 * 1540 + 20)


def test_the_probabilities_of_the_sheet_are_shown_and_branched_from(page: Page) -> None:
    sheet(page).fill("alice was beginning to get very tqred")
    page.get_by_role("tab", name="Probabilities").click()
    page.get_by_role("button", name="Take the sheet").click()
    expect(page.locator("#report")).to_contain_text("bits a character under alice")
    expect(page.locator("#figures tr")).to_have_count(7)  # the header, and six models
    expect(page.locator("#figures")).not_to_contain_text("…")
    characters = page.locator("#reading i")
    expect(characters).to_have_count(len("alice was beginning to get very tqred") + 1)
    surprising = characters.nth(len("alice was beginning to get very t"))
    expect(surprising).to_have_class(re.compile("t[45]"))
    surprising.click()
    expect(page.locator("#likeliest button")).to_have_count(10)
    page.locator("#likeliest button", has_text="i").first.click()
    expect(page.locator("#branched")).to_contain_text("get very ti")
    page.get_by_role("tab", name="Write").click()
    expect(sheet(page)).to_have_value("alice was beginning to get very ti")
    page.locator("#undo").click()
    expect(sheet(page)).to_have_value("alice was beginning to get very tqred")


def test_what_stands_in_the_book_is_underlined(page: Page) -> None:
    page.get_by_role("tab", name="Is it copying?").click()
    copied = "So she was considering in her own mind (as well as she could, for the"
    text = page.locator("#to-check textarea")
    text.fill(f"The bear looked at his clock. {copied} clock was slow.")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#copies u")).to_have_text(re.compile("considering in her own mind"))
    expect(page.locator("#copies-report")).to_contain_text("One passage stands in what alice has read")
    expect(page.locator("#copies-report")).to_contain_text(re.compile(r"[\d.]+% is new\."))
    page.get_by_role("tab", name="Write").click()
    sheet(page).fill("The bear looked at his clock, which was slow.")
    page.get_by_role("tab", name="Is it copying?").click()
    page.get_by_role("tabpanel").get_by_role("button", name="Take the sheet").locator("visible=true").click()
    expect(page.locator("#copies-report")).to_contain_text("No copy was found.")
    expect(page.locator("#copies u")).to_have_count(0)


def test_what_a_hidden_unit_does_is_shown_and_units_that_follow_something_are_found(page: Page) -> None:
    choose(page, "shakespeare")
    sheet(page).fill("QUEEN:\nThe river rises, and the bread grows dear.\n\nFIRST CITIZEN:\nWhat news, my lord?\n")
    page.get_by_role("tab", name="Inside").click()
    page.get_by_role("button", name="Find units").click()
    capitals = page.locator("#found button", has_text="capitals").first
    expect(capitals).to_contain_text(re.compile(r"layer \d, unit \d+[+−]0\.\d\d"))
    capitals.click()
    place = re.search(r"layer (\d), unit (\d+)", capitals.inner_text())
    assert place
    expect(page.locator("#unit")).to_contain_text(f"unit {place[2]}")
    expect(page.locator("#unit-text i").first).to_be_visible()
    page.get_by_role("tabpanel").get_by_role("button", name="Take the sheet").locator("visible=true").click()
    expect(page.locator("#unit-text")).to_contain_text("FIRST CITIZEN")
    choose(page, "alice")
    expect(page.locator("#unit-text i")).to_have_count(0)
    expect(page.locator("#found button")).to_have_count(0)


def test_how_a_model_learned_is_shown_step_by_step(page: Page) -> None:
    page.get_by_role("tab", name="How it learned").click()
    expect(page.locator("#loss canvas, #loss svg").first).to_be_visible()
    expect(page.locator("#sample-note")).to_contain_text("Before the first step")
    first = page.get_by_label("What it wrote").input_value()
    slider = page.locator("#place input[type=range]")
    slider.press("End")
    expect(page.locator("#sample-note")).to_contain_text("bits a character")
    expect(page.get_by_label("What it wrote")).not_to_have_value(first)
    choose(page, "pooh-classic")
    expect(page.locator("#sample-note")).to_contain_text("Before the first step")


def test_a_refusal_is_one_sentence_and_leaves_the_page_usable(page: Page) -> None:
    open_settings(page)
    page.get_by_label("Seed").fill("seven")
    page.locator("#write").click()
    expect(page.get_by_test_id("toast-text")).to_contain_text("Seed is 'seven', but must be a whole number")
    page.get_by_test_id("toast-close").click()
    page.get_by_label("Seed").fill("")
    page.locator("#write").click()
    finished(page, 1000)
