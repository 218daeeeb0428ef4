"""Checkpoints by name: the real client against a stand-in for the Hub on the loopback address."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import huggingface_hub.constants
import pytest

from model.checkpoint import FILES, Checkpoint, CheckpointError, save
from model.hub import LARGEST, load

ROOT = Path(__file__).parent.parent


class Hub(ThreadingHTTPServer):
    """A stand-in for the Hub's HTTP interface: repositories with revisions, each a commit with its files."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.repositories: dict[str, dict[str, str]] = {}  # name -> revision -> commit
        self.commits: dict[str, dict[str, bytes]] = {}  # commit -> file -> content
        self.refusal: tuple[int, str] | None = None  # status and error code for every request
        self.sizes: dict[str, int] = {}  # what is claimed of a file, where it is not true
        self.sent: list[str] = []  # the files whose content was sent

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def publish(self, name: str, directory: Path, revision: str = "main") -> str:
        """Put a directory's files there; return the commit."""
        content = {file.name: file.read_bytes() for file in sorted(directory.iterdir())}
        commit = hashlib.sha1(repr(sorted(content.items())).encode()).hexdigest()
        self.commits[commit] = content
        self.repositories.setdefault(name, {})[revision] = commit
        return commit


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        pass

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        hub = self.server
        if hub.refusal:
            status, code = hub.refusal
            return self.reply(status, X_Error_Code=code, X_Error_Message="no")
        parts = urlsplit(self.path).path.strip("/").split("/")
        api = parts[0] == "api"
        name = "/".join(parts[2:4] if api else parts[:2])
        rest = parts[4:] if api else parts[2:]
        if name not in hub.repositories:
            return self.reply(404, X_Error_Code="RepoNotFound")
        revision = rest[1] if len(rest) > 1 else "main"
        commit = hub.repositories[name].get(revision, revision)
        if commit not in hub.commits:
            return self.reply(404, X_Error_Code="RevisionNotFound")
        files = hub.commits[commit]
        sizes = {file: hub.sizes.get(file, len(content)) for file, content in files.items()}
        if api and rest[:1] == ["tree"]:
            tree = [{"type": "file", "path": file, "size": sizes[file], "oid": commit} for file in files]
            return self.reply(200, json.dumps(tree).encode(), Content_Type="application/json")
        if api:
            siblings = [{"rfilename": file, "size": sizes[file], "blobId": commit} for file in files]
            info = {"id": name, "sha": commit, "private": False, "siblings": siblings}
            return self.reply(200, json.dumps(info).encode(), Content_Type="application/json")
        file = "/".join(rest[2:])
        if self.command == "GET":
            hub.sent.append(file)
        etag = hashlib.sha256(files[file]).hexdigest()
        return self.reply(200, files[file], ETag=f'"{etag}"', X_Repo_Commit=commit, Accept_Ranges="bytes")

    do_HEAD = do_GET  # noqa: N815 (the base class's naming)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty Hub that the client in this process talks to, with an empty cache."""
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.address)
    files = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.address + files)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield server
    server.shutdown()
    server.server_close()


def test_a_model_is_loaded_by_its_name_and_says_its_revision(hub: Hub, directory: Path, checkpoint: Checkpoint) -> None:
    commit = hub.publish("ann/tiny", directory)
    loaded = load("ann/tiny")
    assert loaded.name == f"ann/tiny@{commit[:7]}"
    assert loaded.vocabulary == checkpoint.vocabulary
    assert not loaded.network.training


def test_only_the_checkpoints_own_files_are_downloaded_and_just_once(hub: Hub, directory: Path) -> None:
    (directory / "holiday.mp4").write_bytes(b"x" * 1000)
    (directory / "README.md").write_text("# tiny\n")
    hub.publish("ann/tiny", directory)
    load("ann/tiny")
    assert sorted(hub.sent) == sorted(FILES)
    load("ann/tiny")
    assert len(hub.sent) == len(FILES)


def test_a_revision_is_loaded_by_its_name(hub: Hub, directory: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    first = hub.publish("ann/tiny", directory, "v1")
    save(Checkpoint(checkpoint.network, checkpoint.vocabulary, training={"seed": 8}), tmp_path / "newer")
    second = hub.publish("ann/tiny", tmp_path / "newer")
    assert first != second
    assert load("ann/tiny@v1").training == {"seed": 7}
    assert load("ann/tiny").training == {"seed": 8}
    assert load(f"ann/tiny@{first}").name == f"ann/tiny@{first[:7]}"
    with pytest.raises(CheckpointError, match="ann/tiny has no revision v9"):
        load("ann/tiny@v9")


def test_a_directory_goes_before_a_name_on_the_hub(hub: Hub, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory.parent)
    (directory.parent / "ann").mkdir()
    shutil.copytree(directory, directory.parent / "ann" / "tiny")
    assert load("ann/tiny").name == "tiny"
    assert hub.sent == []


def test_without_a_network_the_cached_copy_serves(hub: Hub, directory: Path) -> None:
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
        ((429, ""), "the Hub wants fewer requests: wait"),
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


@pytest.mark.parametrize("status", [429, 500])
def test_a_hub_in_trouble_does_not_keep_the_cached_copy_from_serving(hub: Hub, directory: Path, status: int) -> None:
    hub.publish("ann/tiny", directory)
    load("ann/tiny")
    hub.refusal = (status, "")
    assert load("ann/tiny").training == {"seed": 7}


def test_what_is_no_checkpoint_is_refused_before_anything_is_downloaded(hub: Hub, directory: Path) -> None:
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
def test_what_cannot_be_a_name_on_the_hub_is_a_directory_that_is_not_there(hub: Hub, place: str) -> None:
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
