"""The story page in a real browser: writing, versions, lenses, letters, settings, files and links."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import (
    APP,
    click_letter,
    done,
    empty_store,
    fill_store,
    holding,
    part,
    put_caret,
    put_caret_at_end,
    serving,
    settle,
    text,
    tinted,
    type_story,
    until,
    visit,
    write,
)
from tests.conftest import TALE

WRITTEN = re.compile("Done")


@pytest.fixture(scope="module")
def laptop(small_server: str, browser: Browser) -> Iterator[Page]:
    yield from watched(visit(browser, small_server, permissions=["clipboard-read", "clipboard-write"]))


@pytest.fixture
def page(laptop: Page, small_server: str) -> Page:
    """A new visitor's page. The tests share one window; a link with an empty text opens a new story in it."""
    if not laptop.url.startswith(small_server):
        laptop.goto(small_server)
    laptop.evaluate("document.querySelectorAll('dialog[open]').forEach((dialog) => dialog.close())")
    part(laptop, "new-story").dispatch_event("click")
    laptop.evaluate("localStorage.clear(); sessionStorage.clear(); location.hash = 'text='")
    expect(part(laptop, "status")).to_contain_text("the story of the link")
    laptop.get_by_role("radio", name="Who wrote it").check()
    return laptop


@pytest.fixture
def phone(small_server: str, browser: Browser) -> Iterator[Page]:
    yield from watched(visit(browser, small_server, "phone"))


def watched(page: Page) -> Iterator[Page]:
    """Yield the page; at the end, assert that it sent no request to another host and logged no error."""
    hosts: set[str | None] = set()
    complaints: list[str] = []
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.context.close()
    assert hosts - {None} <= {"127.0.0.1"}
    assert not complaints


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_it_stops_at_once_and_goes_on_as_if_it_had_never_stopped(page: Page) -> None:
    part(page, "model").select_option("cased")
    settle(page, length=10000, stop="length", seed=5)
    type_story(page, "A tale “not")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("x")  # ignored while the model writes
    page.wait_for_function("document.querySelector('[data-id=editor]').textContent.length > 200")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.id") == "editor", "the focus stays"
    stopped = done(page)
    page.wait_for_timeout(300)
    assert text(page) == stopped, "nothing may follow a stop"
    assert 200 < len(stopped) < 10011
    assert stopped.startswith("A tale “not")
    assert tinted(page, "model")[0] in stopped[11:], "what is in sight is tinted"

    settle(page, length=50)
    whole = write(page)
    assert whole.startswith(stopped)
    assert len(whole) == len(stopped) + 50
    settle(page, length=len(whole) - 11)
    type_story(page, "A tale “not")
    assert write(page) == whole


def test_the_model_begins_an_empty_story_and_continues_it(page: Page) -> None:
    settle(page, length=30, stop="length", seed=3)
    write(page)
    twice = write(page)
    type_story(page, "")
    settle(page, length=60)
    assert write(page) == twice
    assert len(twice) == 60


def test_the_tints_follow_what_the_visitor_types(page: Page) -> None:
    settle(page, length=10, stop="length")
    type_story(page, "one ")
    whole = write(page)
    assert tinted(page, "model") == [whole[4:]]
    put_caret(page, 9)
    page.keyboard.type("X")
    assert text(page) == whole[:9] + "X" + whole[9:]
    page.wait_for_function("CSS.highlights.get('model').size === 2")
    assert tinted(page, "model") == [whole[4:9], whole[9:]]
    page.keyboard.press("Backspace")
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    assert text(page) == whole + "\ntwo\n"
    assert tinted(page, "model") == [whole[4:]]
    expect(part(page, "lens")).to_contain_text("You")
    page.evaluate("navigator.clipboard.writeText('a\\r\\n<b>b</b>')")
    page.keyboard.press("Control+v")
    assert text(page) == whole + "\ntwo\na\n<b>b</b>", "what is pasted is plain text"
    assert page.locator("[data-id=editor] b").count() == 0


def test_it_writes_at_the_cursor_and_keeps_the_text_after_it(page: Page) -> None:
    settle(page, length=10, stop="length")
    type_story(page, "“One” two")
    put_caret(page, 5)
    expect(part(page, "write")).to_have_text("Write here")
    whole = write(page)
    assert (whole[:5], whole[-4:], len(whole)) == ("“One”", " two", 19)
    expect(part(page, "note")).to_contain_text("The model reads this with")


def test_pressing_write_again_goes_on_at_the_end(page: Page) -> None:
    settle(page, length=10, stop="length")
    type_story(page, "one ")
    first = write(page)
    page.get_by_role("radio", name="Surprise").check()
    expect(part(page, "write")).to_have_text("Write")
    second = write(page)
    assert second.startswith(first)
    part(page, "editor").focus()
    page.keyboard.type("X")
    assert text(page) == second + "X", "typing goes on there, too"


def test_it_ends_with_a_sentence_unless_told_otherwise(page: Page) -> None:
    expect(page.locator("[data-setting=length]")).to_have_value("300")
    part(page, "model").select_option("cased")
    settle(page, length=1000, seed=2)
    whole = write(page)
    assert re.search(r"[.!?…]['\"’”)]*\s\Z", whole)
    assert 700 <= len(whole) < 2000


# ---- undo and versions -----------------------------------------------------------------------------------------------


def test_undo_and_redo_cover_everything(page: Page) -> None:
    settle(page, length=10, stop="length")
    states = [""]
    page.get_by_role("button", name="Nobody in the village").click()
    states.append(text(page))
    assert states[-1].startswith("Nobody in the village")
    page.keyboard.type("ha")
    states.append(text(page))
    states.append(write(page))
    part(page, "again").click()
    states.append(done(page))
    part(page, "earlier").click()
    states.append(text(page))
    assert states[-1] == states[-3]
    for state in reversed(states[:-1]):
        part(page, "undo").click()
        assert text(page) == state
    expect(part(page, "undo")).to_have_attribute("aria-disabled", "true")
    for state in states[1:]:
        part(page, "redo").click()
        assert text(page) == state
    part(page, "editor").focus()
    page.keyboard.press("Control+z")
    assert text(page) == states[-2]
    page.keyboard.press("Control+y")
    assert text(page) == states[-1]
    # A beginning can be chosen again.
    type_story(page, "")
    page.get_by_role("button", name="Nobody in the village").click()
    assert text(page) == states[1]


def test_try_again_makes_a_version_beside_the_first_and_touches_nothing_else(page: Page) -> None:
    settle(page, length=20, stop="length", seed=7)
    type_story(page, "“One” ")
    first = write(page)[6:]
    put_caret_at_end(page)
    page.keyboard.type(" and “two”")
    part(page, "again").click()
    done(page)
    expect(part(page, "version")).to_have_text("2 of 2")
    second = text(page)[6:-10]
    assert text(page) == f"“One” {second} and “two”"
    assert len(second) == 20
    assert second != first
    part(page, "earlier").click()
    assert text(page) == f"“One” {first} and “two”"
    expect(part(page, "version")).to_have_text("1 of 2")
    put_caret(page, 8)
    page.keyboard.type("XY")  # an edit of a version stays in that version
    part(page, "later").click()
    assert text(page) == f"“One” {second} and “two”"
    part(page, "earlier").click()
    assert text(page) == f"“One” {first[:2]}XY{first[2:]} and “two”"


def test_a_seed_repeats_its_text_and_try_again_names_its_new_seed(page: Page) -> None:
    settle(page, length=20, stop="length", seed=7)
    type_story(page, "a")
    first = write(page)
    expect(part(page, "status")).to_contain_text("seed 7")
    type_story(page, "a")
    assert write(page) == first
    part(page, "again").click()
    assert done(page) != first
    expect(part(page, "status")).to_contain_text("Seed 7 wrote the first; this one is of seed 8.")
    settle(page, temperature=0)
    part(page, "again").click()
    expect(part(page, "status")).to_contain_text("Another try would be the same")
    expect(part(page, "version")).to_have_text("2 of 2")
    part(page, "random-seed").click()
    expect(page.locator("[data-setting=seed]")).not_to_have_value("7")
    part(page, "last-seed").click()
    expect(page.locator("[data-setting=seed]")).to_have_value("8")


# ---- settings --------------------------------------------------------------------------------------------------------


def test_an_empty_stop_text_is_refused_and_a_capital_stops_a_lowercase_model(page: Page) -> None:
    settle(page, stop="text")
    part(page, "write").click()
    expect(part(page, "status")).to_have_text("Type the text to stop at, or choose another way to stop.")
    settle(page, until="I", length=5000, seed=1)
    whole = write(page)
    assert whole.endswith("i")
    assert whole.count("i") == 1
    settle(page, seed="x")
    expect(part(page, "status")).to_contain_text("give a whole number")
    assert page.locator("[data-setting=seed]").get_attribute("aria-invalid") == "true"


def test_the_style_slider_goes_from_safe_to_wild_and_says_when_the_settings_differ_from_it(page: Page) -> None:
    style, name = part(page, "style"), part(page, "style-name")
    expect(name).to_have_text("recommended")
    style.focus()
    page.keyboard.press("End")
    expect(name).to_have_text("wild")
    expect(page.locator("[data-value=temperature]")).to_have_text("1.4")
    settle(page, temperature=0.5)
    expect(name).to_have_text("your own")
    page.get_by_role("button", name="Back to the recommended settings").click()
    expect(name).to_have_text("recommended")
    expect(page.locator("[data-value=temperature]")).to_have_text("0.8")
    part(page, "model").select_option("tutorial")
    expect(page.locator("[data-value=temperature]")).to_have_text("0")
    expect(page.locator("[data-setting=context][value=window]")).to_be_checked()


def test_models_are_shown_by_title_and_chosen_by_arrow_keys(page: Page) -> None:
    model = part(page, "model")
    assert model.locator("option").all_text_contents() == ["Tiny", "Cased", "Tutorial"]
    model.focus()
    page.keyboard.press("ArrowDown")
    expect(model).to_have_value("cased")
    page.get_by_text("About this model").click()
    expect(part(page, "details")).to_contain_text("it needs 3.00 bits per character (fewer is better)")


def test_two_models_write_together_and_their_legend_stays_with_the_text(page: Page) -> None:
    page.get_by_text("Mix two models").click()
    second = page.locator("[data-setting=second]")
    assert second.locator("option").all_text_contents() == ["none", "Cased", "Tutorial"], "none with itself"
    second.select_option("cased")
    expect(part(page, "mix-first")).to_have_text("Tiny")
    expect(part(page, "mix-second")).to_have_text("Cased")
    expect(part(page, "mix-note")).to_contain_text("Tiny writes small letters only")
    settle(page, length=200, stop="length")
    whole = write(page)
    shades = {name: "".join(tinted(page, f"shade-{name}")) for name in range(6)}
    assert sum(map(len, shades.values())) == len(whole)
    assert sum(map(bool, shades.values())) > 2
    assert not re.search("[A-Z]", "".join(shades[name] for name in range(5))), "only one of the two knows capitals"
    part(page, "model").select_option("cased")
    expect(second).to_have_value("")
    expect(part(page, "lens")).to_contain_text("more likely to Tiny")
    expect(part(page, "lens")).to_contain_text("Cased")
    assert len("".join(tinted(page, "shade-5"))) == len(shades[5])


def test_words_are_favoured_and_avoided(page: Page) -> None:
    part(page, "model").select_option("cased")
    settle(page, length=1000, stop="length", favour="hotel", avoid="a", seed=1, temperature=0.5)
    words = write(page).split()
    assert "hotel" in map(str.lower, words)
    assert not [word for word in words if word.lower().startswith("a")]


def test_a_model_learns_from_what_the_visitor_typed(page: Page) -> None:
    typed = "the old lion ate a hot tin on the hill. " * 30
    settle(page, length=100, stop="length", seed=6)
    type_story(page, typed)
    plain = write(page)
    page.locator("[data-setting=adapt]").check()
    type_story(page, typed)
    adapted = write(page)
    assert adapted != plain
    page.get_by_role("radio", name="Surprise").check()
    expect(part(page, "lens")).to_contain_text(re.compile(r"Learning from this text: [\d.]+ bits per character before"))
    before, after = re.findall(r"[\d.]+(?= bits per character before| while)", part(page, "lens").inner_text())
    assert float(after) < float(before)


# ---- keys, words and places ------------------------------------------------------------------------------------------


def test_keys_act_only_on_the_story_and_no_button_moves(page: Page) -> None:
    settle(page, length=5, stop="length")
    for field in ("name", "style"):
        part(page, field).focus()
        page.keyboard.press("Control+Enter")
    page.locator("[data-setting=seed]").press("Control+Enter")
    page.wait_for_timeout(200)
    assert text(page) == ""
    type_story(page, "ah “😀”")
    place = part(page, "write").bounding_box()
    part(page, "write").click()
    done(page)
    expect(part(page, "note")).to_contain_text("😀")
    assert part(page, "write").bounding_box() == place
    assert page.evaluate("document.activeElement.dataset.id") == "write", "the focus stays where it was"


def test_the_parts_have_names_for_screen_readers_and_radios_form_a_group(page: Page) -> None:
    assert page.locator("[role=status]").count() >= 1
    headings = page.locator("h1, h2, h3").all_text_contents()
    assert len(headings) >= 4
    page.get_by_role("radio", name="Who wrote it").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Surprise")).to_be_checked()
    assert page.get_by_role("textbox", name="Your story").get_attribute("aria-multiline") == "true"


# ---- the next letter -------------------------------------------------------------------------------------------------


def test_a_clicked_letter_has_bars_that_follow_the_sliders_and_another_letter_makes_a_branch(page: Page) -> None:
    settle(page, length=20, stop="length")
    type_story(page, "An “Old” lion ate a hat")
    whole = write(page)
    click_letter(page, 14)
    bars = part(page, "bars").locator("button")
    expect(bars.first).to_be_visible()
    expect(part(page, "next-note")).to_contain_text("where “a” stands")
    assert tinted(page, "here") == ["a"]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    shares = bars.all_text_contents()
    settle(page, temperature=1.8)
    assert bars.all_text_contents() != shares
    settle(page, temperature=0)
    expect(bars.first).to_contain_text("100 %")
    settle(page, temperature=1, top_p=1)
    page.get_by_label("Temperature").first.press("Home")  # the slider beside the bars sets the same value
    expect(bars.first).to_contain_text("100 %")
    expect(page.locator("[data-value=temperature]")).to_have_text("0")
    settle(page, temperature=1)
    expect(page.get_by_label("Temperature").first).to_have_value("1")
    assert not asked, "the bars are shaped here, without asking the server"
    other = bars.locator(".glyph:text-matches('^[a-z]$')").filter(has_not_text="a").first
    letter = other.inner_text()
    other.click()
    branched = done(page)
    assert branched.startswith("An “Old” lion " + letter), "what stands before stays as it was typed"
    assert len(branched) == 15 + 20
    expect(part(page, "version")).to_have_text("2 of 2")
    part(page, "earlier").click()
    assert text(page) == whole


def test_a_branch_inside_the_models_text_is_a_version_of_it(page: Page) -> None:
    settle(page, length=20, stop="length")
    type_story(page, "one ")
    whole = write(page)
    put_caret_at_end(page)
    page.keyboard.type("END")
    place = next(place for place in range(10, len(whole)) if whole[place] != "\n")  # a line break has no width to click
    click_letter(page, place)
    part(page, "bars").locator("button").first.click()
    branched = done(page)
    assert branched.startswith(whole[:place])
    assert branched.endswith("END")
    expect(part(page, "version")).to_have_text("2 of 2")
    part(page, "again").click()
    third = done(page)
    assert third[: place + 1] == branched[: place + 1], "a further version keeps the letter that was chosen"
    expect(part(page, "version")).to_have_text("3 of 3")


def test_the_characters_that_a_letter_rests_on_are_tinted(page: Page) -> None:
    type_story(page, "the old lion ate a hot tin")
    click_letter(page, 20)
    part(page, "rests").click()
    expect(part(page, "status")).to_contain_text("The tint shows what this letter rests on")
    assert tinted(page, "rests-5"), "something matters most"
    assert all(len("".join(tinted(page, f"rests-{i}"))) <= 20 for i in range(1, 6)), "and nothing behind it matters"
    put_caret(page, 26)
    page.keyboard.type("s")
    page.wait_for_function("!CSS.highlights.has('rests-5')")


# ---- lenses ----------------------------------------------------------------------------------------------------------


def test_every_lens_tints_the_same_text_and_follows_it(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    type_story(page, "Zebras. " + TALE[10:60] + "😀 lion")
    page.wait_for_timeout(1000)
    assert not asked, "a lens asks only once it is open"
    page.get_by_role("radio", name="Surprise").check()
    page.wait_for_function("[...CSS.highlights.keys()].some(name => name.startsWith('surprise'))")
    expect(part(page, "lens")).to_contain_text("bits per character in what is shown")
    page.get_by_role("button", name="Compare the models").click()
    expect(part(page, "lens").locator("tr")).to_have_count(3)

    page.get_by_role("radio", name="Copies").check()
    page.wait_for_function("CSS.highlights.has('copied')")
    assert tinted(page, "copied") == [TALE[10:60]]
    expect(part(page, "lens")).to_contain_text("One passage stands in what the model has read.")
    put_caret(page, 30)
    page.keyboard.type("aaa")
    expect(part(page, "lens")).to_contain_text("No copy was found")
    expect(page.get_by_text("The marked text stands letter for letter")).to_be_hidden()
    page.wait_for_function("!CSS.highlights.has('copied')")

    page.get_by_role("radio", name="Neurons").check()
    first = page.locator("input[name=neuron]").first
    expect(first).to_be_checked()
    page.wait_for_function("[...CSS.highlights.keys()].some(name => name.startsWith('neuron'))")
    first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("input[name=neuron]").nth(1)).to_be_checked()
    page.get_by_role("radio", name="Who wrote it").check()
    page.wait_for_function("![...CSS.highlights.keys()].some(name => name.startsWith('neuron'))")


def test_a_lens_opens_while_another_one_waits_for_its_answer(page: Page) -> None:
    type_story(page, "Zebras. " + TALE[10:60])
    held: list[Route] = []
    page.route("**/call/surprise/*", lambda route: held.append(route))
    page.get_by_role("radio", name="Surprise").check()
    until(page, lambda: held)
    page.get_by_role("radio", name="Copies").check()
    expect(part(page, "lens")).to_contain_text("One passage stands in what the model has read.")
    page.unroute("**/call/surprise/*")
    page.get_by_role("radio", name="Surprise").check()
    expect(part(page, "lens")).to_contain_text("bits per character in what is shown")


def test_a_neuron_without_a_meaning_that_is_held_is_shown_when_the_lens_opens_again(page: Page) -> None:
    page.get_by_role("radio", name="Neurons").check()
    expect(page.locator("input[name=neuron]").first).to_be_checked()
    named = page.locator(".neurons label").all_inner_texts()
    number = next(n for n in range(1, 12) if not any(f"layer 1, number {n} " in each for each in named))
    page.get_by_text("Any neuron by its number").click()
    page.get_by_role("spinbutton", name="Number").fill(str(number))
    page.get_by_role("button", name="Show", exact=True).click()
    held = page.get_by_label("Hold it fixed while the model writes")
    held.check()
    page.get_by_role("radio", name="Who wrote it").check()
    page.get_by_role("radio", name="Neurons").check()
    expect(held).to_be_checked()
    expect(page.locator("input[name=neuron]:checked")).to_have_count(0)


def test_a_letter_can_be_clicked_in_every_lens(page: Page) -> None:
    settle(page, length=5, stop="length")
    type_story(page, TALE[:70])
    bars = part(page, "bars").locator("button")
    lenses = {"Who wrote it": "here", "Surprise": "surprise", "Copies": "copied", "Neurons": "neuron"}
    for place, (lens, tint) in zip((9, 22, 30, 45), lenses.items(), strict=True):
        page.get_by_role("radio", name=lens).check()
        if lens == "Neurons":
            expect(page.locator("input[name=neuron]").first).to_be_checked()  # the list moves the parts below it
        click_letter(page, place)
        # The note quotes the letters before the place, which show what place the bars belong to.
        expect(part(page, "next-note")).to_contain_text(f"{TALE[place - 5 : place]}”, where “")
        expect(bars.first).to_be_in_viewport()
        assert tinted(page, "here") == [TALE[place]]
        assert page.locator(".letter.there .glyph").inner_text().replace("space", " ") == TALE[place]
        page.wait_for_function("tint => [...CSS.highlights.keys()].some((name) => name.startsWith(tint))", arg=tint)
    page.locator(".letter:not(.there)").first.click()
    assert done(page)[:45] == TALE[:45], "and the model goes on from another one"
    expect(page.get_by_role("radio", name="Neurons")).to_be_checked()
    page.wait_for_function("[...CSS.highlights.keys()].some((name) => name.startsWith('neuron'))")


def test_the_story_stays_editable_while_neurons_are_searched_for(
    shelf: list[Path], browser: Browser, tmp_path: Path
) -> None:
    # A new server: a shared one may have found the neurons of its models already.
    with serving(tmp_path, APP, "--checkpoint", shelf[1]) as (url, _):
        for page in watched(visit(browser, url)):
            look_for_neurons_and_type(page)


def look_for_neurons_and_type(page: Page) -> None:
    type_story(page, "the old lion")
    with holding(page, "neurons") as held:
        page.get_by_role("radio", name="Neurons").check()
        progress = part(page, "lens").get_by_role("progressbar", name="Looking for neurons with a meaning")
        expect(progress).to_be_visible()
        put_caret_at_end(page)
        page.keyboard.type(" ate")
        assert text(page) == "the old lion ate"
        expect(part(page, "editor")).to_be_visible()
        page.evaluate(
            """() => {
              window.shares = [];
              const bar = document.querySelector(".lens progress");
              new MutationObserver(() => shares.push(bar.value)).observe(bar, { attributes: true });
            }"""
        )
        until(page, lambda: held)
    expect(page.locator("input[name=neuron]").first).to_be_checked()
    shares = page.evaluate("shares")
    assert len(shares) > 1, "the progress is shown"
    assert shares == sorted(shares)
    assert text(page) == "the old lion ate"


def test_the_surprise_lens_sends_the_text_before_a_piece(page: Page) -> None:
    type_story(page, TALE.replace("\n", " ") * 30)
    page.keyboard.press("Control+End")
    with page.expect_request(lambda request: bool((request.post_data_json or {}).get("before"))) as asked:
        page.get_by_role("radio", name="Surprise").check()
    whole, piece = text(page), asked.value.post_data_json or {}
    assert len(piece["before"]) == 1000
    assert piece["before"] + piece["text"] in whole
    page.wait_for_function("[...CSS.highlights.keys()].some(name => name.startsWith('surprise'))")


def test_a_neuron_steers_the_text_while_it_is_held_fixed(page: Page) -> None:
    settle(page, length=60, stop="length", seed=4)
    type_story(page, "the old lion ")
    free = write(page)
    page.get_by_role("radio", name="Neurons").check()
    page.get_by_label("Hold it fixed while the model writes").check()
    type_story(page, "the old lion ")
    steered = write(page)
    assert steered != free
    assert len(steered) == len(free)
    page.get_by_label("Hold it fixed while the model writes").uncheck()
    type_story(page, "the old lion ")
    assert write(page) == free


def test_alternatives_are_offered_and_one_key_chooses_one(page: Page) -> None:
    settle(page, alternatives=4)
    type_story(page, "the old lion. an inn ")
    put_caret(page, 13)
    page.keyboard.press("Control+Space")
    options = page.locator(".option")
    expect(options).to_have_count(4)
    expect(part(page, "alternatives")).not_to_have_attribute("aria-busy", "true")
    page.keyboard.press("2")
    expect(part(page, "status")).to_contain_text("Alternative 2 is in the story")
    chosen = text(page)
    assert chosen.startswith("the old lion.")
    assert chosen.endswith(" an inn ")
    expect(part(page, "version")).to_have_text("2 of 4")
    part(page, "earlier").click()
    expect(part(page, "version")).to_have_text("1 of 4")
    part(page, "undo").click()
    part(page, "undo").click()
    assert text(page) == "the old lion. an inn "
    part(page, "editor").focus()
    page.keyboard.press("Control+Space")
    page.keyboard.press("Escape")
    expect(options.first).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.id") == "editor"


def test_an_alternative_that_is_chosen_early_is_inserted_once_it_is_written(page: Page) -> None:
    type_story(page, "the old lion ")
    with holding(page, "write") as held:
        page.keyboard.press("Control+Space")
        expect(page.locator(".option")).to_have_count(3)
        page.keyboard.press("3")
        expect(part(page, "status")).to_contain_text("as soon as it is written")
        assert text(page) == "the old lion "
        until(page, lambda: len(held) == 3)
    expect(part(page, "status")).to_contain_text("Alternative 3 is in the story")
    assert text(page).startswith("the old lion ")
    assert len(text(page)) > 13


def test_a_note_tells_which_word_the_model_finished(page: Page) -> None:
    part(page, "model").select_option("cased")
    settle(page, length=20, stop="length", favour="bottle", temperature=0)
    type_story(page, "a bott")
    write(page)
    expect(part(page, "note")).to_contain_text("It finished your word: “bott” became “bott")


def test_a_newly_opened_story_gets_no_text_that_the_model_writes_in_another(page: Page) -> None:
    part(page, "model").select_option("cased")
    settle(page, length=10000, stop="length")
    type_story(page, "One two three four five six seven eight nine")
    part(page, "write").click()
    page.wait_for_function("document.querySelector('[data-id=editor]').textContent.length > 200")
    part(page, "stories").click()
    part(page, "new-story").click()
    page.wait_for_timeout(500)
    assert text(page) == ""
    expect(part(page, "status")).to_have_text("A new story.")
    expect(part(page, "write")).not_to_have_attribute("aria-disabled", "true")
    part(page, "stories").click()
    written = page.locator(".story-choice", has_text="One two three four five six seven eight…")
    written.click()
    assert len(text(page)) > 200, "what the model wrote is kept in its story"


# ---- stories, files and links ----------------------------------------------------------------------------------------


def test_stories_have_names_and_files(page: Page) -> None:
    settle(page, length=10, stop="length")
    type_story(page, "First line.\nSecond")
    write(page)
    first = text(page)
    with page.expect_download() as download:
        part(page, "export").click()
        part(page, "save-text").click()
    assert download.value.suggested_filename == "First line.txt"
    assert download.value.path().read_text(encoding="utf-8") == first
    with page.expect_download() as download:
        part(page, "save-story").click()
    kept = download.value.path()
    assert json.loads(kept.read_text(encoding="utf-8"))["text"] == first
    with page.expect_download() as download:
        part(page, "save-page").click()
    assert download.value.suggested_filename == f"{part(page, 'model').input_value()}.html"
    expect(part(page, "export-status")).to_contain_text("open it in a browser")
    page.get_by_role("button", name="Copy the text").click()
    expect(part(page, "export-status")).to_have_text("The text is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == first
    page.keyboard.press("Escape")

    part(page, "stories").click()
    part(page, "new-story").click()
    assert text(page) == ""
    part(page, "name").fill("Another")
    type_story(page, "two")
    part(page, "stories").click()
    names = page.locator(".story-choice").all_text_contents()
    assert [name.split(" 1")[0].split(" 2")[0].split(" 3")[0] for name in names] == ["Another", "First line."]
    page.locator(".story-choice").nth(1).click()
    assert text(page) == first
    assert tinted(page, "model") == [first[18:]]

    part(page, "stories").click()
    page.get_by_role("button", name="Delete First line.").click()
    page.get_by_role("button", name="Delete First line.").click()
    expect(page.locator(".story-choice")).to_have_count(1)
    page.locator("[data-id=import-file]").set_input_files(
        {"name": "a.json", "mimeType": "", "buffer": kept.read_bytes()}
    )
    expect(part(page, "status")).to_contain_text("is open")
    assert text(page) == first
    part(page, "undo").click()
    assert text(page) == "First line.\nSecond", "versions and history are in the file"
    for content in (b"{", b'{"format": 3}', b'{"format": "lstm-text-generation story", "version": 1, "text": ""}'):
        page.locator("[data-id=import-file]").set_input_files({"name": "b.json", "mimeType": "", "buffer": content})
        expect(part(page, "status")).to_contain_text("b.json cannot be opened")
    page.locator("[data-id=import-file]").set_input_files(
        {"name": "c.txt", "mimeType": "text/plain", "buffer": "Ä\r\nö".encode()}
    )
    expect(part(page, "name")).to_have_value("c")
    assert text(page) == "Ä\nö"


def test_a_full_store_takes_the_text_alone_and_undo_still_works(page: Page) -> None:
    fill_store(page, '"past":[[')  # which a story with steps to undo has
    settle(page, length=8000, stop="length")
    type_story(page, "one ")
    part(page, "write").click()
    page.wait_for_function("Object.values(localStorage).some((kept) => kept.length > 1000)")  # saved as it is written
    whole = done(page)
    assert len(whole) == 8004
    stored = "(end) => Object.values(localStorage).some((kept) => kept.includes(JSON.stringify(end).slice(1, -1)))"
    page.wait_for_function(stored, arg=whole[-30:])
    part(page, "undo").click()
    assert text(page) == "one "
    empty_store(page)


def test_a_link_restores_the_style(page: Page) -> None:
    part(page, "style").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(part(page, "style")).to_have_value("70")
    type_story(page, "a hat")
    part(page, "export").click()
    part(page, "copy-link").click()
    expect(part(page, "export-status")).to_have_text("A link to this story is copied.")
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(part(page, "style")).to_have_value("70")
    assert text(page) == "a hat"


def test_a_link_restores_text_and_settings_and_its_wrong_values_are_ignored(page: Page, small_server: str) -> None:
    settle(page, seed=11, temperature=0.6)
    part(page, "model").select_option("cased")
    type_story(page, "a & b?\n#1 ü")
    part(page, "export").click()
    part(page, "copy-link").click()
    expect(part(page, "export-status")).to_have_text("A link to this story is copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    page.wait_for_function("Object.values(localStorage).some((kept) => kept.includes('#1 ü'))")
    page.evaluate("localStorage.clear(); sessionStorage.clear()")
    page.goto("about:blank")
    page.goto(link)
    expect(part(page, "model")).to_have_value("cased")
    assert text(page) == "a & b?\n#1 ü"
    assert "#" not in page.url
    expect(page.locator("[data-setting=seed]")).to_have_value("11")
    expect(page.locator("[data-value=temperature]")).to_have_text("0.6")
    page.goto("about:blank")
    page.goto(f"{small_server}/#model=nobody&text=1e5&temperature=x&unheard=of&length=9&stop=length")
    expect(part(page, "editor")).to_have_text("1e5")
    write(page)
    assert len(text(page)) == 3 + 9
    part(page, "stories").click()
    expect(page.locator(".story-choice")).to_have_count(2)


# ---- on a phone ------------------------------------------------------------------------------------------------------


def test_on_a_phone_the_buttons_stay_in_sight_and_lenses_come_from_below(phone: Page) -> None:
    page = phone
    part(page, "open-settings").tap()
    settle(page, length=1200, stop="length", seed=3)
    part(page, "close-panel").tap()
    part(page, "write").tap()
    whole = done(page)
    assert tinted(page, "model")[0] in whole
    bar = part(page, "write").bounding_box()
    assert bar
    assert bar["y"] + bar["height"] <= 844, "the buttons are in sight below a long story"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    put_caret_at_end(page)
    page.keyboard.insert_text("“😀” a")
    part(page, "write").tap()
    done(page)
    expect(part(page, "note")).to_contain_text("😀")
    moved = part(page, "write").bounding_box()
    assert moved
    # The page scrolls by fractions of a pixel, so rounding can move the buttons by one pixel.
    assert moved["y"] == pytest.approx(bar["y"], abs=2), "a note does not move the buttons"
    page.evaluate("scrollTo(0, 0)")
    part(page, "open-lens").tap()
    page.get_by_text("Surprise", exact=True).tap()
    page.wait_for_function("[...CSS.highlights.keys()].some(name => name.startsWith('surprise'))")
    panel, editor = part(page, "panel").bounding_box(), part(page, "editor").bounding_box()
    assert panel
    assert editor
    assert panel["y"] > editor["y"] + 100, "the text is still in sight"
    stop = part(page, "stop").bounding_box()
    assert stop
    assert stop["y"] + stop["height"] <= panel["y"], "and so is what writes and stops"
    page.touchscreen.tap(editor["x"] + 40, editor["y"] + 30)
    expect(part(page, "bars").locator("button").first).to_be_visible()
    assert page.evaluate("document.querySelector('[data-id=editor]').inputMode") == "none"
    page.keyboard.press("Escape")
    expect(part(page, "panel")).to_be_hidden()
    # Only one element holds the text: no copy over or under it can be out of place.
    words = page.evaluate("document.querySelector('[data-id=editor]').textContent.slice(0, 30)")
    holders = page.evaluate(
        """words => [...document.querySelectorAll("*")].filter(({ childNodes }) =>
          [...childNodes].some(({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.includes(words))).length""",
        words,
    )
    assert holders == 1


# ---- nothing is lost -------------------------------------------------------------------------------------------------


def test_a_full_store_keeps_the_story_open_until_it_can_be_saved(page: Page) -> None:
    type_story(page, "the first story")
    part(page, "stories").click()  # saves it
    page.get_by_role("button", name="New story").click()
    type_story(page, "a story that finds no space")
    fill_store(page)
    for press in ("new-story", "story-choice"):
        part(page, "stories").click()
        (part(page, press) if press == "new-story" else page.locator(f".{press}").first).click()
        expect(part(page, "status")).to_contain_text("The browser’s store is full")
        assert text(page) == "a story that finds no space"
    empty_store(page)
    part(page, "stories").click()
    for _ in range(2):
        page.get_by_role("button", name="Delete the first story").or_(page.get_by_text("Delete for good?")).click()
    page.keyboard.press("Escape")
    stored = "Object.values(localStorage).some((kept) => kept.includes('a story that finds no space'))"
    assert page.evaluate(stored), "there is space now"


def test_a_refused_request_leaves_the_story_and_its_steps_as_they_were(page: Page) -> None:
    settle(page, length=20, stop="length", seed=3)
    type_story(page, "the old ")
    whole = write(page)
    put_caret_at_end(page)
    page.keyboard.insert_text(" hat")
    part(page, "undo").click()
    settle(page, avoid="lion", favour="lion")
    for press in ("write", "again"):
        put_caret_at_end(page)
        part(page, press).click()
        expect(part(page, "status")).to_contain_text("leave it in one of the two lists")
        expect(part(page, "stop")).to_have_attribute("aria-disabled", "true")
        assert text(page) == whole
        expect(part(page, "version")).to_have_text("1 of 1")
    part(page, "redo").click()
    assert text(page) == whole + " hat"
    put_caret_at_end(page)
    part(page, "write").click()
    expect(part(page, "status")).to_contain_text("leave it in one of the two lists")
    expect(part(page, "stop")).to_have_attribute("aria-disabled", "true")
    settle(page, avoid="", favour="")
    assert write(page).startswith(whole + " hat"), "the caret has stayed at the end"


def test_an_input_method_cannot_change_the_text_while_the_model_writes(page: Page) -> None:
    settle(page, length=20, stop="length", seed=3)
    type_story(page, "the old ")
    whole = write(page)
    type_story(page, "the old ")
    with holding(page, "write") as held:
        page.keyboard.press("Control+Enter")
        until(page, lambda: held)
        session = page.context.new_cdp_session(page)
        session.send("Input.imeSetComposition", {"text": "é", "selectionStart": 1, "selectionEnd": 1})
        session.send("Input.insertText", {"text": "é"})
        assert text(page) == "the old "
    assert done(page) == whole
    part(page, "undo").click()
    assert text(page) == "the old "


def test_the_alternatives_close_when_the_text_changes(page: Page) -> None:
    settle(page, length=20, stop="length")
    type_story(page, "the old lion ")
    for change in ("write", "type", "undo"):
        page.keyboard.press("Control+Space") if change != "undo" else part(page, "suggest").click()
        expect(part(page, "alternatives")).not_to_have_attribute("aria-busy", "true")
        expect(page.locator(".option").first).to_be_visible()
        if change == "write":
            write(page)
        elif change == "type":
            part(page, "editor").focus()
            page.keyboard.insert_text("a")
        else:
            part(page, "undo").click()
        expect(page.locator(".option").first).to_be_hidden()
        part(page, "editor").focus()


def test_the_story_that_is_being_written_stays_if_it_is_chosen_in_the_list(page: Page) -> None:
    settle(page, length=30, stop="length", seed=2)
    type_story(page, "the old ")
    whole = write(page)
    type_story(page, "the old ")
    with holding(page, "write") as held:
        part(page, "write").click()
        until(page, lambda: held)
        part(page, "stories").click()
        page.locator(".story-choice[aria-current]").click()
    assert done(page) == whole


def test_a_wide_page_has_a_keyboard_again_after_the_lenses_of_a_narrow_one(page: Page) -> None:
    page.set_viewport_size({"width": 820, "height": 1180})
    part(page, "open-lens").click()
    expect(part(page, "editor")).to_have_attribute("inputmode", "none")
    page.set_viewport_size({"width": 1366, "height": 768})
    expect(part(page, "editor")).to_have_attribute("inputmode", "text")


def test_what_is_written_typed_or_undone_is_scrolled_into_sight(page: Page) -> None:
    settle(page, length=20, stop="length")
    type_story(page, "the old lion\n" * 200)
    put_caret_at_end(page)

    def at_end() -> bool:
        box = page.evaluate("document.querySelector('[data-id=editor]').scrollTop + window.scrollY")
        return bool(box > 1000)

    def to_top() -> None:
        page.evaluate("document.querySelector('[data-id=editor]').scrollTop = 0; window.scrollTo(0, 0)")
        assert not at_end()

    to_top()
    page.keyboard.press("Enter")
    assert at_end()
    to_top()
    write(page)
    assert at_end()
    to_top()
    part(page, "undo").click()
    assert at_end()


def test_a_selection_stays_when_the_visitor_comes_back_to_the_window(page: Page) -> None:
    type_story(page, "the old lion")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    page.evaluate("document.querySelector('[data-id=editor]').dispatchEvent(new FocusEvent('focus'))")
    assert page.evaluate("getSelection().toString()") == "on"
    page.keyboard.press("Control+a")
    page.evaluate("document.querySelector('[data-id=editor]').dispatchEvent(new FocusEvent('focus'))")
    page.keyboard.insert_text("a hat")
    assert text(page) == "a hat"


def test_a_blank_value_in_a_link_is_ignored(page: Page, small_server: str) -> None:
    page.goto(small_server + "#text=a&temperature=&length=")
    expect(part(page, "style")).to_have_value("50")
    expect(page.locator("[data-setting=length]")).to_have_value("300")


@pytest.mark.parametrize("greedy", [{"temperature": 0}, {"top_p": 0}, {"top_k": 1}, {"min_p": 1}])
@pytest.mark.parametrize("second", ["", "cased"], ids=["alone", "mixed"])
def test_another_try_is_refused_where_only_the_likeliest_letter_can_be_drawn(
    page: Page, greedy: dict[str, float], second: str
) -> None:
    part(page, "mix").evaluate("details => { details.open = true; }")
    page.locator("[data-setting=second]").select_option(second)
    settle(page, length=5, stop="length", **greedy)
    written = write(page)
    part(page, "again").click()
    expect(part(page, "status")).to_contain_text("Another try would be the same")
    assert text(page) == written


def test_a_wrong_value_is_refused_and_marked_until_a_valid_one_replaces_it(page: Page) -> None:
    type_story(page, "one ")
    for name, wrong, told, button in (
        ("length", "0", "How much to write: give a whole number from 1 to 10,000.", "reset"),
        ("seed", "x", "Seed: give a whole number of at most 15 digits, or leave it blank.", "random-seed"),
    ):
        field = page.locator(f"[data-setting={name}]")
        settle(page, **{name: wrong})
        expect(part(page, "status")).to_have_text(told)
        expect(field).to_have_attribute("aria-invalid", "true")
        part(page, "undo").click()
        part(page, "redo").click()
        expect(part(page, "status")).to_have_text("Redone.")
        part(page, "write").click()
        expect(part(page, "status")).to_have_text(told)
        assert text(page) == "one "
        part(page, button).click()
        expect(field).not_to_have_attribute("aria-invalid", "true")


def test_the_surprise_lens_says_whether_it_reads_or_has_no_text(page: Page) -> None:
    type_story(page, "the old lion")
    held: list[Route] = []
    page.route("**/call/surprise/*", lambda route: held.append(route))
    page.get_by_role("radio", name="Surprise").check()
    until(page, lambda: held)
    expect(part(page, "lens")).to_contain_text("Reading …")
    page.unroute("**/call/surprise/*")
    type_story(page, "")
    expect(part(page, "lens")).to_contain_text("There is no text to read yet.")


def test_the_panel_of_neurons_shows_which_one_is_held(page: Page) -> None:
    page.get_by_role("radio", name="Neurons").check()
    neurons, held = page.locator("input[name=neuron]"), page.get_by_label("Hold it fixed while the model writes")
    expect(neurons.first).to_be_checked()
    held.check()
    places = [label.split(" · ")[0] for label in page.locator(".neurons small").all_inner_texts()]
    neurons.nth(next(i for i, place in enumerate(places) if place != places[0])).check()
    expect(held).not_to_be_checked()
    expect(part(page, "lens")).to_contain_text("Holding another one releases it.")
    neurons.first.check()
    expect(held).to_be_checked()
    expect(part(page, "lens")).not_to_contain_text("Holding another one releases it.")
    settle(page)
    page.locator("[data-setting=adapt]").check()  # which releases the neuron
    expect(held).not_to_be_checked()


def test_what_a_letter_rests_on_is_not_shown_after_a_change_of_the_text(page: Page) -> None:
    type_story(page, "the old lion ate a hot tin")
    click_letter(page, 20)
    held, answer = list[Route](), f'event: complete\ndata: [{{"weights": {[1] * 20}}}]\n\n'
    page.route("**/call/rests_on/*", lambda route: held.append(route))
    part(page, "rests").click()
    until(page, lambda: held)
    put_caret_at_end(page)
    page.keyboard.type("s")
    with page.expect_response("**/call/rests_on/*"):
        held[0].fulfill(content_type="text/event-stream", body=answer)
    page.unroute("**/call/rests_on/*")
    assert not tinted(page, "rests-5")


def test_the_lenses_read_anew_with_a_model_that_has_learned_more(page: Page) -> None:
    # The visitor's model keeps its name in the page; the server's name is new after each training.
    own = """secret => {
      const model = { name: "yours: X", title: "X", secret, sampling: { temperature: 1, top_k: 0, top_p: 1, min_p: 0,
        context: "carried" }, layers: 1, neurons: 11, beginnings: [], details: "" };
      const list = secret ? [{ key: "X", title: "X", name: "yours: X", model }] : [];
      localStorage.setItem("lstm-text-generation own", JSON.stringify(list));
      dispatchEvent(new CustomEvent("own-models", { detail: { chosen: "yours: X" } }));
    }"""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    type_story(page, "the old lion")
    page.get_by_role("radio", name="Surprise").check()
    page.evaluate(own, "cased")
    expect(part(page, "model")).to_have_value("yours: X")
    until(page, lambda: any('"model":"cased"' in each for each in asked))
    expect(part(page, "lens")).to_contain_text("bits per character in what is shown")
    part(page, "model").select_option("tiny")
    page.evaluate(own, "tutorial")
    expect(part(page, "model")).to_have_value("yours: X")
    until(page, lambda: any('"model":"tutorial"' in each for each in asked))
    page.evaluate(own, None)


def test_an_unexpected_error_of_a_lens_reaches_the_console(small_server: str, browser: Browser) -> None:
    page, answer = visit(browser, small_server), "event: complete\ndata: [{}]\n\n"
    page.route("**/call/surprise/*", lambda route: route.fulfill(content_type="text/event-stream", body=answer))
    type_story(page, "the old lion")
    with page.expect_event("pageerror"):
        page.get_by_role("radio", name="Surprise").check()
    page.context.close()
