"""Training in the page: complete trainings in a real browser, two visitors at once, and refusals of the endpoints."""

import asyncio
import base64
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, cast

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Browser, Page, expect

from interface.listening import Listening
from interface.models import Models
from interface.training import LOOKERS, decoded, heard, number, training_functions
from model.checkpoint import save
from model.hub import load
from model.loaded import Model
from model.text_file import TextFileError
from tests.browser import APP, fill_store, part, serving, text, type_story, visit, write
from tests.conftest import book, wait
from training.jobs import Jobs
from training.limits import Limits, Plan

# The app with short trainings of a tiny network; their processes keep their priority, so that no test waits long.
APP_WITH_TINY_TRAININGS = """
import signal
import sys

import app
from training import command, jobs, limits

tiny = "--hidden-size 11 --embedding-size 7 --layers 1 --batch-size 5 --window 13".split()
brief = [*tiny, "--steps", "3000", "--evaluate-every", "200", "--patience", "0"]
command.lower_priority = lambda *_: None
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell makes its background jobs ignore Ctrl-C
made = jobs.Jobs(limits.Limits(megabytes=0.1, minutes=1000), brief)
try:
    app.launch(app.build(app.load_models(sys.argv[1:])[0], app.Scheduler(), jobs=made))
finally:
    made.close()
"""


@pytest.fixture(scope="module")
def address(shelf: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("training")
    command = ("-c", APP_WITH_TINY_TRAININGS, str(shelf[0]))
    # Ctrl-C ends the app as a person would.
    with serving(place, *command, end=interrupt, TMPDIR=str(place)) as (url, log):
        yield url
    assert "Traceback" not in log.read_text(), log.read_text()
    assert not list(place.glob("lstm-training-*")), "all is deleted at the end"


def interrupt(app: "subprocess.Popen[bytes]") -> None:
    app.send_signal(signal.SIGINT)


def begin(page: Page, source: str, **values: str) -> None:
    """Choose where the text comes from, and fill in its fields."""
    page.get_by_role("tab", name="Train").click()
    page.locator(f"[name=train-source][value={source}]").check()
    for name, value in values.items():
        part(page, f"train-{name}").fill(value)


def read_it(page: Page) -> None:
    """Have the text read, and choose to begin from nothing."""
    part(page, "train-read").click()
    expect(part(page, "train-status")).to_contain_text("The text is read.")
    part(page, "train-begin").select_option("none")
    expect(part(page, "train-plan")).to_contain_text("from nothing, as chosen")
    expect(part(page, "train-go")).not_to_have_attribute("aria-disabled", "true")


def test_a_visitor_trains_on_a_file_writes_with_it_and_loads_what_was_downloaded(
    address: str, browser: Browser, tmp_path: Path
) -> None:
    page = visit(browser, address)
    begin(page, "files")
    part(page, "train-read").click()
    expect(part(page, "train-status")).to_have_text("Choose one or more text files first.")
    part(page, "train-files").set_input_files(
        {"name": "My tale.txt", "mimeType": "text/plain", "buffer": book(9_000).encode()}
    )
    read_it(page)
    expect(part(page, "train-summary")).to_contain_text("My tale: 9,0")
    part(page, "train-go").click()
    expect(part(page, "train-sample-at")).to_contain_text("What it writes at step")
    expect(page.locator(".curve polyline").first).to_be_attached()
    page.reload()  # a visitor who comes back finds the training
    page.get_by_role("tab", name="Train").click()
    expect(part(page, "train-status")).to_have_text("It has learned the text. Write with it.")

    with page.expect_download() as download:
        part(page, "train-download").click()
    assert download.value.suggested_filename == "My tale.zip"
    file = tmp_path / "my tale.zip"
    download.value.save_as(file)
    assert load(file).training["corpus"]["name"] == "My tale"
    with page.expect_download() as download:
        part(page, "train-page").click()
    assert download.value.suggested_filename == "My tale.html"
    assert "<h1>My tale</h1>" in download.value.path().read_text(encoding="utf-8")

    part(page, "train-write").click()
    expect(part(page, "model")).to_have_value("yours: My tale")
    assert write(page)
    page.get_by_role("radio", name="Surprise").check()
    page.wait_for_function("[...CSS.highlights.keys()].some((key) => key.startsWith('surprise-'))")
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; }")
    part(page, "export").click()
    part(page, "copy-link").click()
    [own] = page.evaluate("JSON.parse(localStorage.getItem('lstm-text-generation own'))")
    assert own["model"]["secret"].startswith(own["key"])
    page.wait_for_function("window.copied")
    assert own["key"] not in page.evaluate("window.copied"), "a link gives nobody the key"
    page.keyboard.press("Escape")

    page.get_by_role("tab", name="Train").click()
    part(page, "train-delete").click()
    part(page, "train-delete").click()
    expect(part(page, "train-status")).to_have_text("Text and model are deleted.")
    page.get_by_role("tab", name="Your story").click()
    expect(part(page, "model")).to_have_value("tiny")
    assert page.evaluate("localStorage.getItem('lstm-text-generation own')") == "[]"
    with pytest.raises(AppError, match="There is no training with this key"):
        Client(address, verbose=False).predict(own["key"], api_name="/training")
    with pytest.raises(AppError, match=r"choose one of tiny\."):
        Client(address, verbose=False).predict("a", model=own["model"]["secret"], api_name="/predict")
    page.context.close()


def test_two_visitors_do_not_see_each_other(address: str, browser: Browser) -> None:
    first, second = visit(browser, address), visit(browser, address, "phone")
    for page, name in ((first, "Mine"), (second, "Other")):
        begin(page, "paste", name=name, text=book(2_500, seed=len(name)))
        read_it(page)
    for page in (first, second):
        part(page, "train-go").click()
    for page, name in ((first, "Mine"), (second, "Other")):
        expect(part(page, "train-status")).to_have_text("It has learned the text. Write with it.")
        assert part(page, "train-which").locator("option").all_text_contents() == [name]
        part(page, "train-write").click()
        expect(part(page, "model")).to_have_value(f"yours: {name}")
        assert part(page, "model").locator("option").count() == 2
    secrets = [
        page.evaluate("JSON.parse(localStorage.getItem('lstm-text-generation own'))[0].key") for page in (first, second)
    ]
    api = Client(address, verbose=False)
    assert not any(secret in str(api.view_api(return_format="dict")) + str(api.config) for secret in secrets)
    assert first.request.get(f"{address}/config").ok
    assert not any(secret in first.request.get(f"{address}/config").text() for secret in secrets)
    for page in (first, second):
        page.context.close()


def test_the_choices_do_not_move_while_a_finger_touches_one(address: str, browser: Browser) -> None:
    page = visit(browser, address, "phone")
    page.get_by_role("tab", name="Train").tap()
    page.locator("[name=train-source][value=story]").tap()
    part(page, "train-read").tap()
    expect(part(page, "train-status")).to_have_text("Write a story first.")
    page.get_by_role("tab", name="Your story").tap()
    type_story(page, "A story is one more text to choose.")
    page.wait_for_function("Object.keys(localStorage).some(key => key.includes('story '))")  # the story is saved
    page.get_by_role("tab", name="Train").tap()
    page.locator("[name=train-source][value=sample]").tap()
    expect(page.locator("[name=train-source]:checked")).to_have_value("sample")
    page.locator("[name=train-source][value=story]").tap()
    expect(part(page, "train-story")).to_have_value(re.compile("."))


def test_a_killed_training_is_reported_and_can_be_resumed(
    address: str, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page = visit(browser, address)
    begin(page, "paste", name="Long", text=book(2_500))
    read_it(page)
    part(page, "train-go").click()
    # Kill it as soon as it can be resumed: when the page shows a sample, it may have ended.
    wait(lambda: list(tmp_path_factory.getbasetemp().glob("*/lstm-training-*/*/model.unfinished")), 600, 0.02)
    trains = subprocess.run(["pgrep", "-f", r"training\.train Long\.txt"], capture_output=True, text=True, check=True)
    own = tmp_path_factory.getbasetemp()
    for process in trains.stdout.split():
        if Path(f"/proc/{process}/cwd").resolve().is_relative_to(own):  # else it is of another run of these tests
            os.kill(int(process), signal.SIGKILL)
    expect(part(page, "train-status")).to_contain_text("The training has ended: the process was ended from outside")
    part(page, "train-on").click()
    expect(part(page, "train-status")).to_have_text("It has learned the text. Write with it.")
    page.context.close()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Empty.txt is empty: give a file with text in it."),
        (b"\x89PNG\0\0" * 500, "Empty.txt is not a text file: give plain text, such as a book's .txt edition."),
        (b"a" * 200_000, "Empty.txt has 0.2 MB, but at most 0.1 MB can be read: give a part of it."),
    ],
    ids=["empty", "picture", "large"],
)
def test_the_page_refuses_a_file_in_the_words_of_the_command(
    address: str, browser: Browser, content: bytes, told: str
) -> None:
    page = visit(browser, address)
    begin(page, "files")
    part(page, "train-files").set_input_files({"name": "Empty.txt", "mimeType": "text/plain", "buffer": content})
    part(page, "train-read").click()
    expect(part(page, "train-status")).to_have_text(told)
    page.context.close()


def test_the_page_refuses_a_file_that_the_browser_cannot_read(address: str, browser: Browser, tmp_path: Path) -> None:
    page, file = visit(browser, address), tmp_path / "Gone.txt"
    file.write_text(book(2_500), encoding="utf-8")
    begin(page, "files")
    part(page, "train-files").set_input_files(file)
    file.unlink()
    part(page, "train-read").click()
    expect(part(page, "train-status")).to_have_text("The browser cannot read Gone.txt: choose the file again.")
    page.context.close()


def test_after_a_failed_request_the_page_shows_the_old_plan_and_goes_on_watching(
    address: str, browser: Browser
) -> None:
    page = visit(browser, address)
    page.clock.install()
    begin(page, "paste", name="Gap", text=book(2_500))
    read_it(page)
    page.route("**/call/v2/change_plan", lambda route: route.abort())
    part(page, "train-minutes").select_option("1")
    expect(part(page, "train-status")).to_have_text("The connection is lost. Try again when it is back.")
    expect(part(page, "train-minutes")).to_have_value("0")
    with page.expect_request("**/call/v2/training"):
        page.clock.fast_forward(61_000)
    page.context.close()


def test_a_training_for_which_the_store_has_no_space_is_there_until_the_page_is_closed(
    address: str, browser: Browser
) -> None:
    page = visit(browser, address)
    fill_store(page)
    begin(page, "paste", name="Full", text=book(2_500))
    read_it(page)
    expect(part(page, "train-status")).to_contain_text("this training is lost when the page is closed")
    part(page, "train-go").click()
    expect(part(page, "train-status")).to_contain_text("It has learned the text. Write with it.")
    assert part(page, "train-which").locator("option").all_text_contents() == ["Full"]
    part(page, "train-write").click()
    expect(part(page, "model")).to_have_value("yours: Full")
    page.context.close()


def test_training_can_be_switched_off(shelf: list[Path], tmp_path: Path, browser: Browser) -> None:
    with serving(tmp_path, APP, "--checkpoint", shelf[0], TRAINING="off") as (url, _):
        page = visit(browser, url)
        expect(page.get_by_role("tab")).to_have_text(["Your story", "How it works"])
        assert text(page) == ""
        page.context.close()
        assert "/train" not in Client(url, verbose=False).view_api(return_format="dict")["named_endpoints"]


# ---- the endpoints without a page ------------------------------------------------------------------------------------


@pytest.fixture
def ask(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """A function that calls an endpoint by its name."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    jobs = Jobs(Limits(megabytes=0.01))
    functions = {each.__name__: each for each in training_functions(Models({"tiny": model}), jobs)}
    yield lambda name, *values, **named: functions[name](*values, **named)
    jobs.close()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"text": "a", "begin": "/etc/passwd"}, "Begin is '/etc/passwd', but must be auto or none."),
        ({"text": "a", "minutes": -1}, "Minutes is -1, but must be a number from 0 to 10,000."),
        ({"text": "a", "minutes": 11}, "Minutes is 11, but a training here has at most 10: give fewer."),
        ({"text": "a" * 20_000}, "Pasted text.txt has 0.02 MB, but at most 0.01 MB can be read: give a part of it."),
        ({"book": "alice"}, "'alice' names no book: give the number of a book of Project Gutenberg, or its address."),
        ({"files": [{"name": "a"}]}, "Each file must have a name, and data in base64."),
    ],
)
def test_wrong_values_are_refused_in_a_sentence(ask: Callable[..., Any], values: dict[str, Any], told: str) -> None:
    with pytest.raises(gr.Error) as refused:
        ask("open_text", **values)
    assert refused.value.message == told


@pytest.mark.parametrize(
    "name", ["change_plan", "train", "stop_training", "training", "download_model", "delete_training"]
)
def test_a_wrong_key_gives_no_access(ask: Callable[..., Any], name: str) -> None:
    ask("open_text", text=book(2_100))
    for key in ("", None, 5, ["a"], "0" * 32):
        with pytest.raises(gr.Error, match="There is no training with this key"):
            ask(name, key)


def test_an_endpoint_answers_while_all_calls_of_another_one_wait() -> None:
    class Listener:
        async def visitor(self, _: object) -> str:
            return "ann"

    go_on = Event()
    listening = cast(Listening, Listener())
    waiting, quick = heard(lambda: go_on.wait(), listening), heard(lambda: "answer", listening)

    async def ask() -> None:
        others = [asyncio.create_task(waiting(None)) for _ in range(2 * LOOKERS)]
        await asyncio.sleep(0)  # they begin first
        try:
            assert await asyncio.wait_for(quick(None), 60) == "answer"
            assert not any(other.done() for other in others)
        finally:
            go_on.set()
        await asyncio.gather(*others)

    with ThreadPoolExecutor() as thread:  # the browser of this file has an event loop in this one
        thread.submit(asyncio.run, ask()).result()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), FileNotFoundError(2, "No such directory")])
def test_a_model_that_cannot_be_packed_is_refused_in_a_sentence(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(Jobs, "_begin_report", lambda *_: None)
    jobs = Jobs(Limits())
    job = jobs.add({"tale.txt": b"a tale"}, Plan())
    save(model, job.model)
    job.state = "done"
    functions = training_functions(Models({"tiny": model}), jobs)
    [download] = [each for each in functions if each.__name__ == "download_model"]
    assert download(job.key)["name"] == "tale.zip"
    monkeypatch.setattr("tempfile.TemporaryDirectory", fail)
    with pytest.raises(gr.Error, match=rf"^'{error.strerror}\.'$"):
        download(job.key)
    jobs.close()


def test_files_come_in_base64() -> None:
    def file(name: str, content: bytes) -> dict[str, str]:
        return {"name": name, "data": base64.b64encode(content).decode()}

    files = [file("a.txt", b"one"), file("a.txt", b"\xff\0")]
    assert decoded(files, 9) == {"a.txt": b"one", "another a.txt": b"\xff\0"}
    with pytest.raises(TextFileError, match=r"^a\.txt has"):
        decoded([file("a.txt", b"a" * 30)], 9)
    with pytest.raises(ValueError, match="files must be a list"):
        decoded({"name": "a.txt", "data": ""}, 9)


def test_a_book_is_named_by_its_number_or_address() -> None:
    assert [number(typed) for typed in (" 11 ", "https://www.gutenberg.org/ebooks/11", "gutenberg:11")] == [11] * 3
