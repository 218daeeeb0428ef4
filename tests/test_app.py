"""The app as a whole: its endpoints, many visitors at once, as a Space, and its command."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Browser, Page, expect

from model.generation import GenerationConfig, defaults, generate
from model.hub import load
from model.offline.page import offline_page
from tests.browser import APP, TEXT, part, serving, settle, text, visit, write
from training.publish import space_files

# ---- the endpoints ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False)


@pytest.mark.parametrize(
    "prompt",
    ["", "A", "Alice was beginning to get", "😀", "a long story " * 770, "옛날 옛적에 호랑이 담배 피우던 시절"],
    ids=["empty", "A", "Alice", "emoji", "10,000 characters", "Korean"],
)
def test_predict_needs_the_prompt_alone_and_returns_1000_characters(client: Client, prompt: str) -> None:
    text = client.predict(prompt, api_name="/predict")
    assert isinstance(text, str)
    assert len(text) == 1000


def test_predict_stops_at_a_given_text_or_at_the_end_of_a_sentence(client: Client) -> None:
    until = client.predict("Alice", model="alice", stop="text", until="e", seed=1, api_name="/predict")
    assert until.endswith("e")
    assert until.count("e") == 1
    sentence = client.predict("Alice was", model="alice", stop="sentence", seed=1, length=5000, api_name="/predict")
    assert re.search(r"[.!?]\W*\s\Z", sentence)


def test_predict_takes_every_setting(client: Client) -> None:
    settings = {
        "model": "alice-classic",
        "length": 17,
        "temperature": 0.9,
        "top_k": 5,
        "top_p": 0.9,
        "min_p": 0.01,
        "context": "carried",
    }
    texts = [client.predict("Alice", **settings, seed=seed, api_name="/predict") for seed in (1, 1, 2)]
    assert [len(text) for text in texts] == [17, 17, 17]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": -5},
        {"length": 1.5},
        {"length": "ten"},
        {"length": 10**9},
        {"temperature": -1},
        {"temperature": [1]},
        {"top_p": 2},
        {"model": "nobody"},
        {"model": ["alice"]},
        {"context": "none"},
        {"seed": -1},
        {"prompt": 3},
        {"prompt": None},
        {"prompt": "a" * 100_001},
    ],
    ids=lambda wrong: str(wrong)[:30],
)
def test_predict_refuses_in_one_sentence(client: Client, wrong: dict[str, Any]) -> None:
    with pytest.raises(AppError, match=r"^[A-Z][^\n]*\.$"):
        client.predict(**{"prompt": "Alice"} | wrong, api_name="/predict")


ENDPOINTS = {
    *("predict", "write", "surprise", "likeliest", "copies", "neurons", "neuron", "rests_on", "step_through"),
    "sample_at",
    *("open_text", "change_plan", "train", "stop_training", "training", "download_model", "delete_training"),
    "save_page",
}


def test_each_action_is_an_endpoint_with_a_name_and_a_description(client: Client) -> None:
    offered = client.view_api(return_format="dict")["named_endpoints"]
    assert set(offered) == {f"/{name}" for name in ENDPOINTS}
    assert all(endpoint["description"] for endpoint in offered.values())
    assert not [name for endpoint in offered.values() for name in endpoint["parameters"] if "param_" in str(name)]


def test_a_program_can_continue_a_text_that_was_cut_off(client: Client) -> None:
    how: dict[str, Any] = {"model": "alice", "length": 90, "seed": 3, "api_name": "/write"}
    whole = client.predict("One ", **how)["text"]
    model = load(APP.parent / "assets" / "alice")
    config = GenerationConfig(**defaults(model) | {"length": 90, "seed": 3})
    assert whole == "".join(generate(model, "\n\nOne ", config)), "a story begins a paragraph"
    assert client.predict("One ", written=whole[:40], **how)["text"] == whole
    assert client.predict("One " + whole[:40], **how | {"length": 50, "skip": 40})["text"] == whole[40:]


def test_a_model_is_saved_as_one_file(client: Client) -> None:
    saved = client.predict("alice-classic", api_name="/save_page")
    assert saved["name"] == "alice-classic.html"
    assert saved["page"].encode() == offline_page(load(APP.parent / "assets" / "alice-classic"))
    with pytest.raises(AppError, match="There is no model of that name"):
        client.predict("../alice", api_name="/save_page")


# ---- many at once ----------------------------------------------------------------------------------------------------


# The app with one slot, and with a fault that occurs only with seed 13.
SMALL_HOUSE = """
import time

import app
from model.serving.batch import Batch
from model.serving.limits import Limits

step = Batch.step

def faulty(batch):
    time.sleep(0.005)  # so that a long text takes a while, however fast the machine is
    if any(request.config.seed == 13 for request in batch.requests):
        raise MemoryError("there is no room")
    step(batch)

Batch.step = faulty
app.launch(app.build(app.load_models(["assets/alice"])[0], app.Scheduler(Limits(slots=1))))
"""


@pytest.fixture(scope="module")
def small_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("small"), "-c", SMALL_HOUSE) as (url, _):
        yield url


def write_long(page: Page) -> None:
    settle(page, length=10000, stop="length")
    part(page, "write").click()


def test_a_visitor_waits_in_the_queue_until_another_one_leaves(small_house: str, browser: Browser) -> None:
    first, second = visit(browser, small_house), visit(browser, small_house)
    write_long(first)
    first.wait_for_function(f"{TEXT}.length > 50")
    write_long(second)
    expect(part(second, "status")).to_contain_text("you are number 1 in the queue")
    assert text(second) == ""
    first.close()
    second.wait_for_function(f"{TEXT}.length > 50")
    expect(part(second, "progress")).to_contain_text("a second")
    second.close()


def test_a_request_ends_when_its_program_hangs_up(small_house: str) -> None:
    body = json.dumps({"data": ["Alice", "alice", 100_000] + [None] * 10}).encode()
    call = f"{small_house}/gradio_api/call/predict"
    asked = urllib.request.Request(call, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{call}/{event}") as stream:
        assert stream.readline() == b"event: generating\n"
    # Otherwise the only slot would be occupied for minutes.
    assert len(Client(small_house, verbose=False).predict("Alice", length=20, api_name="/predict")) == 20


def test_a_fault_is_reported_in_a_sentence_and_the_page_stays_usable(small_house: str, browser: Browser) -> None:
    page = visit(browser, small_house)
    settle(page, seed=13, length=50, stop="length")
    part(page, "write").click()
    expect(part(page, "status")).to_have_text("The text broke off, through a fault of this program: ask again.")
    settle(page, seed=14)
    write(page)
    assert len(text(page)) == 50
    page.close()
    with pytest.raises(AppError, match=r"The text broke off, through a fault of this program: ask again\."):
        Client(small_house, verbose=False).predict("Alice", seed=13, api_name="/predict")


def test_another_process_writes_the_same_text_for_the_same_seed(client: Client) -> None:
    served = client.predict("Alice", model="alice", length=200, seed=5, api_name="/predict")
    command = [
        sys.executable,
        "-m",
        "model.generate",
        "assets/alice",
        "--prompt",
        "Alice",
        "--length",
        "200",
        "--seed",
        "5",
    ]
    run = subprocess.run(command, cwd=APP.parent, capture_output=True, text=True, check=True)
    assert run.stdout == served + "\n"


# ---- as a Space ------------------------------------------------------------------------------------------------------


def test_a_copy_of_only_the_spaces_files_starts_and_answers_and_writes_no_file(tmp_path: Path) -> None:
    space = tmp_path / "space"
    for name, content in space_files([]).items():
        (space / name).parent.mkdir(parents=True, exist_ok=True)
        (space / name).write_bytes(content)
    before = set(space.rglob("*"))
    variables: dict[str, Any] = {
        "SPACE_ID": "user/name",
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": "",
    }
    with serving(tmp_path, "app.py", cwd=space, **variables) as (url, log):
        assert len(Client(url, verbose=False).predict("Alice", length=30, api_name="/predict")) == 30
    assert set(space.rglob("*")) == before
    assert "Traceback" not in log.read_text()


def test_a_variable_names_the_models_and_the_page_names_those_that_cannot_be_used(
    tmp_path: Path, browser: Browser
) -> None:
    with serving(tmp_path, APP, CHECKPOINTS="assets/pooh, nothing-there ,assets/alice") as (url, log):
        page = visit(browser, url)
        expect(part(page, "model").locator("option")).to_have_count(2)
        expect(part(page, "unavailable")).to_have_text("Unavailable: nothing-there. The log of the server says why.")
        assert write(page)
        page.close()
    assert "nothing-there: train one with" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_the_app_ends_with_the_reasons_if_no_model_can_be_used() -> None:
    environment = os.environ | {"CHECKPOINTS": "nothing-there,nor-there"}
    run = subprocess.run([sys.executable, APP], env=environment, capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.count("there is no checkpoint directory") == 2


# ---- the command -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, APP, "--checkpoint", tmp_path / "nothing"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "there is no checkpoint directory" in run.stderr


def test_an_unknown_decoder_routine_is_refused_in_one_sentence() -> None:
    run = subprocess.run([sys.executable, APP], env=os.environ | {"DECODER": "abacus"}, capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr == "app.py: DECODER is 'abacus', but must be one of int8, int7, float32\n"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"GRADIO_SERVER_PORT": "abc"}, r"the page cannot be served \(.* 'abc'\): change GRADIO_SERVER_PORT"),
        ({"GRADIO_SERVER_PORT": "70000"}, r"the page cannot be served \(.*0-65535\.?\): change GRADIO_SERVER_NAME"),
        ({"GRADIO_SERVER_NAME": "no host"}, r"the page cannot be served \(.*\): change GRADIO_SERVER_NAME"),
        ({}, r"the page cannot be served \(Cannot find empty port in range: .*\): change GRADIO_SERVER_NAME"),
    ],
    ids=str,
)
def test_an_address_that_cannot_be_used_is_refused_in_one_sentence(
    directory: Path, variables: dict[str, str], told: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ours = {"GRADIO_SERVER_PORT": str(taken.getsockname()[1]), "GRADIO_NUM_PORTS": "1"} | variables
        command = [sys.executable, str(APP), "--checkpoint", str(directory)]
        run = subprocess.run(command, env=os.environ | ours, capture_output=True, text=True)
    assert run.returncode == 2
    assert re.fullmatch(rf"app\.py: {told}.*\n", run.stderr)


def test_a_machine_without_a_directory_for_temporary_files_is_told_so_in_one_sentence(directory: Path) -> None:
    program = "import sys, tempfile; tempfile._candidate_tempdir_list = lambda: ['/nowhere']; "
    program += "import app; sys.exit(app.main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "--checkpoint", str(directory)]
    run = subprocess.run(command, cwd=APP.parent, capture_output=True, text=True)
    assert run.returncode == 2
    assert re.fullmatch(
        r"app\.py: the page cannot be served \(.* directory found in \['/nowhere'\]\): .* or TMPDIR\n", run.stderr
    )
