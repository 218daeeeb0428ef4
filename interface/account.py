"""A visitor's own account on the Hugging Face Hub, on a Space whose visitors can sign in (`hf_oauth` in the README).

Gradio keeps a visitor's token in a cookie of that visitor and gives it to the function that a request asks for. It goes
from there to the Hub, and is kept nowhere else.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from huggingface_hub.errors import HfHubHTTPError

from interface.visitor import refusal
from training import publish

# What a Space with hf_oauth gives to its app. Elsewhere Gradio only pretends that a visitor has signed in.
VARIABLES = ("SPACE_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")


def available() -> bool:
    """Whether visitors can sign in here."""
    return all(os.environ.get(variable) for variable in VARIABLES)


def sign_in() -> None:
    """Add the button by which a visitor signs in and out to the page that is open."""
    gr.LoginButton("Sign in with Hugging Face to publish", "Sign out ({})", size="sm")


def account_functions(model_of: Callable[[Any], Path]) -> list[Callable[..., Any]]:
    """What the endpoints do, each by its name; `model_of` gives the checkpoint of a training's key, or refuses it."""

    def signed_in(profile: gr.OAuthProfile | None) -> str:
        """The name on the Hugging Face Hub of the visitor who asks; empty for one who has not signed in."""
        return profile.username if profile else ""

    def publish_model(
        key: str,
        name: str,
        private: bool = True,
        profile: gr.OAuthProfile | None = None,
        token: gr.OAuthToken | None = None,
        request: gr.Request | None = None,
    ) -> str:
        """Publish a model in the account of the visitor who asks, under a name that is new or was published from here.
        The answer is its address.
        """
        if not profile or not token:
            raise refusal("sign in with Hugging Face first, to publish in your own account")
        check_origin(request)
        directory, whole = model_of(key), f"{profile.username}/{str(name).strip()}"
        try:
            return publish.publish_checkpoint(directory, whole, token.token, bool(private))
        except publish.REFUSALS as error:
            raise refusal(trouble(error, whole)) from None

    return [signed_in, publish_model]


def check_origin(request: gr.Request | None) -> None:
    """Raise gr.Error if another site's page has sent the request, with the cookie of one who is signed in here."""
    headers = request.headers if request else {}
    ours = {*os.environ.get("SPACE_HOST", "").split(","), headers.get("host")}
    if (origin := headers.get("origin")) and urlsplit(origin).netloc not in ours:
        raise refusal("this request comes from another site: publish from the page itself")


def trouble(error: BaseException, name: str) -> str:
    """Why a model was not published, and what to do, for a visitor of the page."""
    cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
    status = cause.response.status_code if isinstance(cause, HfHubHTTPError) else 0
    if status == 401:
        return "the Hub does not accept the sign-in any more: sign out and in again"
    if status == 403 or isinstance(cause, PermissionError):
        return f"the Hub does not let this page write to {name}: choose a name that is new"
    return publish.trouble(error, name)
