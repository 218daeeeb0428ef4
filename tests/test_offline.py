"""The offline page, opened from disk in a real browser: it writes what the decoder writes, and sends no request."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wasmtime
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect

from model.decoder import Decoder
from model.generation import GenerationConfig, defaults, generate
from model.hub import load
from model.loaded import Model
from model.offline.page import HERE, _vocabulary, offline_page
from model.vocabulary import Vocabulary
from tests.browser import SIZES, SLOW, until
from tests.test_access import AXE

ASSETS = Path(__file__).parent.parent / "assets"
SHIPPED = sorted(config.parent.name for config in ASSETS.glob("*/config.json"))


# ---- the product -----------------------------------------------------------------------------------------------------


def test_the_binary_is_compiled_from_its_source() -> None:
    source = (HERE / "product.wat").read_text(encoding="utf-8")
    assert bytes(wasmtime.wat2wasm(source)) == (HERE / "product.wasm").read_bytes()


@pytest.mark.parametrize(
    ("kind", "of_weights", "of_x"), [("int8", np.int8, np.int16), ("float32",) + (np.float32,) * 2]
)
@pytest.mark.parametrize("columns", [16, 48])
def test_the_product_of_a_matrix_and_a_vector_is_exact(kind: str, of_weights: Any, of_x: Any, columns: int) -> None:
    store = wasmtime.Store()
    memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(1, None)))
    module = wasmtime.Module(store.engine, (HERE / "product.wasm").read_bytes())
    product: Any = wasmtime.Instance(store, module, [memory]).exports(store)[kind]
    random = np.random.default_rng(1)
    weights = random.integers(-127, 128, (5, columns)).astype(of_weights)
    x = random.integers(-127, 128, columns).astype(of_x)
    memory.write(store, weights.tobytes(), 64)
    memory.write(store, x.tobytes(), 8192)
    product(store, 64, 8192, 16384, 5, columns)
    sums = np.frombuffer(memory.read(store, 16384, 16384 + 4 * 6), np.float32)
    np.testing.assert_array_equal(sums, [*(weights.astype(float) @ x), 0])


# ---- the page --------------------------------------------------------------------------------------------------------


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#{name}")


def opened(browser: Browser, file: Path, size: str = "laptop", script: str = "", **options: Any) -> Iterator[Page]:
    """Yield the page of a file; at the end, assert that it requested no other URL and logged no error."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, is_mobile=size == "phone", **options)
    context.set_default_timeout(SLOW)
    context.add_init_script(script)
    page, asked, complaints = context.new_page(), set(), []
    context.on("request", lambda request: asked.add(request.url.split("?")[0]))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(file.as_uri())
    expect(part(page, "status")).to_have_text(re.compile("Ready|cannot"))
    yield page
    context.close()
    assert {url for url in asked if not url.startswith("blob:")} == {file.as_uri()}
    assert not complaints


@pytest.fixture(scope="module")
def cased(shelf: list[Path]) -> Model:
    """A model whose decoder is exact, as those of all larger networks are."""
    model = load(shelf[1])
    vars(model)["decoder"] = Decoder(model.network, exact=True)
    return model


@pytest.fixture(scope="module")
def file(cased: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "cased.html"
    path.write_bytes(offline_page(cased))
    return path


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    yield from opened(browser, file)


def settle(page: Page, **values: float) -> None:
    for name, value in values.items():
        field = part(page, name)
        if field.get_attribute("type") == "range":
            field.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)
        else:
            field.fill(str(value))


def text(page: Page) -> str:
    return part(page, "text").input_value()


def write(page: Page, button: str = "write") -> str:
    """Press a button that starts the model, and return the story when the model has stopped."""
    part(page, button).click()
    expect(part(page, "status")).to_have_text(re.compile("^(Done|Stopped)"))
    return text(page)


def tinted(page: Page) -> str:
    return "".join(page.locator("mark").all_text_contents())


def by_python(model: Model, prompt: str, **settings: Any) -> str:
    """Return the decoder's continuation of a prompt, which begins a paragraph as in the app."""
    config = GenerationConfig(**{**defaults(model), **settings})
    return "".join(generate(model, model.opening + prompt, config))


@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_model_writes_the_1000_characters_that_the_decoder_writes(
    browser: Browser, name: str, tmp_path: Path
) -> None:
    model, prompt = load(ASSETS / name), "once upon a time"
    (tmp_path / "page.html").write_bytes(offline_page(model))
    for page in opened(browser, tmp_path / "page.html"):
        settle(page, temperature=0, length=1000)
        part(page, "text").fill(prompt)
        assert write(page) == prompt + by_python(model, prompt, temperature=0)


def test_a_seed_gives_the_same_text_as_in_the_app(page: Page, cased: Model) -> None:
    prompt = "“HELLO, ODD LION.”\n\nA hat"
    for seed, top_p in ((0, 1), (5, 0.8), (987_654_321_098_765, 0.97)):
        settle(page, seed=seed, length=300, temperature=0.85, top_p=top_p)
        part(page, "text").fill(prompt)
        assert write(page) == prompt + by_python(cased, prompt, seed=seed, length=300, temperature=0.85, top_p=top_p)


def test_unknown_characters_are_repaired_as_in_python(page: Page, cased: Model) -> None:
    prompt = 'é "Ball" 😀\r\nŁ…\tzebra’s-- № he'
    settle(page, seed=3, length=100)
    part(page, "text").fill(prompt)
    assert write(page).removeprefix(prompt.replace("\r\n", "\n")) == by_python(cased, prompt, seed=3, length=100)


def test_it_stops_at_once_and_goes_on_as_if_it_had_never_stopped(page: Page, cased: Model) -> None:
    settle(page, seed=5, length=10000)
    part(page, "text").fill("A tale")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("x")  # ignored while the model writes
    until(page, lambda: "a second" in (part(page, "progress").text_content() or ""))
    page.keyboard.press("Escape")
    expect(part(page, "status")).to_have_text(re.compile("^Stopped"))
    stopped = text(page)
    assert stopped.startswith("A tale")
    assert 6 < len(stopped) < 10006
    assert tinted(page) == stopped[6:]
    settle(page, length=50)
    assert write(page) == "A tale" + by_python(cased, "A tale", seed=5, length=len(stopped) - 6 + 50)
    assert tinted(page) == text(page)[6:]


@pytest.mark.parametrize("size", SIZES)
def test_the_end_of_the_written_text_stays_in_sight(browser: Browser, file: Path, size: str) -> None:
    for page in opened(browser, file, size):
        settle(page, length=3000)
        part(page, "text").fill("A hat")
        write(page)
        ends = "[...document.querySelector('mark').getClientRects()].at(-1).bottom"
        assert page.evaluate(f"{ends} < document.querySelector('.actions').getBoundingClientRect().top")
        assert page.evaluate(f"{ends} > 0")
        if size == "laptop":  # there the text scrolls by itself, and the page around it does not
            assert page.evaluate("scrollY") == 0


def test_another_try_is_another_text_and_undo_covers_everything(page: Page) -> None:
    settle(page, length=40)
    part(page, "text").fill("A hat")
    first = write(page)
    second = write(page, "again")
    assert (len(first), len(second)) == (45, 45)
    assert first != second
    assert second.startswith("A hat")
    for button, expected in (("undo", first), ("undo", "A hat"), ("redo", first), ("redo", second), ("undo", first)):
        part(page, button).click()
        assert text(page) == expected
        assert tinted(page) == expected[5:]
    part(page, "text").press("Control+Home")
    page.keyboard.type("Ho! ")
    third = write(page, "again")
    assert third.startswith("Ho! A hat")
    assert len(third) == 49
    part(page, "text").press("Control+End")
    page.keyboard.press("Backspace")
    assert text(page) == third[:-1]
    assert tinted(page) == third[9:-1], "only what the model wrote stays tinted"
    expect(part(page, "again")).to_have_attribute("aria-disabled", "true")  # it would delete the visitor's change
    part(page, "undo").click()
    assert text(page) == third
    for greedy in ({"temperature": 0}, {"temperature": 1, "top_p": 0}):
        settle(page, **greedy)
        part(page, "again").click()
        expect(part(page, "status")).to_contain_text("Another try would be the same")
        part(page, "status").evaluate("status => { status.textContent = ''; }")


def test_the_story_and_the_settings_are_there_again_after_a_reload(page: Page) -> None:
    settle(page, length=30, temperature=0.4, seed=7)
    part(page, "text").fill("A hot day")
    written = write(page)
    page.reload()
    expect(part(page, "status")).to_have_text("Ready.")
    assert text(page) == written
    assert tinted(page) == written[9:]
    assert [part(page, name).input_value() for name in ("length", "temperature", "seed")] == ["30", "0.4", "7"]
    part(page, "reset").click()
    assert [part(page, name).input_value() for name in ("length", "temperature", "seed")] == ["1000", "1", ""]


def test_a_story_in_two_tabs_is_the_same_in_both_and_neither_loses_its_text(page: Page) -> None:
    part(page, "text").fill("A hat")
    until(page, lambda: "A hat" in page.evaluate("JSON.stringify(localStorage)"))  # it is saved
    other = page.context.new_page()
    other.goto(page.url)
    expect(part(other, "status")).to_have_text("Ready.")
    expect(part(other, "text")).to_have_value("A hat")
    part(other, "text").fill("A hot tin")
    settle(other, length=30)
    expect(part(page, "text")).to_have_value("A hot tin")
    expect(part(page, "status")).to_contain_text("changed in another tab")
    expect(part(page, "length")).to_have_value("30")
    written = write(page)
    assert len(written) == 39
    expect(part(other, "text")).to_have_value(written)
    for tab, earlier in ((page, "A hot tin"), (page, "A hat"), (other, "A hot tin")):
        part(tab, "undo").click()
        expect(part(tab, "text")).to_have_value(earlier)


def test_wrong_settings_are_refused_in_one_sentence_and_nothing_is_lost(page: Page) -> None:
    part(page, "text").fill("A hat")
    for name, wrong, said in (("length", "0", "from 1 to 10,000"), ("seed", "x", "a whole number")):
        part(page, name).fill(wrong)
        part(page, "write").click()
        expect(part(page, "status")).to_contain_text(said)
        part(page, "reset").click()
    assert text(page) == "A hat"


def test_neither_the_page_nor_its_worker_can_ask_another_host(browser: Browser, file: Path) -> None:
    fetching = "fetch('https://example.org').then(() => 'answered', (error) => error.name)"
    context = browser.new_context()
    page, asked = context.new_page(), []
    context.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert page.evaluate(fetching) == "TypeError"
    worker = f"new Worker(URL.createObjectURL(new Blob([`{fetching}.then(postMessage)`])))"
    assert page.evaluate(f"new Promise((resolve) => {worker}.onmessage = ({{ data }}) => resolve(data))") == "TypeError"
    context.close()
    assert not [url for url in asked if url.startswith("http")]


def test_without_local_storage_the_page_says_so_and_still_writes(browser: Browser, file: Path) -> None:
    refused = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('', 'SecurityError'); } });"
    )
    for page in opened(browser, file, script=refused):
        settle(page, length=20)
        assert len(write(page)) == 20
        expect(part(page, "progress")).to_contain_text("keeps nothing of this page: copy the story")


def test_if_the_model_cannot_run_the_page_says_what_to_do(browser: Browser, file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    broken.write_bytes(re.sub(rb'id="product">AGFzbQ', rb'id="product">AGFzbg', file.read_bytes()))
    for page in opened(browser, broken):
        expect(part(page, "status")).to_contain_text("open this file in a current Chrome")
        assert part(page, "write").get_attribute("aria-disabled") == "true"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_has_no_axe_violation_and_fits_its_window(browser: Browser, file: Path, size: str, theme: Any) -> None:
    for page in opened(browser, file, size, color_scheme=theme):
        settle(page, length=500)
        part(page, "text").fill("A hat")
        write(page)
        page.evaluate(AXE_SCRIPT)
        assert page.evaluate(AXE) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(
            "document.querySelector('#text').clientHeight === document.querySelector('#mirror').clientHeight"
        )


def test_the_page_names_the_licence_and_describes_the_model(cased: Model) -> None:
    html = offline_page(cased, "cc0-1.0").decode()
    assert "<h1>Cased</h1>" in html
    assert "Licence of the model: cc0-1.0." in html
    assert "On pages it never saw it needs 3.00 bits per character" in html
    assert "Its maker names no licence." in offline_page(cased).decode()
    assert offline_page(cased) == offline_page(cased), "the same model gives the same file"


def test_letterlike_symbols_and_ligatures_are_in_the_tables_of_the_page() -> None:
    vocabulary = Vocabulary("\n fimt")
    for table in (tables := _vocabulary(vocabulary))["opening"], tables["closing"]:
        assert (table["ﬁ"], table["™"]) == ("fi", "tm") == (vocabulary.repair("ﬁ").text, vocabulary.repair("™").text)


def test_a_model_name_cannot_inject_a_script(cased: Model) -> None:
    vars(cased)["name"], name = "<script>alert(1)</script>", cased.name
    html = offline_page(cased).decode()
    vars(cased)["name"] = name
    assert "alert(1)</script>" not in html
