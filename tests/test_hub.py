"""Checkpoints by name: the real client against a stand-in for the Hub on the loopback address."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from model.checkpoint import COPIES, FILES, LARGEST, CheckpointError, save
from model.hub import load, trouble
from model.loaded import Model
from tests.stand_in import Hub, serve

ROOT = Path(__file__).parent.parent


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty Hub that the client in this process uses, with an empty cache."""
    yield from serve(monkeypatch, tmp_path / "cache")


def test_a_model_is_loaded_by_its_name_and_says_its_revision(hub: Hub, directory: Path, model: Model) -> None:
    commit = hub.publish("ann/tiny", directory)
    loaded = load("ann/tiny")
    assert loaded.name == f"ann/tiny@{commit[:7]}"
    assert loaded.vocabulary == model.vocabulary
    assert not loaded.network.training


def test_only_the_checkpoints_own_files_are_downloaded_and_just_once(hub: Hub, directory: Path) -> None:
    (directory / "holiday.mp4").write_bytes(b"x" * 1000)
    (directory / "README.md").write_text("# tiny\n")
    hub.publish("ann/tiny", directory)
    load("ann/tiny")
    assert sorted(hub.sent) == sorted(FILES)
    load("ann/tiny")
    assert len(hub.sent) == len(FILES)


def test_a_model_without_copies_is_loaded_as_it_is(hub: Hub, model: Model, tmp_path: Path) -> None:
    save(replace(model, copies=None), tmp_path / "older")
    hub.publish("ann/older", tmp_path / "older")
    assert load("ann/older").copies is None
    assert COPIES not in hub.sent


def test_a_model_without_the_copies_that_it_was_saved_with_is_refused(hub: Hub, directory: Path) -> None:
    (directory / COPIES).unlink()
    hub.publish("ann/tiny", directory)
    with pytest.raises(CheckpointError, match=r"copies\.npz is missing"):
        load("ann/tiny")


def test_a_revision_is_loaded_by_its_name(hub: Hub, directory: Path, model: Model, tmp_path: Path) -> None:
    first = hub.publish("ann/tiny", directory, "v1")
    save(Model(model.network, model.vocabulary, training={"seed": 8}), tmp_path / "newer")
    second = hub.publish("ann/tiny", tmp_path / "newer")
    assert first != second
    assert load("ann/tiny@v1").training == {"seed": 7}
    assert load("ann/tiny").training == {"seed": 8}
    assert load(f"ann/tiny@{first}").name == f"ann/tiny@{first[:7]}"
    with pytest.raises(CheckpointError, match="ann/tiny has no revision v9"):
        load("ann/tiny@v9")


def test_a_directory_has_precedence_over_a_name_on_the_hub(
    hub: Hub, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory.parent)
    (directory.parent / "ann").mkdir()
    shutil.copytree(directory, directory.parent / "ann" / "tiny")
    assert load("ann/tiny").name == "tiny"
    assert hub.sent == []


def test_a_cached_checkpoint_is_used_without_a_network(hub: Hub, directory: Path) -> None:
    commit = hub.publish("ann/tiny", directory)
    load("ann/tiny")
    hub.shutdown()
    hub.server_close()
    assert load("ann/tiny").name == f"ann/tiny@{commit[:7]}"
    with pytest.raises(
        CheckpointError, match="ann/other is not in the Hub's cache here, and the Hub cannot be reached"
    ):
        load("ann/other")


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((404, "RepoNotFound"), "no such model on the Hub, or it is private"),
        ((401, ""), "the Hub does not accept the login: repeat it"),
        ((403, "GatedRepo"), "is gated: ask for access"),
        ((429, ""), "the Hub received too many requests: wait"),
        ((500, ""), "the Hub answers with status 500: try again later"),
    ],
    ids=str,
)
def test_each_refusal_of_the_hub_is_one_sentence_that_says_what_to_do(
    hub: Hub, refusal: tuple[int, str], said: str
) -> None:
    hub.refusal = refusal
    with pytest.raises(CheckpointError, match=rf"\A[^\n]*{said}[^\n]*\Z"):
        load("ann/tiny")


def test_a_full_disk_is_not_taken_for_a_bad_network() -> None:
    assert trouble(OSError(errno.ENOSPC, "No space left on device")) == (
        "its files cannot be written here: No space left on device"
    )


@pytest.mark.parametrize("status", [429, 500])
def test_a_cached_checkpoint_is_used_if_the_hub_fails(hub: Hub, directory: Path, status: int) -> None:
    hub.publish("ann/tiny", directory)
    load("ann/tiny")
    hub.refusal = (status, "")
    assert load("ann/tiny").training == {"seed": 7}


def test_a_repository_without_a_checkpoint_is_refused_before_any_download(hub: Hub, directory: Path) -> None:
    hub.sizes = {"model.safetensors": LARGEST + 1}
    hub.publish("ann/large", directory)
    with pytest.raises(CheckpointError, match="ann/large takes 100 MB, but at most 100 MB are loaded"):
        load("ann/large")
    (directory / "vocabulary.json").unlink()
    hub.publish("ann/other", directory)
    with pytest.raises(CheckpointError, match=r"ann/other lacks vocabulary\.json: it is not a checkpoint"):
        load("ann/other")
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    hub.publish("ann/pickle", directory)
    with pytest.raises(CheckpointError, match="ann/pickle holds its weights as a pickle, which is not read"):
        load("ann/pickle")
    assert hub.sent == []


def test_a_repository_of_another_format_is_refused(hub: Hub, directory: Path) -> None:
    (directory / "config.json").write_text('{"model_type": "gpt2"}')
    hub.publish("ann/gpt", directory)
    with pytest.raises(CheckpointError, match="is not the config of a"):
        load("ann/gpt")


@pytest.mark.parametrize("place", ["nowhere", "a/b/c", "/nowhere/at/all", ""])
def test_a_place_that_cannot_be_a_name_on_the_hub_is_refused_without_a_request(hub: Hub, place: str) -> None:
    with pytest.raises(CheckpointError):
        load(place)
    assert hub.sent == []


@pytest.mark.parametrize("place", ["-/tiny", "a..b/tiny", "ann/tiny.git"])
def test_a_name_that_the_hub_cannot_have_is_refused_in_one_sentence(hub: Hub, place: str) -> None:
    with pytest.raises(CheckpointError, match=r"\A[^\n]* is neither a directory nor a name on the Hub: [^\n]*\Z"):
        load(place)
    assert hub.sent == []


def test_a_command_loads_by_name_and_offline_from_the_cache(hub: Hub, directory: Path, tmp_path: Path) -> None:
    hub.publish("ann/tiny", directory)
    command = [sys.executable, "-m", "model.generate", "ann/tiny", "--prompt", "the", "--length", "9", "--seed", "1"]
    environment = os.environ | {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "home")}
    written = []
    for offline in ("0", "1"):
        result = subprocess.run(
            command, cwd=ROOT, env=environment | {"HF_HUB_OFFLINE": offline}, capture_output=True, text=True, check=True
        )
        written.append(result.stdout)
    assert written[0] == written[1]
    assert len(written[0]) == 10
