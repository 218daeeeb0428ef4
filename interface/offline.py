"""Saving a model as one file that writes by itself: the endpoint `/save_page`."""

import asyncio

import gradio as gr
from gradio.events import api

from interface.listening import PATIENCE, Listening, within_limits
from interface.models import Models
from interface.visitor import named, refusal
from model.offline.page import offline_page


def offline_endpoint(models: Models, listening: Listening) -> None:
    """Add `/save_page` to the page that is open."""
    (first, *_), turn = models, asyncio.Lock()
    visitors: list[str] = []  # of the requests that run or wait, which have the limits of analyses

    async def save_page(asked: gr.Request, model: str = first) -> dict[str, str]:
        """An HTML file that holds a model and writes without a server: its content as text, and a name for the file."""
        chosen = named(models, model)
        visitor = await listening.visitor(asked)
        with within_limits():
            listening.limits.admit("analyses", len(visitors) + 1, visitors.count(visitor) + 1)
        visitors.append(visitor)
        try:
            async with turn:  # one at a time: it takes some seconds of a processor
                if listening.idle(asked) > PATIENCE:
                    raise refusal("nobody read the answer for some time, so the file was not made: ask again")
                page = await asyncio.to_thread(offline_page, chosen)
        finally:
            visitors.remove(visitor)
        return {"name": f"{chosen.name or 'model'}.html", "page": page.decode()}

    api(save_page, concurrency_limit=None)
