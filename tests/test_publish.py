"""Publishing: the real client sends files to a stand-in for the Hub and loads them from there again."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from model.archive import pack
from model.checkpoint import CARD, COPIES, FILES, save
from model.hub import load
from model.loaded import Model
from model.offline.page import offline_page
from tests.stand_in import TOKEN, Hub, serve
from tests.test_card import RECORD
from tests.test_structure import imports
from training.publish import checkpoint_files, main

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")  # from the client itself, when it sends a large file


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty Hub that the client in this process talks to, with ann logged in."""
    for hub in serve(monkeypatch, tmp_path / "cache"):
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


@pytest.fixture
def directory(model: Model, tmp_path: Path) -> Path:
    """A checkpoint with a full record."""
    save(replace(model, training=RECORD), tmp_path / "tiny", "# written by hand\n")
    return tmp_path / "tiny"


def own_files(directory: Path) -> dict[str, bytes]:
    return {file: (directory / file).read_bytes() for file in FILES if file != CARD}


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the only line on stderr; stdout must be empty."""
    out, error = capsys.readouterr()
    assert out == ""
    [line] = [line for line in error.splitlines() if not re.search(r"\d+%\|", line)]  # the client's progress bar
    assert line.startswith("training.publish: ")
    return str(line)


# ---- a checkpoint ----------------------------------------------------------------------------------------------------


def test_a_published_checkpoint_is_loaded_back_byte_for_byte_by_name_and_by_revision(
    hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "holiday.mp4").write_bytes(b"x")
    assert main([str(directory), "ann/tiny"]) == 0
    assert capsys.readouterr().out == f"{hub.address}/ann/tiny\n"
    content = hub.content("ann/tiny")
    assert set(content) == {*FILES, ".gitattributes"}
    assert {file: content[file] for file in FILES if file != CARD} == own_files(directory)
    commit = hub.repositories["ann/tiny"]["main"]
    for place in ("ann/tiny", f"ann/tiny@{commit}"):
        loaded = load(place)
        assert loaded.name == f"ann/tiny@{commit[:7]}"
        assert loaded.training == RECORD
    assert len(hub.written) == 1
    assert (directory / CARD).read_text() == "# written by hand\n"


def test_a_zip_is_published_as_its_directory_is(hub: Hub, directory: Path, tmp_path: Path) -> None:
    pack(directory, tmp_path / "my.zip")
    assert main([str(directory), "ann/tiny"]) == 0
    assert main([str(tmp_path / "my.zip"), "ann/my"]) == 0
    assert own_files(directory) == {file: hub.content("ann/my")[file] for file in own_files(directory)}
    assert sorted(path.name for path in tmp_path.glob("*.zip*")) == ["my.zip"]


def test_the_card_is_made_from_the_record_and_its_python_runs(hub: Hub, directory: Path) -> None:
    assert main([str(directory), "ann/tiny", "--license", "cc0-1.0", "--language", "en"]) == 0
    card = ModelCard(hub.content("ann/tiny")[CARD].decode())
    data: Any = card.data
    assert (data.license, data.language) == ("cc0-1.0", "en")
    [python] = re.findall(r"```python\n(.*?)```", card.text, re.DOTALL)
    environment = os.environ | {"HF_ENDPOINT": hub.address, "HF_HOME": str(directory.parent / "home")}
    written = subprocess.run(
        [sys.executable, "-c", python], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert len(written) == 501


def test_the_licence_of_the_card_is_kept_unless_another_is_given(model: Model, tmp_path: Path) -> None:
    save(replace(model, training=RECORD), tmp_path / "tiny", "---\nlicense: cc0-1.0\n---\n")
    for given, licence in ((None, "cc0-1.0"), ("mit", "mit")):
        card = ModelCard(checkpoint_files(tmp_path / "tiny", "ann/tiny", given, None)[CARD].decode())
        assert card.data.get("license") == licence


def test_copies_are_published_if_there_are_any_and_earlier_ones_are_removed(
    hub: Hub, directory: Path, model: Model
) -> None:
    assert main([str(directory), "ann/tiny"]) == 0
    assert load("ann/tiny").copies
    assert "copies.npz" in hub.content("ann/tiny")[CARD].decode()
    save(replace(model, training=RECORD, copies=None), directory)
    for name in ("ann/tiny", "ann/new"):
        assert main([str(directory), name]) == 0
        assert set(hub.content(name)) == {*FILES, ".gitattributes"} - {COPIES}
        assert load(name).copies is None
        assert "copies.npz" not in hub.content(name)[CARD].decode()


def test_publishing_the_same_again_changes_nothing(hub: Hub, directory: Path) -> None:
    assert main([str(directory), "ann/tiny"]) == 0
    assert main([str(directory), "ann/tiny"]) == 0
    assert len(hub.written) == 1


def test_publishing_a_second_time_adds_a_commit_to_the_same_repository(hub: Hub, directory: Path, model: Model) -> None:
    assert main([str(directory), "ann/tiny"]) == 0
    first = hub.repositories["ann/tiny"]["main"]
    save(replace(model, training=RECORD | {"seed": 8}), directory)
    assert main([str(directory), "ann/tiny"]) == 0
    assert load("ann/tiny").training["seed"] == 8
    assert load(f"ann/tiny@{first}").training["seed"] == 7


def test_a_new_branch_is_created_and_main_stays(
    hub: Hub, directory: Path, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(directory), "ann/tiny"]) == 0
    first = hub.repositories["ann/tiny"]["main"]
    save(replace(model, training=RECORD | {"seed": 8}), directory)
    for _ in range(2):
        assert main([str(directory), "ann/tiny", "--revision", "try/this"]) == 0
        assert capsys.readouterr().out.endswith(f"{hub.address}/ann/tiny/tree/try/this\n")
    assert hub.repositories["ann/tiny"]["main"] == first
    assert hub.content("ann/tiny", "try/this")["training.json"] == own_files(directory)["training.json"]
    assert len([request for request in hub.requests if "/branch/" in request]) == 1


def test_a_pull_request_is_possible_without_write_access_and_changes_nothing(
    hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = hub.commit("bob/tiny", {".gitattributes": b""})
    assert main([str(directory), "bob/tiny"]) == 2
    assert "the login may not write to bob/tiny: give a name of your own, propose it" in one_sentence(capsys)
    assert main([str(directory), "bob/tiny", "--create-pr"]) == 0
    assert capsys.readouterr().out == f"{hub.address}/bob/tiny/discussions/1\n"
    assert hub.repositories["bob/tiny"]["main"] == before
    assert hub.content("bob/tiny", "refs/pr/1").keys() >= set(FILES)


def test_a_private_repository_is_private_or_nothing_is_sent(
    hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(directory), "ann/secret", "--private"]) == 0
    assert hub.private == {"ann/secret"}
    assert main([str(directory), "ann/secret", "--private"]) == 0
    assert main([str(directory), "ann/open"]) == 0
    capsys.readouterr()
    sent = len(hub.written)
    assert main([str(directory), "ann/open", "--private"]) == 2
    assert "ann/open exists already and is public: make it private" in one_sentence(capsys)
    assert len(hub.written) == sent


def test_a_dry_run_shows_the_card_and_the_files_and_uses_no_network(
    hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network is used")

    monkeypatch.delenv("HF_TOKEN")  # a dry run needs no login either
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert main([str(directory), "ann/tiny", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert 'load("ann/tiny")' in out
    for file, content in own_files(directory).items():
        assert f"{len(content):>12,}  {file}\n" in out
    assert out.endswith("bytes for ann/tiny; nothing was sent\n")
    assert hub.requests == []


# ---- what goes wrong -------------------------------------------------------------------------------------------------


def test_an_unsound_checkpoint_is_refused_before_anything_is_sent(
    hub: Hub, directory: Path, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(directory.parent / "nowhere"), "ann/tiny"]) == 2
    assert "there is no checkpoint directory" in one_sentence(capsys)
    (directory / "training.json").write_text("{}")
    assert main([str(directory), "ann/tiny"]) == 2
    assert "does not belong to the model.safetensors beside it" in one_sentence(capsys)
    save(model, directory)
    assert main([str(directory), "ann/tiny"]) == 2
    assert "does not say how it was trained: publish one that" in one_sentence(capsys)
    assert hub.requests == []


def test_a_checkpoint_that_is_too_large_to_load_is_refused(
    hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.publish.LARGEST", 1000)
    assert main([str(directory), "ann/tiny"]) == 2
    assert "MB are loaded by name" in one_sentence(capsys)
    assert hub.requests == []


def test_without_a_login_nothing_is_sent(
    hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert main([str(directory), "ann/tiny"]) == 2
    assert "there is no login for the Hub here: log in with: hf auth login" in one_sentence(capsys)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "ann/-tiny", "ann/ti ny", "ann/tiny.git", "ann/tiny@v1", "a..b/c"])
def test_an_invalid_hub_name_is_refused(
    hub: Hub, directory: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(directory), name]) == 2
    assert f"'{name}' is not a name on the Hub: give user/name" in one_sentence(capsys)
    assert hub.requests == []


def test_a_repository_of_another_user_is_refused(hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(directory), "bob/tiny"]) == 2
    assert "the login may not write to bob/tiny: give a name of your own" in one_sentence(capsys)
    assert hub.repositories == {}


def test_a_login_that_is_not_accepted_is_refused(
    hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_old")
    assert main([str(directory), "ann/tiny"]) == 2
    assert "the Hub does not accept the login: repeat it with: hf auth login" in one_sentence(capsys)
    assert hub.repositories == {}


def test_without_a_network_the_command_says_so_in_one_line(hub: Hub, directory: Path) -> None:
    hub.shutdown()
    hub.server_close()
    command = [sys.executable, "-m", "training.publish", str(directory), "ann/tiny"]
    result = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"HF_ENDPOINT": hub.address}, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "training.publish: the Hub cannot be reached: check the network\n"


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((404, "RepoNotFound"), "the Hub does not find ann/tiny"),
        ((404, "RevisionNotFound"), "ann/tiny has no such branch"),
        ((400, ""), "the Hub refuses it with status 400 (no)"),
        ((409, ""), "the Hub refuses it with status 409"),
        ((429, ""), "the Hub received too many requests: wait"),
        ((500, ""), "the Hub answers with status 500: try again later"),
    ],
    ids=str,
)
@pytest.mark.parametrize("at", ["/commit/", "/store/"])
def test_a_failed_upload_gives_one_sentence_and_leaves_the_old_revision_whole(
    hub: Hub,
    directory: Path,
    model: Model,
    at: str,
    refusal: tuple[int, str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the client tries five times more
    hub.publish("ann/tiny", directory)
    before = dict(hub.repositories["ann/tiny"])
    save(replace(model, training=RECORD | {"seed": 8}), directory)
    hub.refusals = {at: refusal}
    assert main([str(directory), "ann/tiny"]) == 2
    assert said in one_sentence(capsys)
    assert hub.repositories["ann/tiny"] == before
    assert load("ann/tiny").training == RECORD
    assert bool(hub.written) == (at == "/commit/")
    hub.refusals = {}
    assert main([str(directory), "ann/tiny"]) == 0
    assert load("ann/tiny").training["seed"] == 8


def test_metadata_that_the_hub_does_not_know_are_refused_in_one_sentence(
    hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.unknown = '"license" must be one of [mit, ...]'
    assert main([str(directory), "ann/tiny", "--license", "mine"]) == 2
    assert 'Invalid metadata in README.md. - "license" must be one of [mit, ...]' in one_sentence(capsys)
    assert hub.written == []


# ---- the app as a Space ----------------------------------------------------------------------------------------------


def shipped(*places: str) -> set[str]:
    """Return the files at `places` in the working tree that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *places]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {file for file in listed if (ROOT / file).exists()}


CODE = ("LICENSE", "README.md", "app.py", "requirements.txt", "interface", "model", "training")


def test_a_space_holds_just_what_the_app_needs(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--space", "ann/writer"]) == 0
    assert capsys.readouterr().out == f"{hub.address}/spaces/ann/writer\n"
    content = hub.content("ann/writer")
    assert content.keys() - {".gitattributes"} == {
        file for file in shipped(*CODE, "assets") if not file.endswith(".png")
    }
    assert len(hub.written) == 1
    assert hub.spaces == {"ann/writer": {}}
    for file in content.keys() - {".gitattributes", "README.md"}:
        assert content[file] == (ROOT / file).read_bytes()
    # Its code imports no package of this project that a Space does not hold.
    for file in content:
        if file.endswith(".py"):
            packages = {module.split(".")[0] for module, _ in imports(content[file].decode())}
            assert not packages & {"benchmarks", "tests"}


def test_a_space_of_given_models_names_them_and_holds_none(hub: Hub) -> None:
    assert main(["--space", "ann/writer", "--models", "ann/tiny", "bob/pooh@v1"]) == 0
    content = hub.content("ann/writer")
    assert content.keys() - {".gitattributes"} == shipped(*CODE)
    card = ModelCard(content["README.md"].decode())
    assert card.data.get("models") == ["ann/tiny", "bob/pooh"]
    assert card.data.get("sdk") == "gradio"
    assert "(assets/page.png)" not in card.text
    assert hub.spaces == {"ann/writer": {"CHECKPOINTS": "ann/tiny,bob/pooh@v1"}}
    assert main(["--space", "ann/writer"]) == 0  # again with the models of assets/
    assert hub.spaces == {"ann/writer": {}}


def test_a_dry_run_of_a_space_lists_its_files_and_sends_nothing(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--space", "ann/writer", "--models", "ann/tiny", "--dry-run"]) == 0
    *listed, last = capsys.readouterr().out.splitlines()
    assert {line.split()[1] for line in listed} == shipped(*CODE)
    assert last.endswith("bytes for ann/writer; nothing was sent")
    assert hub.requests == []


# ---- the offline page ------------------------------------------------------------------------------------------------


def test_a_page_is_one_file_with_the_licence_of_the_card_or_of_the_option(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(replace(model, training=RECORD), tmp_path / "tiny", "---\nlicense: cc0-1.0\n---\n")
    file = tmp_path / "story.html"
    assert main([str(tmp_path / "tiny"), "--page", str(file)]) == 0
    assert capsys.readouterr().out == f"{file} (0.1 MB) writes by itself: open it in a browser\n"
    assert file.read_bytes() == offline_page(load(tmp_path / "tiny"))
    assert "Licence of the model: cc0-1.0." in file.read_text(encoding="utf-8")
    assert main([str(tmp_path / "tiny"), "--page", str(file), "--license", "mit"]) == 0
    assert "Licence of the model: mit." in file.read_text(encoding="utf-8")


def test_a_page_that_cannot_be_made_or_written_is_refused_in_one_sentence(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(directory.parent / "nowhere"), "--page", "story.html"]) == 2
    assert "there is no checkpoint directory" in one_sentence(capsys)
    assert main([str(directory), "--page", str(directory.parent / "no" / "story.html")]) == 2
    assert "No such file or directory" in one_sentence(capsys)


def test_a_static_space_is_the_page_and_its_metadata(
    hub: Hub, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(directory), "--space", "ann/page", "--static", "--license", "mit"]
    assert main([*command, "--dry-run"]) == 0
    assert hub.requests == []
    capsys.readouterr()
    assert main(command) == 0
    assert capsys.readouterr().out == f"{hub.address}/spaces/ann/page\n"
    content = hub.content("ann/page")
    assert content.keys() == {".gitattributes", "README.md", "index.html"}
    assert content["index.html"] == offline_page(load(directory), "mit")
    card = ModelCard(content["README.md"].decode())
    assert (card.data.get("sdk"), card.data.get("title"), card.data.get("license")) == ("static", "Tiny", "mit")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["assets/alice"],
        ["assets/alice", "ann/a", "--models", "ann/b"],
        ["--space", "ann/a", "--create-pr"],
        ["--page", "story.html"],
        ["assets/alice", "ann/a", "--page", "story.html"],
        ["assets/alice", "--page", "story.html", "--private"],
        ["--space", "ann/a", "--static"],
        ["assets/alice", "ann/a", "--static"],
        ["assets/alice", "--space", "ann/a", "--static", "--models", "ann/b"],
    ],
    ids=" ".join,
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "error: " in capsys.readouterr().err
