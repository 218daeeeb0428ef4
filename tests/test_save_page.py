"""The endpoint that saves a model as one file: its limits, and visitors who do not read the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, cast

import gradio as gr
import pytest

from interface.listening import Listening
from interface.models import Models
from interface.offline import offline_endpoint
from model.loaded import Model
from model.serving.limits import Limits


class Listener:
    """A stand-in for `Listening`: one visitor, who reads the answer, or whose stream is closed."""

    limits = Limits(visitor_analyses=2)

    def __init__(self, reads: bool) -> None:
        self.reads = reads

    async def visitor(self, _: object) -> str:
        return "ann"

    def idle(self, _: object) -> float:
        return 0.0 if self.reads else inf


@pytest.fixture
def save_page(model: Model, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bool], list[Any]]:
    """A function that asks for several files at once, and returns the answers, or the errors."""

    def save_page(count: int, reads: bool) -> list[Any]:
        added: list[Callable[..., Awaitable[Any]]] = []
        monkeypatch.setattr("interface.offline.api", lambda function, **_: added.append(function))
        offline_endpoint(Models({"tiny": model}), cast(Listening, Listener(reads)))

        async def ask() -> list[Any]:
            return await asyncio.gather(*(added[0](None, "tiny") for _ in range(count)), return_exceptions=True)

        return asyncio.run(ask())

    return save_page


def test_one_visitor_cannot_ask_for_many_files_at_once(save_page: Callable[[int, bool], list[Any]]) -> None:
    answers = save_page(4, True)
    assert [isinstance(answer, gr.Error) for answer in answers] == [False, False, True, True]
    assert answers[0]["name"] == "tiny.html"
    assert "3 texts to analyse at once, and 2 are allowed" in answers[2].message


def test_a_file_that_nobody_waits_for_is_not_made(
    save_page: Callable[[int, bool], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Model] = []
    monkeypatch.setattr("interface.offline.offline_page", made.append)
    [refused] = save_page(1, False)
    assert refused.message.startswith("Nobody read the answer")
    assert not made
