"""A stand-in for the Hub on the loopback address: the real client sends its requests to it."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import huggingface_hub.constants
import pytest

TOKEN = "hf_of_ann"  # the login of the user ann, who may write to her own repositories


class Hub(ThreadingHTTPServer):
    """The Hub's HTTP interface. A repository has revisions, each a commit of files; large files use Git LFS."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.repositories: dict[str, dict[str, str]] = {}  # name -> revision -> commit
        self.commits: dict[str, dict[str, bytes]] = {}  # commit -> file -> content
        self.private: set[str] = set()
        self.spaces: dict[str, dict[str, str]] = {}  # name -> its variables
        self.stored: dict[str, bytes] = {}  # SHA-256 -> a large file's content
        self.refusal: tuple[int, str] | None = None  # status and error code for every request
        self.refusals: dict[str, tuple[int, str]] = {}  # part of a path -> the same for requests with that path
        self.unknown = ""  # the error to report for the metadata of every card
        self.sizes: dict[str, int] = {}  # file -> a false size to report
        self.sent: list[str] = []  # the files whose content was sent
        self.requests: list[str] = []  # method and path of every request

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def publish(self, name: str, directory: Path, revision: str = "main") -> str:
        """Commit the files of `directory` as a revision; return the commit."""
        return self.commit(name, {file.name: file.read_bytes() for file in directory.iterdir()}, revision)

    def commit(self, name: str, content: dict[str, bytes], revision: str = "main") -> str:
        """Commit these files as a revision; return the commit."""
        commit = hashlib.sha1(repr(sorted(content.items())).encode()).hexdigest()
        self.commits[commit] = content
        self.repositories.setdefault(name, {})[revision] = commit
        return commit

    def content(self, name: str, revision: str = "main") -> dict[str, bytes]:
        """The files of a revision."""
        return self.commits[self.repositories[name][revision]]

    @property
    def written(self) -> list[str]:
        """The requests that asked for a commit."""
        return [request for request in self.requests if "/commit/" in request]


def plan(file: str, there: dict[str, bytes]) -> dict[str, Any]:
    """Return the Hub's answer before an upload of `file`: the way of uploading, and the digest of the present file."""
    large, content = file.endswith(".safetensors"), there.get(file, b"")
    oid = hashlib.sha256(content) if large else hashlib.sha1(b"blob %d\0" % len(content) + content)
    answer = {"path": file, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
    return answer | ({"oid": oid.hexdigest()} if file in there else {})


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
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, value: Any, status: int = 200) -> None:
        self.reply(status, json.dumps(value).encode(), Content_Type="application/json")

    def refused(self) -> bool:
        """Record the request; refuse it, and return True, if the test has set a refusal for it."""
        hub = self.server
        hub.requests.append(f"{self.command} {self.path}")
        refusal = hub.refusal or next((refusal for part, refusal in hub.refusals.items() if part in self.path), None)
        if refusal:
            status, code = refusal
            self.reply(status, b"{}", X_Error_Code=code, X_Error_Message="no")
        return bool(refusal)

    def do_GET(self) -> None:
        hub = self.server
        if self.refused():
            return None
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        api = parts[0] == "api"
        name = "/".join(parts[2:4] if api else parts[:2])
        rest = parts[4:] if api else parts[2:]
        if name not in hub.repositories:
            return self.reply(404, X_Error_Code="RepoNotFound")
        if rest[:1] == ["variables"]:
            return self.json({key: {"value": value} for key, value in hub.spaces[name].items()})
        revision = rest[1] if len(rest) > 1 else "main"
        commit = hub.repositories[name].get(revision, revision)
        if commit not in hub.commits:
            return self.reply(404, X_Error_Code="RevisionNotFound")
        files = hub.commits[commit]
        sizes = {file: hub.sizes.get(file, len(content)) for file, content in files.items()}
        if api and rest[:1] == ["tree"]:
            return self.json([{"type": "file", "path": file, "size": sizes[file], "oid": commit} for file in files])
        if api:
            siblings = [{"rfilename": file, "size": sizes[file], "blobId": commit} for file in files]
            return self.json({"id": name, "sha": commit, "private": name in hub.private, "siblings": siblings})
        file = "/".join(rest[2:])
        if self.command == "GET":
            hub.sent.append(file)
        etag = hashlib.sha256(files[file]).hexdigest()
        return self.reply(200, files[file], ETag=f'"{etag}"', X_Repo_Commit=commit, Accept_Ranges="bytes")

    do_HEAD = do_GET  # noqa: N815 (the base class's naming)

    def do_DELETE(self) -> None:
        """Delete a variable of a Space."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.refused():
            variables = self.server.spaces["/".join(urlsplit(self.path).path.split("/")[3:5])]
            del variables[asked["key"]]
            self.json({})

    def do_PUT(self) -> None:
        """Store a large file that is sent to the address from the answer to the batch request."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.refused():
            assert self.path == f"/store/{hashlib.sha256(content).hexdigest()}"
            self.server.stored[self.path.removeprefix("/store/")] = content
            self.reply(200)

    def do_POST(self) -> None:
        hub = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.refused():
            return None
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.json({"error": "Invalid credentials in Authorization header"}, 401)
        path = urlsplit(self.path).path
        if path == "/api/repos/create":
            return self.create(json.loads(body))
        if path == "/api/validate-yaml":
            return self.json({"errors": [{"message": hub.unknown}]} if hub.unknown else {}, 400 if hub.unknown else 200)
        if batch := re.fullmatch(r"/(?:spaces/)?[^/]+/[^/]+\.git/info/lfs/objects/batch", path):
            asked = json.loads(body)["objects"]
            for large in asked:
                if large["oid"] not in hub.stored:
                    large["actions"] = {"upload": {"href": f"{hub.address}/store/{large['oid']}"}}
            return self.json({"transfer": "basic", "objects": asked})
        batch = re.fullmatch(r"/api/(?:model|space)s/([^/]+/[^/]+)/(\w+)(?:/(.+))?", path)
        assert batch, path
        name, what, revision = batch[1], batch[2], unquote(batch[3] or "")
        if name not in hub.repositories:
            return self.reply(404, b"{}", X_Error_Code="RepoNotFound")
        if not name.startswith("ann/") and "create_pr=1" not in self.path:
            return self.json({"error": "Authorization error"}, 403)
        if what == "branch":
            hub.repositories[name][revision] = hub.repositories[name]["main"]
            return self.json({})
        if what == "variables":
            variable = json.loads(body)
            hub.spaces[name][variable["key"]] = variable["value"]
            return self.json({variable["key"]: {"value": variable["value"]}})
        if revision not in hub.repositories[name]:
            return self.reply(404, b"{}", X_Error_Code="RevisionNotFound")
        if what == "preupload":
            there = hub.content(name, revision)
            return self.json({"files": [plan(file["path"], there) for file in json.loads(body)["files"]]})
        assert what == "commit", path
        return self.commit(name, revision, [json.loads(line) for line in body.splitlines()])

    def create(self, asked: dict[str, Any]) -> None:
        hub = self.server
        name = f"{asked['organization']}/{asked['name']}"
        space = asked.get("type") == "space"
        url = f"{hub.address}/{'spaces/' * space}{name}"
        if asked["organization"] != "ann":
            return self.json({"error": "You don't have the rights to create a model under this namespace"}, 403)
        if name in hub.repositories:
            return self.json({"error": "You already created this repo", "url": url}, 409)
        hub.commit(name, {".gitattributes": b"*.safetensors filter=lfs\n"})
        if asked.get("visibility") == "private":
            hub.private.add(name)
        if space:
            assert asked["sdk"] in ("gradio", "static")
            hub.spaces[name] = {}
        return self.json({"url": url, "name": name})

    def commit(self, name: str, revision: str, lines: list[dict[str, Any]]) -> None:
        """Make one commit on a branch, or as a pull request."""
        hub = self.server
        content = dict(hub.content(name, revision))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                content[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                content[value["path"]] = hub.stored[value["oid"]]
            elif line["key"] == "deletedFile":
                del content[value["path"]]
        proposed = "create_pr=1" in self.path
        commit = hub.commit(name, content, "refs/pr/1" if proposed else revision)
        answer = {"success": True, "commitOid": commit, "commitUrl": f"{hub.address}/{name}/commit/{commit}"}
        if proposed:
            answer["pullRequestUrl"] = f"{hub.address}/{name}/discussions/1"
        return self.json(answer)


def serve(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Hub]:
    """Start an empty Hub and yield it; the client in this process uses it, with an empty cache and no login."""
    server = Hub()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    files = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.address + files)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield server
    server.shutdown()
    server.server_close()
