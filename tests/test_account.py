"""Publishing in a visitor's own account: Gradio's own sessions, as on a Space, and the stand-in for the Hub."""

import base64
import hashlib
import http.client
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import itsdangerous
import pytest

from interface import account
from model.checkpoint import save
from model.hub import load
from model.loaded import Model
from tests.browser import serving
from tests.stand_in import TOKEN, Hub, serve
from tests.test_card import RECORD

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")  # the Hub client's own, for a large file
SPACE = {"SYSTEM": "spaces", "SPACE_ID": "ann/space", "OPENID_PROVIDER_URL": "http://127.0.0.1:9"}
SPACE |= {"OAUTH_CLIENT_ID": "an app", "OAUTH_CLIENT_SECRET": "its secret", "OAUTH_SCOPES": "openid profile"}

PROGRAM = """
import sys
from pathlib import Path
import gradio as gr
import gradio.http_server
from gradio.events import api
from interface import account
from interface.hardening import harden
from interface.visitor import refusal
gradio.http_server.watchfn_spaces = lambda _: None  # it needs a package that a Space has
def model_of(key):
    if key != "right":
        raise refusal("there is no training with this key")
    return Path(sys.argv[1])
with gr.Blocks(analytics_enabled=False) as demo:
    account.sign_in()
    for endpoint in account.account_functions(model_of):
        api(endpoint)
demo.queue().launch(app_kwargs={"middleware": harden(demo)}, ssr_mode=False)
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty Hub, and no login on this machine."""
    yield from serve(monkeypatch, tmp_path / "cache")


@pytest.fixture
def page(hub: Hub, model: Model, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address and the log of a page as on a Space, where the key "right" belongs to a trained model."""
    save(replace(model, training=RECORD), tmp_path / "trained")
    places = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    variables: Any = SPACE | places
    with serving(tmp_path, "-c", PROGRAM, tmp_path / "trained", **variables) as (url, log):
        yield url, log


def signed(token: str, name: str = "ann") -> dict[str, str]:
    """Return the headers of a visitor's session, as Gradio 6.31.0 stores it (oauth.py) and Starlette signs it."""
    person = {"name": name, "preferred_username": name, "profile": "", "picture": ""}
    session = {"oauth_info": {"access_token": token, "scope": "", "expires_at": 2**40, "userinfo": person}}
    key = hashlib.sha256((SPACE["OAUTH_CLIENT_SECRET"] + "-v4").encode()).hexdigest()
    content = base64.b64encode(json.dumps(session).encode())
    return {"Cookie": f"session={itsdangerous.TimestampSigner(key).sign(content).decode()}"}


def ask(url: str, name: str, *values: Any, headers: dict[str, str] | None = None) -> tuple[str, Any]:
    """Call an endpoint; return the name of its last event, and its value or error sentence."""
    headers = {"Content-Type": "application/json", **(headers or {})}
    data = json.dumps({"data": values}).encode()
    address = f"{url}/gradio_api/call/{name}"
    with urllib.request.urlopen(urllib.request.Request(address, data, headers)) as answer:
        ticket = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{address}/{ticket}") as answer:
        event, data = answer.read().decode().strip().split("\n\n")[-1].split("\ndata: ")
    told = json.loads(data)
    return event.removeprefix("event: "), told[0] if isinstance(told, list) else told["error"]


def test_publishing_is_offered_only_on_a_space_with_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not account.available()
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)
    assert account.available()
    monkeypatch.delenv("OAUTH_CLIENT_ID")  # a Space without hf_oauth
    assert not account.available()


def test_a_visitor_publishes_in_their_own_account_and_the_token_is_stored_nowhere(
    page: tuple[str, Path], hub: Hub, tmp_path: Path
) -> None:
    assert ask(page[0], "signed_in", headers=signed(TOKEN)) == ("complete", "ann")
    assert ask(page[0], "publish_model", "right", "tale", True, headers=signed(TOKEN)) == (
        "complete",
        f"{hub.address}/ann/tale",
    )
    assert "ann/tale" in hub.private
    assert load("ann/tale").training == RECORD
    assert page[1].exists()  # the log is one of the searched files
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert ask(page[0], "signed_in") == ("complete", "")  # another visitor


def test_a_visitor_who_cancels_the_sign_in_is_back_on_the_page(page: tuple[str, Path]) -> None:
    connection = http.client.HTTPConnection(urlsplit(page[0]).netloc, timeout=60)
    connection.request("GET", "/login/callback?error=access_denied&state=1")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (307, "/")
    connection.close()
    assert "Traceback" not in page[1].read_text()


def test_nobody_publishes_without_a_session_of_their_own(page: tuple[str, Path], hub: Hub) -> None:
    forged = {"Cookie": signed(TOKEN)["Cookie"][:-3] + "xxx"}
    for headers in ({}, forged):
        event, told = ask(page[0], "publish_model", "right", "tale", True, headers=headers)
        assert (event, told) == ("error", "Sign in with Hugging Face first, to publish in your own account.")
    assert hub.requests == []


def test_publishing_needs_the_key_of_the_model_and_a_request_from_the_page_itself(
    page: tuple[str, Path], hub: Hub
) -> None:
    assert (
        ask(page[0], "publish_model", "wrong", "tale", True, headers=signed(TOKEN))[1]
        == "There is no training with this key."
    )
    for origin in ("https://example.com", "null"):
        elsewhere = signed(TOKEN) | {"Origin": origin}
        assert "comes from another site" in ask(page[0], "publish_model", "right", "tale", True, headers=elsewhere)[1]
    assert hub.requests == []
    own = signed(TOKEN) | {"Origin": page[0]}
    assert ask(page[0], "publish_model", "right", "tale", True, headers=own)[0] == "complete"


@pytest.mark.parametrize(
    ("name", "visitor", "said"),
    [
        ("ti ny", signed(TOKEN), "'ann/ti ny' is not a name on the Hub: give user/name"),
        ("../bob/tale", signed(TOKEN), "is not a name on the Hub"),
        ("--space", signed(TOKEN), "is not a name on the Hub"),
        ("tale", signed("hf_expired"), "The Hub does not accept the sign-in any more: sign out and in again."),
        ("tale", signed(TOKEN, "bob"), "The Hub does not let this page write to bob/tale: choose a name that is new."),
    ],
)
def test_an_error_is_one_sentence_without_the_token(
    page: tuple[str, Path], name: str, visitor: dict[str, str], said: str
) -> None:
    event, told = ask(page[0], "publish_model", "right", name, True, headers=visitor)
    assert event == "error"
    assert said in told
    log = page[1].read_text()
    assert "Traceback" not in log
    assert not [place for place in (told, log) if TOKEN in place or "hf_expired" in place]
