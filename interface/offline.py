"""Saving a model as one file that writes by itself: the endpoint `/save_page`."""

import asyncio

import gradio as gr
from gradio.events import api

from interface.listening import Listening
from interface.models import Models
from interface.visitor import named
from model.offline.page import offline_page


def offline_endpoint(models: Models, listening: Listening) -> None:
    """Add `/save_page` to the page that is open."""
    (first, *_), turn = models, asyncio.Lock()

    async def save_page(asked: gr.Request, model: str = first) -> dict[str, str]:
        """An HTML file that holds a model and writes without a server: its content as text, and a name for the file."""
        chosen = named(models, model)
        await listening.visitor(asked)
        async with turn:  # one at a time: it takes some seconds of a processor
            page = await asyncio.to_thread(offline_page, chosen)
        return {"name": f"{chosen.name or 'model'}.html", "page": page.decode()}

    api(save_page, concurrency_limit=None)
