"""The tab on which one writes: a sheet of text that the visitor and the model both write on."""

import html
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import gradio as gr

from interface import settings
from interface.desk import SHADES, TAKES, Desk, View
from interface.models import chosen, describe
from model.loaded import Model

SCRIPT = Path(__file__).with_name("sheet.js").read_text(encoding="utf-8")
LINK = "() => location.hash && JSON.stringify(Object.fromEntries(new URLSearchParams(location.hash.slice(1))))"
# Written for this page; in the manner of what each model has read.
BEGINNINGS = (
    "The door at the end of the garden had never been opened before, and",
    "“What a curious clock,” said the girl,",
    "It was raining so hard that the bear could not find his own house.",
    "Nobody in the village believed the old sailor until",
)
PLAYS = (
    "QUEEN:\nWhat news, my lord? You come upon us late,\n",
    "FIRST CITIZEN:\nThe river rises, and the bread grows dear.\n",
)


def beginnings(model: Model) -> tuple[str, ...]:
    """Examples of how a text may begin, for what the model has read."""
    return PLAYS if not model.vocabulary.lowercase else BEGINNINGS


def legend(first: Any, second: Any) -> gr.HTML:
    """What the tints of a text by two books mean; hidden where one writes alone."""
    shades = "".join(f'<mark class="shade{shade}">&emsp;</mark>' for shade in range(SHADES))
    return gr.HTML(
        f"wanted by {html.escape(str(first))} {shades} wanted by {html.escape(str(second))}", visible=bool(second)
    )


def write_tab(demo: gr.Blocks, desk: Desk, model: gr.Radio) -> tuple[gr.Textbox, Callable[[Any, Any], Any]]:
    """Lay the tab out, for the choice `model`; returns the sheet, and a function that lets another text take its place.

    That function is called with an event, after which it happens, and the component that then holds the text.
    """
    first = desk.models[str(model.value)]
    with gr.Row(elem_id="desk"):
        with gr.Column(scale=7, min_width=320):
            sheet = gr.Textbox(
                label="Sheet",
                placeholder="Begin a story here, and let the model go on; or leave it blank, and it begins by itself.",
                lines=16,
                max_lines=16,
                autoscroll=False,
                elem_id="sheet",
                html_attributes=gr.InputHTMLAttributes(spellcheck=False),
            )
            shades, link = gr.Textbox(label="Shades", visible="hidden"), gr.Textbox(label="Link", visible="hidden")
            key = gr.HTML(visible=False, elem_id="key-of-two")
            note = gr.HTML(label="How it is read", visible=False, elem_id="note")
            with gr.Row(elem_id="actions"):
                write_button = gr.Button("Write", variant="primary", min_width=70, elem_id="write")
                stop_button = gr.Button("Stop", interactive=False, min_width=70, elem_id="stop")
                again_button = gr.Button("Try again", interactive=False, min_width=70, elem_id="again")
                undo_button = gr.Button("Undo", interactive=False, min_width=70, elem_id="undo")
            status = gr.HTML(label="How it stands", elem_id="status")
            with gr.Row(visible=False, elem_id="takes") as takes:
                columns, texts, choices = [], [], []
                for take in range(TAKES):
                    with gr.Column(visible=False, min_width=230) as column:
                        label = f"Take {take + 1}"
                        texts.append(gr.Textbox(label=label, lines=9, max_lines=9, interactive=False, autoscroll=False))
                        choices.append(gr.Button(f"Go on with take {take + 1}", size="sm", interactive=False))
                    columns.append(column)
        with gr.Column(scale=4, min_width=280):
            about = gr.HTML(describe(first), label="About the model", elem_id="about")
            begin = gr.Radio(list(beginnings(first)), label="Begin with", elem_id="begin")
            surprise_button = gr.Button("Surprise me", size="sm", elem_id="surprise")
            controls = settings.controls(desk, model)
            with gr.Row(elem_id="away"):
                copy_button = gr.Button("Copy", size="sm", min_width=70, elem_id="copy")
                share_button = gr.Button("Copy a link", size="sm", min_width=70, elem_id="share")
                save_button = gr.Button("Download", size="sm", min_width=70, elem_id="download")

    idle_buttons = [write_button, surprise_button, *choices]  # those for when nothing is being written

    def changes(view: View, before: View | None = None) -> dict[Any, Any]:
        """What the page must change to show `view` after `before`; all of it after None."""
        fresh: dict[Any, Any] = dict(zip(texts, view.takes, strict=False))
        if before is None or before.shades != view.shades:
            fresh[shades] = view.shades
        if before is None or before.text != view.text:
            fresh[sheet] = view.text
        if before is None or before.status != view.status:
            fresh[status] = html.escape(view.status)
        if before is None or before.note != view.note:
            fresh[note] = gr.HTML(html.escape(view.note), visible=bool(view.note))
        if before is None or before.writing != view.writing:
            fresh[stop_button] = gr.Button(interactive=view.writing)
            fresh |= {button: gr.Button(interactive=not view.writing) for button in idle_buttons}
            fresh[undo_button] = gr.Button(interactive=view.undoable)
            fresh[again_button] = gr.Button(interactive=view.repeatable)
        if before is None or len(before.takes) != len(view.takes):
            fresh[takes] = gr.Row(visible=bool(view.takes))
            fresh |= {column: gr.Column(visible=i < len(view.takes)) for i, column in enumerate(columns)}
        return fresh

    async def shown(views: AsyncIterator[View]) -> AsyncIterator[dict[Any, Any]]:
        before = None
        async for view in views:
            # A program gets what comes last, and that alone: all of it.
            if update := changes(view, before if view.writing else None):
                yield update
            before = view

    async def write(request: gr.Request, text: Any, model: Any, **typed: Any) -> AsyncIterator[Any]:
        """Continue the sheet by the model, or by several takes to choose from."""
        async for update in shown(desk.write(request.session_hash, text, model, **typed)):
            yield update

    async def try_again(request: gr.Request, text: Any, model: Any, **typed: Any) -> AsyncIterator[Any]:
        """Replace the sheet's last continuation by another."""
        async for update in shown(desk.try_again(request.session_hash, text, model, **typed)):
            yield update

    def undo(request: gr.Request, text: str) -> dict[Any, Any]:
        """Take back what was done last on the sheet."""
        return changes(desk.undo(request.session_hash, text))

    def begin_with(request: gr.Request, text: str, beginning: str) -> dict[Any, Any]:
        """Let a beginning take the place of the sheet's text."""
        return changes(desk.begin(request.session_hash, text, beginning))

    def clear(request: gr.Request, text: str) -> dict[Any, Any]:
        """Empty the sheet."""
        return changes(desk.begin(request.session_hash, text, ""))

    def go_on_with(take: int) -> Callable[..., dict[Any, Any]]:
        def go_on(request: gr.Request, text: str) -> dict[Any, Any]:
            """Go on with this one of several takes."""
            return changes(desk.choose(request.session_hash, text, take))

        go_on.__name__ = f"take_{take + 1}"  # by which programs know it
        return go_on

    def stop(request: gr.Request) -> None:
        """End what is just being written on the sheet."""
        desk.stop(request.session_hash)

    def forget(request: gr.Request) -> None:
        desk.forget(request.session_hash)

    def about_model(model: Any) -> list[Any]:
        """What a model learned from, how large it is and how well it predicts, and beginnings in its manner."""
        new = chosen(desk.models, model)
        return [describe(new), gr.Radio(list(beginnings(new)), value=None)]

    def restore(link: Any) -> Any:
        found = settings.restored(desk, link)
        if not found:
            return gr.skip()
        places = {"text": sheet, "model": model} | controls
        about_it = dict(zip((about, begin), about_model(found["model"]), strict=True))
        return {places[name]: value for name, value in found.items()} | about_it

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    at_once: dict[str, Any] = {**quiet, "queue": False}
    unseen: dict[str, Any] = {**at_once, "api_visibility": "private"}
    everything = [shades, sheet, status, note, stop_button, again_button, undo_button, *idle_buttons]
    everything += [takes, *columns, *texts]
    # `Desk.settle` checks what the page sends as it checks what others send, so Gradio need not.
    how: dict[str, Any] = {**quiet, "inputs_kwargs": controls, "preprocess": False, "concurrency_limit": None}
    write_button.click(write, [sheet, model], everything, **how)
    again_button.click(try_again, [sheet, model], everything, **how)
    cleared = surprise_button.click(clear, sheet, everything, **at_once)
    cleared.success(write, [sheet, model], everything, api_visibility="private", **how)
    stop_button.click(stop, **at_once)
    undo_button.click(undo, sheet, everything, **at_once)
    for take, button in enumerate(choices):
        button.click(go_on_with(take), sheet, everything, **at_once)

    model.input(about_model, model, [about, begin], preprocess=False, **at_once)
    gr.on([model.change, controls["second"].change], legend, [model, controls["second"]], key, **unseen)
    begin.input(begin_with, [sheet, begin], everything, **at_once)
    sheet.change(None, js="() => window.sheet?.update()")
    shades.change(None, shades, js="shades => window.sheet?.shade(shades)")
    copy_button.click(None, None, status, js="() => window.sheet.copy()")
    save_button.click(None, js="() => window.sheet.download()")
    js = f"(...values) => window.sheet.share({['model', *controls]}, values)"
    share_button.click(None, [model, *controls.values()], status, js=js)
    demo.load(None, js=SCRIPT)
    brought = [sheet, model, about, begin, *controls.values()]
    demo.load(None, None, link, js=LINK)
    link.change(restore, link, brought, preprocess=False, **unseen)
    demo.unload(forget)
    return sheet, lambda event, text: event.success(begin_with, [sheet, text], everything, **unseen)
