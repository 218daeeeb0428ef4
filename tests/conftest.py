"""Fixtures for many tests: a tiny model, its checkpoint, a generated book, the running app and a browser."""

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, sync_playwright

from model.checkpoint import save
from model.copying import Copies, Source
from model.decoder import Decoder
from model.loaded import Model
from model.lstm import CharLSTM, LSTMConfig
from model.sampling import SamplingConfig
from model.vocabulary import Vocabulary
from tests.browser import APP, serving

B, T, E, H, V = 3, 5, 7, 11, 13  # all different, so that a swapped axis fails
CHARACTERS = "\n .abdehilnot"
CASED = "\n !,.?ABDEHILNOTabdehilnot“”"
# The tiny models count this text as their training text: their copies hold its hashes.
TALE = "the old lion ate a hot tin on the hill. and all in a bad hat. he had a ball at the inn.\n"

# The part of a training record that the page shows.
RECORD = {
    "curve": [
        {"step": 10 * i, "seconds": 60 * i, "training_nats": 3 - i if i else None, "held_out_nats": 3 - i / 2}
        for i in range(3)
    ],
    "samples": [{"step": 10 * i, "text": f"what it wrote at {i}"} for i in range(3)],
}
WORDS = (
    "the a of and to in that it was he she on his her with as had at for not but they river garden lantern winter "
    "answered walked opened little old green silver quietly again under door morning could never always something"
)


def book(characters: int, seed: int = 0) -> str:
    """Return `characters` characters of random sentences in paragraphs, a different book for each seed."""
    chance = random.Random(seed)
    text = ""
    while len(text) < characters:
        sentence = " ".join(chance.choices(WORDS.split(), k=chance.randint(4, 14)))
        text += sentence.capitalize() + chance.choice(".?!,;") + chance.choice((" ", " ", "\n\n"))
    return text[:characters]


def lively(config: LSTMConfig, scale: float = 10, remember: float = 5, seed: int = 0) -> CharLSTM:
    """Return an untrained network with large weights and a long memory: its text depends on what it has read."""
    torch.manual_seed(seed)
    network = CharLSTM(config, V)
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(scale)
        for layer in network.layers:
            layer.get_parameter("bias_hh_l0")[H : 2 * H] += remember  # the forget gates
        network.output.bias.zero_()  # so that only the state makes a character likely
    return network.eval()


def wait(condition: Callable[[], object], seconds: float = 60, pause: float = 0.002) -> None:
    """Return once the condition is true; fail if it is still false after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(pause)


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(CHARACTERS, lowercase=True)


@pytest.fixture
def network() -> CharLSTM:
    return lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=2))


@pytest.fixture
def model(network: CharLSTM, vocabulary: Vocabulary) -> Model:
    copies = Copies((Source.of("tale", TALE),))
    sampling = SamplingConfig(temperature=0.8, top_k=9)
    return Model(network, vocabulary, sampling, "carried", {"seed": 7}, "tiny", copies=copies)


@pytest.fixture
def exact(model: Model) -> Model:
    """`model` with an exact decoder, which by default only a larger network gets."""
    vars(model)["decoder"] = Decoder(model.network, exact=True)
    return model


@pytest.fixture
def directory(model: Model, tmp_path: Path) -> Path:
    """The directory of the checkpoint of `model`."""
    save(model, tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A function that puts text or bytes into a new file."""

    def write(content: str | bytes, name: str = "book.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def own_process() -> Iterator[None]:
    """Undo what a command changes in its whole process: signal handlers, denormals and the number of threads."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    threads = torch.get_num_threads()
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)


# ---- the app, and a browser ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running app; afterwards its log must hold no traceback."""
    with serving(tmp_path_factory.mktemp("server"), APP) as (url, log):
        yield url
    assert "Traceback" not in log.read_text(), log.read_text()
    assert log.read_text().startswith("Computing with ")


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three small models for the page: `tiny` without capitals, `cased`, which is slower, and the tutorials' kind."""
    place = tmp_path_factory.mktemp("models")
    record = {"held_out": {"bits_per_character": 2.5}, "parameters": 12345, "seconds": 90, "corpus": {"name": "tale"}}
    copies = Copies((Source.of("tale", TALE),))
    tiny = Model(
        lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=2)),
        Vocabulary(CHARACTERS, lowercase=True),
        SamplingConfig(temperature=0.8, top_p=0.95),
        training={**record, **RECORD},
        copies=copies,
    )
    torch.manual_seed(1)
    cased = Model(
        CharLSTM(LSTMConfig(embedding_size=E, hidden_size=192, layers=2), len(CASED)).eval(),
        Vocabulary(CASED),
        training=record | {"held_out": {"bits_per_character": 3}},
    )
    with torch.no_grad():
        for often in " .":
            cased.network.output.bias[CASED.index(often)] += 1.5
    classic = LSTMConfig(input_encoding="scaled", hidden_size=H, layers=1)
    tutorial = Model(
        lively(classic), Vocabulary(CHARACTERS, lowercase=True), SamplingConfig(temperature=0), "window", {}
    )
    for name, each in {"tiny": tiny, "cased": cased, "tutorial": tutorial}.items():
        save(each, place / name)
    return [place / name for name in ("tiny", "cased", "tutorial")]


@pytest.fixture(scope="session")
def small_server(shelf: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app with the models of `shelf`; afterwards its log must hold no traceback."""
    with serving(tmp_path_factory.mktemp("small-server"), APP, "--checkpoint", *shelf) as (url, log):
        yield url
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="module")  # while the browser is open, no other test can run an event loop
def browser() -> Iterator[Browser]:
    quiet = ["quic", "background-networking", "component-update", "sync", "gpu"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--no-first-run", *(f"--disable-{feature}" for feature in quiet)],
        )
        yield chromium
        chromium.close()
