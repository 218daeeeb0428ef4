"""The tab “Is it copying?”: which passages of a text the model has read letter for letter, underlined."""

import html
import math
from typing import Any

import gradio as gr

from interface.looking import TextBox, as_read, escaped, quoted
from interface.visitor import named, sound
from model.copying import RUN, Copies, Run, pieces, share_new
from model.loaded import Model

QUOTED = 60  # characters of the longest passage that the report shows

CSS = """
#copies u { --mark: #b03a06; text-decoration: underline 2px var(--mark); text-underline-offset: .22em;
  text-decoration-skip-ink: none; background: rgba(194, 94, 32, .12); }
.dark #copies u { --mark: #ffab70; background: rgba(200, 100, 40, .22); }
"""

ABOUT = f"""
<p>What is underlined stands letter for letter in a text that the model has learned from, in {RUN} characters or more at
a stretch. A model that has learned too long from too little writes such passages by heart; try it with a line of the
book, too.</p>
<p>The books are not here: the model carries only hashes of their passages, with which those of your text are
compared.</p>
"""

# ---- from what a browser sends to HTML -------------------------------------------------------------------------------


def check(models: dict[str, Model], text: Any, model: Any) -> tuple[str, str]:
    """The text with its copied passages underlined, and a report in plain words, as HTML; gr.Error if wrong."""
    sound(text, "the text to check", least=1)
    checkpoint = named(models, model)
    repair = checkpoint.vocabulary.repair(text)
    runs = checkpoint.copies.runs(repair.text) if checkpoint.copies else []
    report = told(model, checkpoint.copies, repair.text, runs)
    return underlined(repair.text, runs), report + (as_read(repair.report) if repair.text else "")


def underlined(text: str, runs: list[Run]) -> str:
    """The text, each copied passage in an element that tells its length and where it stands."""
    parts, place = [], 0
    for run, (start, end) in zip(runs, pieces(runs), strict=True):
        title = escaped(f"{run.end - run.start} characters that stand in {run.source}")
        parts += [escaped(text[place:start]), f'<u class="copied" title="{title}">{escaped(text[start:end])}</u>']
        place = end
    parts.append(escaped(text[place:]))
    label = "The text as the model reads it, with what is copied underlined"
    return f'<div class="text" tabindex="0" role="region" aria-label="{label}">{"".join(parts)}</div>'


def told(model: str, copies: Copies | None, text: str, runs: list[Run]) -> str:
    """How much of a text is new, what is copied, and what the search can miss."""
    name = html.escape(model)
    if not copies:
        return f"{name} does not know what it has read: train it again, and its copies can be found."
    if not text:
        return f"{name} knows none of these characters."
    if len(text) < RUN:
        return f"{len(text)} characters are too few to tell: what counts as a copy has {RUN} or more."
    sizes = [f"{s.surely_found} characters or more in <i>{escaped(s.name)}</i>" for s in copies.sources]
    if runs:
        longest = max(runs, key=lambda run: run.end - run.start)
        length, begins = longest.end - longest.start, text[longest.start : longest.end][:QUOTED]
        many = f"{len(runs)} passages stand" if len(runs) > 1 else "One passage stands"
        notes = [
            f"<b>{math.floor(1000 * share_new(text, runs)) / 10:g}% is new.</b> {many} in what {name} has read.",
            f"The longest has {length:,} characters, in <i>{escaped(longest.source)}</i>: "
            f"{quoted(begins + '…' * (length > QUOTED))}.",
            f"Surely found are passages of {', and of '.join(sizes)}.",
        ]
    else:
        notes = [f"<b>No copy was found.</b> There is no passage of {', and none of '.join(sizes)}."]
    if copies.unknown:
        notes.append(f"What {escaped(copies.unknown)} had read, from which {name} began, is not known.")
    return " ".join(notes)


# ---- the tab ---------------------------------------------------------------------------------------------------------


def copies_tab(models: dict[str, Model], model: gr.Radio, sheet: gr.Textbox) -> None:
    """Fill the tab that is open; `model` chooses whose reading a text is compared with."""

    def copying(text: Any, model: Any) -> tuple[str, str]:
        """The passages of a text that a model has read letter for letter, underlined, and a report, both as HTML."""
        return check(models, text, model)

    with gr.Row(elem_classes="looking"):
        with gr.Column(scale=3, min_width=320):
            box = TextBox(sheet, "Check", "Type or paste any text, and see what the model has read before", "to-check")
            report = gr.HTML(label="Report", elem_id="copies-report", elem_classes="quiet")
            page = gr.HTML(label="Text, what is copied underlined", elem_id="copies")
        with gr.Column(scale=2, min_width=300):
            gr.HTML(ABOUT, elem_classes="quiet")

    box.looked(
        copying,
        [box.text, model],
        [page, report],
        preprocess=False,  # `check` looks at what the page sends
        concurrency_limit=2,
        trigger_mode="always_last",
        show_progress="hidden",
    )
