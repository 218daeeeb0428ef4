"""The page in the browser: its theme, and its parts from the files in browser/, as components of Gradio."""

import json
from pathlib import Path
from typing import Any

import gradio as gr

BROWSER = Path(__file__).parent / "browser"
SHARED = ("elements.js", "own.js", "api.js", "letter.js", "document.js", "editor.js", "settings.js", "lenses.js")

THEME = gr.themes.Base(
    primary_hue="stone",
    neutral_hue="stone",
    # Names of the reader's own fonts: nothing is fetched.
    font=("Charter", "Iowan Old Style", "Palatino", "Georgia", "serif"),
    font_mono=("ui-monospace", "monospace"),
).set(
    body_background_fill="#f9f6f0",
    body_background_fill_dark="#1a1816",
    body_text_color_dark="#e2dcd2",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_400",
    input_background_fill="#fffdf9",
    input_background_fill_dark="#211e1b",
    input_border_width="1px",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
    slider_color="*primary_600",
    slider_color_dark="*primary_400",
    button_primary_background_fill="*primary_800",
    button_primary_background_fill_dark="*primary_200",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_hover_dark="*primary_50",
    button_primary_text_color_dark="*primary_900",
)


def read(name: str) -> str:
    """A file of browser/."""
    return (BROWSER / name).read_text(encoding="utf-8")


def style() -> str:
    """The <style> element of all tabs, for the document head: Gradio would change ::highlight rules given as `css`."""
    return f"<style>{read('page.css')}</style>"


def component(name: str, scripts: tuple[str, ...], start: str, values: dict[str, Any]) -> gr.HTML:
    """A part of the page: NAME.html, started by the JavaScript function `start` with the element and `values`."""
    code = "\n".join(read(script) for script in (*SHARED, *scripts))
    given = json.dumps(values, ensure_ascii=True)
    return gr.HTML(
        html_template=read(f"{name}.html"),
        js_on_load=f"{code}\n{start}(element, {given});",
        apply_default_css=False,
        elem_id=name,
    )
