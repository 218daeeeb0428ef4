"""A visitor's own account on the Hugging Face Hub, on a Space whose visitors can sign in (`hf_oauth` in the README).

Gradio keeps the visitor's token in a cookie of the visitor's browser and passes it to the endpoint function. The
function sends the token to the Hub and stores it nowhere.
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

# Environment variables of a Space with hf_oauth. Elsewhere Gradio only simulates the sign-in.
VARIABLES = ("SPACE_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")


def available() -> bool:
    """Whether visitors can sign in here."""
    return all(os.environ.get(variable) for variable in VARIABLES)


def sign_in() -> None:
    """Add the sign-in button to the page that is open."""
    gr.LoginButton("Sign in with Hugging Face to publish", "Sign out ({})", size="sm")


def account_functions(model_of: Callable[[Any], Path]) -> list[Callable[..., Any]]:
    """Return the endpoint functions; each endpoint has the name of its function.

    `model_of` returns the checkpoint directory for the key of a training, or raises gr.Error.
    """

    def signed_in(profile: gr.OAuthProfile | None) -> str:
        """The visitor's user name on the Hugging Face Hub; empty if the visitor has not signed in."""
        return profile.username if profile else ""

    def publish_model(
        key: str,
        name: str,
        private: bool = True,
        profile: gr.OAuthProfile | None = None,
        token: gr.OAuthToken | None = None,
        request: gr.Request | None = None,
    ) -> str:
        """Publish a model in the visitor's own account, under a new name or one that this app published before.

        Return the address of the model on the Hub.
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
    """Raise gr.Error if a page of another site sent the request: browsers add the sign-in cookie to that, too."""
    headers = request.headers if request else {}
    ours = [host for host in (*os.environ.get("SPACE_HOST", "").split(","), headers.get("host")) if host]
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
