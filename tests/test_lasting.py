"""A story survives a reload, Back, another tab, a lost connection and a restarted server."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import APP, SLOW, done, part, serving, settle, text, tinted, type_story, visit, write
from tests.proxy import Proxy

LONG = 10_000  # characters, the most for one request: `cased` takes some seconds to write them
AWAY = 10  # seconds without any connection


@pytest.fixture
def proxy(small_server: str) -> Iterator[Proxy]:
    proxy = Proxy(urlparse(small_server).port or 0)
    yield proxy
    proxy.close()


def another(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.set_default_timeout(SLOW)
    page.goto(url)
    expect(part(page, "write")).to_be_visible()
    return page


def begin_long(page: Page, seed: int) -> None:
    """Let the slower model begin a long text."""
    part(page, "model").select_option("cased")
    settle(page, length=LONG, stop="length", seed=seed)
    type_story(page, "The lion ")
    part(page, "write").click()
    page.wait_for_function("document.querySelector('[data-id=editor]').textContent.length > 300")


def test_a_story_comes_back_after_a_reload_and_after_going_back(small_server: str, browser: Browser) -> None:
    page = visit(browser, small_server)
    settle(page, length=20, stop="length", seed=9)
    part(page, "name").fill("Lion")
    type_story(page, "the old lion ")
    first = write(page)
    part(page, "again").click()
    whole = done(page)
    for away in (
        lambda: page.reload(),
        lambda: (page.goto("about:blank"), page.go_back()),
        lambda: page.goto(small_server),
    ):
        away()
        expect(part(page, "editor")).to_have_text(whole.strip(), use_inner_text=True)
        assert text(page) == whole
        page.wait_for_function("CSS.highlights.has('model')")
        assert tinted(page, "model") == [whole[13:]]
        expect(part(page, "name")).to_have_value("Lion")
        expect(part(page, "version")).to_have_text("2 of 2")
        expect(page.locator("[data-setting=seed]")).to_have_value("9")
    part(page, "earlier").click()
    assert text(page) == first
    for _ in range(3):
        part(page, "undo").click()
    assert text(page) == "the old lion "
    # A reload in the middle of writing keeps what has come.
    begin_long(page, 5)
    page.reload()
    expect(part(page, "editor")).to_contain_text("The lion ")
    kept = text(page)
    assert kept.startswith("The lion ")
    assert len(kept) > 200
    # And so does a tab that is closed.
    context = page.context
    page.close()
    assert text(another(context, small_server)) == kept
    context.close()


def test_if_the_browser_stores_nothing_the_page_says_so_and_still_writes(small_server: str, browser: Browser) -> None:
    context = browser.new_context()
    context.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"])
          Object.defineProperty(window, name, { get() { throw new DOMException("", "SecurityError"); } });"""
    )
    page = another(context, small_server)
    expect(part(page, "unavailable")).to_contain_text("This browser keeps nothing of this page")
    type_story(page, "the old lion ")
    first = write(page)
    part(page, "stories").click()
    part(page, "new-story").click()
    assert text(page) == ""
    part(page, "stories").click()
    page.locator(".story-choice").click()
    assert text(page) == first, "until the page is closed"
    context.close()


def test_two_tabs_follow_each_other_and_lose_nothing_where_both_write(small_server: str, browser: Browser) -> None:
    one = visit(browser, small_server)
    type_story(one, "the old lion")
    one.wait_for_function("Object.values(localStorage).some((kept) => kept.includes('the old lion'))")
    one.context.add_init_script(
        "addEventListener('storage', (event) => window.deaf && event.stopImmediatePropagation())"
    )
    two = another(one.context, small_server)
    assert text(two) == "the old lion"
    type_story(two, "the old hat")
    expect(part(one, "editor")).to_have_text("the old hat")
    two.evaluate("window.deaf = true")  # it changes the story before it learns of the other's change
    for page, words in ((one, "one"), (two, "two")):
        page.evaluate(
            """words => {
              const editor = document.querySelector("[data-id=editor]");
              editor.firstChild.data = words;
              editor.dispatchEvent(new InputEvent("input"));
            }""",
            words,
        )
        for tab in (one, two):  # the processes of the browser see each other's store only after a while
            tab.wait_for_function(
                '(words) => Object.values(localStorage).some((kept) => kept.includes(`"text":"${words}"`))', arg=words
            )
    one.wait_for_function("Object.keys(localStorage).filter((key) => key.includes(' story ')).length === 2")
    two.reload()
    part(two, "stories").click()
    expect(two.locator(".story-choice")).to_have_count(2)
    names = "".join(two.locator(".story-choice").all_text_contents())
    assert "one" in names
    assert "two" in names
    one.context.close()


def test_a_cut_connection_loses_no_text_of_an_idle_or_a_writing_page(
    small_server: str, proxy: Proxy, browser: Browser
) -> None:
    whole = visit(browser, small_server)
    begin_long(whole, 5)
    expected = done(whole)
    whole.context.close()

    idle, writing = visit(browser, proxy.url), visit(browser, proxy.url)
    type_story(idle, "the old lion")
    begin_long(writing, 5)
    proxy.cut()
    expect(part(writing, "status")).to_contain_text("The connection is lost. What is written is kept")
    arrived = text(writing)
    assert 300 < len(arrived) < len(expected)
    idle.keyboard.type(" ate")
    part(idle, "write").click()
    expect(part(idle, "status")).to_contain_text("The connection is lost")
    time.sleep(AWAY)
    assert text(writing) == arrived
    proxy.mend()
    assert done(writing) == expected, "the same text as if nothing had happened"
    assert done(idle).startswith("the old lion ate")
    assert len(text(idle)) > 100
    for page in (idle, writing):
        page.context.close()


def test_a_server_that_is_killed_and_started_again_goes_on(
    shelf: list[Path], tmp_path: Path, browser: Browser, small_server: str
) -> None:
    whole = visit(browser, small_server)
    begin_long(whole, 7)
    expected = done(whole)
    whole.context.close()
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    command: list[str | Path] = [APP, "--checkpoint", *shelf]
    with serving(tmp_path / "one", *command, end=Popen.kill) as (url, _):
        page = visit(browser, url)
        begin_long(page, 7)
    expect(part(page, "status")).to_contain_text("The connection is lost")
    port = str(urlparse(url).port)
    with serving(tmp_path / "two", *command, GRADIO_SERVER_PORT=port) as (_, log):
        assert done(page) == expected
        assert re.match("Done: 10,000 characters", part(page, "status").inner_text())
        page.context.close()
    assert "Traceback" not in log.read_text()
