"""What the tabs have in common that look at a text: the box it comes from, and how a text becomes HTML."""

import html
from collections.abc import Callable
from typing import Any

import gradio as gr

CSS = """
.looking { gap: 1.25rem 2.5rem; }
.looking button { font-weight: 500; }
.looking .text { max-height: 26rem; overflow-y: auto; padding: 1.1rem 1.3rem; border-radius: var(--radius-lg);
  border: 1px solid var(--border-color-primary); background: var(--input-background-fill);
  font-size: 1.1rem; line-height: 1.75; white-space: pre-wrap; overflow-wrap: anywhere; }
.looking .text:focus-visible { outline: 1px solid var(--body-text-color-subdued); }
.choices ol { list-style: none; padding: 0; margin: .5rem 0; display: grid; gap: .2rem; }
.choices button { width: 100%; padding: .2rem .7rem; border-radius: var(--radius-sm); font: inherit; color: inherit;
  cursor: pointer; text-align: left; font-variant-numeric: tabular-nums;
  border: 1px solid var(--border-color-primary); }
.choices button:hover, .choices button:focus-visible { border-color: var(--body-text-color); }
.quiet, .quiet p { color: var(--body-text-color-subdued); font-size: .92rem; line-height: 1.6; }
"""

# A click on a button of a list tells its place in it.
CHOOSE = """
element.addEventListener("click", (event) => {
  const all = [...element.querySelectorAll("button")], at = all.indexOf(event.target.closest("button"));
  if (at >= 0) trigger("select", { index: at, value: "" });
});
"""


def escaped(text: str) -> str:
    """`text` as HTML in which nothing is left to the templates of gr.HTML."""
    return html.escape(text).translate({ord(c): f"&#{ord(c)};" for c in "$`{}\\"})


def quoted(text: str) -> str:
    """A piece of text within a sentence, as HTML."""
    return f"“{escaped(text.replace(chr(10), ' ↵ '))}”"


def as_read(report: str) -> str:
    """What a vocabulary did to a text before it was read, as a sentence that follows others, as HTML."""
    return f" Read as: {escaped(report)}." if report else ""


def index_of(event: gr.EventData) -> Any:
    """The index that an event of a page's own HTML came with, if any; Gradio has no public way to it."""
    data = event._data
    return data.get("index") if isinstance(data, dict) else None


class TextBox:
    """A box for any text, with a button that looks at it, and one that looks at the sheet's text."""

    def __init__(self, sheet: gr.Textbox, button: str, placeholder: str, name: str) -> None:
        """Lay it out within the tab that is open; `name` begins the ids of its parts."""
        self.text = gr.Textbox(
            label="Text to read",
            placeholder=placeholder,
            lines=1,  # so that Enter reads and Shift+Enter breaks the line
            max_lines=6,
            elem_id=name,
            html_attributes=gr.InputHTMLAttributes(spellcheck=False),
        )
        with gr.Row():
            self.look = gr.Button(button, variant="primary", min_width=100, elem_id=f"{name}-look")
            take = gr.Button("Take the sheet’s text", scale=2, min_width=150, elem_id=f"{name}-take")
        unseen: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        self.taken = take.click(lambda text: text, sheet, self.text, **unseen)

    def looked(self, function: Callable[..., Any], inputs: list[Any], outputs: list[Any], **how: Any) -> None:
        """Call `function` whenever a visitor wants a text looked at."""
        gr.on([self.look.click, self.text.submit], function, inputs, outputs, **how)
        self.taken.success(function, inputs, outputs, **{**how, "api_visibility": "private"})
