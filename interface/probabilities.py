"""The tab of probabilities: how surprising each character of a text is to a model, and what it expected there."""

import html
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from threading import Event
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import gradio as gr
from gradio.events import api

from interface.looking import CHOOSE, TextBox, as_read, escaped, index_of, quoted
from interface.visitor import named, refusal, sound
from model.analysis.inspection import Reading, read
from model.loaded import Model

SHOWN = 3_000  # characters at the end of a text that are read: two seconds for each model
BOUNDS = (1, 2, 4, 6, 9)  # bits at which a tint ends and the next begins
KEPT = 64  # readings that are not read anew when they are asked for again

CSS = """
#reading .text, #key i { --tint: 194, 94, 32; }
.dark #reading .text, .dark #key i { --tint: 200, 100, 40; }
#reading i, #key i { font-style: normal; cursor: pointer; }
#reading i:hover { outline: 1px solid var(--body-text-color-subdued); }
#reading i.here { outline: 2px solid var(--body-text-color); }
#reading .line::before, #reading .end::before { content: "↵"; opacity: .45; }
#reading .end::before { content: "▸"; }
#reading .t1, #key .t1 { background: rgba(var(--tint), .13); }
#reading .t2, #key .t2 { background: rgba(var(--tint), .25); }
#reading .t3, #key .t3 { background: rgba(var(--tint), .38); }
#reading .t4, #key .t4 { background: rgba(var(--tint), .52); }
#reading .t5, #key .t5 { background: rgba(var(--tint), .68); }
#key i { cursor: auto; padding: 0 .45rem; display: inline-block; }
#figures table { border: 0; border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0 .4rem; }
#figures th { font-weight: 500; text-align: left; }
#figures tr { border: 0; }
#figures th, #figures td { padding: .15rem 1.6rem .15rem 0; border: 0; }
#figures .chosen { font-weight: 600; }
#likeliest button { display: flex; justify-content: space-between; gap: 1rem;
  background: linear-gradient(to right, var(--neutral-200) var(--share), transparent var(--share)); }
.dark #likeliest button { background: linear-gradient(to right, var(--neutral-700) var(--share), transparent 0); }
#likeliest .written { font-weight: 600; }
"""

# A click on a character, or Enter where the arrow keys have led, tells its place.
PICK = """
const places = () => [...element.querySelectorAll("i")];
const go = (i, tell) => {
  const all = places(), at = all[Math.max(0, Math.min(i, all.length - 1))];
  if (!at) return;
  element.querySelector(".here")?.classList.remove("here");
  at.classList.add("here");
  at.scrollIntoView({ block: "nearest" });
  if (tell) trigger("select", { index: all.indexOf(at), value: "" });
};
element.addEventListener("click", (event) => {
  const at = event.target.closest("i");
  if (at) go(places().indexOf(at), true);
});
element.addEventListener("keydown", (event) => {
  const all = places(), here = all.findIndex((at) => at.classList.contains("here"));
  const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: all.length - 1, Enter: here, " ": here };
  if (!(event.key in to) || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  go(to[event.key], event.key === "Enter" || event.key === " ");
});
"""

# ---- from what a browser sends to a reading --------------------------------------------------------------------------


class Shown(NamedTuple):
    """What the tab shows: the model's name, the text it was given, and where in the part read one has clicked."""

    model: str
    text: str
    place: int | None = None


class Readings:
    """The end of any text as each of some models reads it; the latest are kept, for all visitors."""

    def __init__(self, models: dict[str, Model]) -> None:
        self.models = models
        self._read = lru_cache(KEPT)(lambda name, text: read(models[name], text))

    def __call__(self, name: str, text: str) -> Reading:
        return self._read(name, text[-SHOWN:])


def counted(index: Any) -> int:
    """A place or a rank, if it is a whole number; else gr.Error."""
    if not isinstance(index, int) or isinstance(index, bool):
        raise refusal("choose a character of the text")
    return index


def asked(readings: Readings, text: Any, model: Any) -> Shown:
    """A text to be read and who reads it; gr.Error if anything is wrong."""
    sound(text, "the text to read", least=1)
    named(readings.models, model)
    return Shown(model, text)


def examine(readings: Readings, text: Any, model: Any) -> Iterator[tuple[Shown, str, str, str]]:
    """What is shown, the tinted text, the report and the table, which grows as the models read; gr.Error if wrong."""
    shown = asked(readings, text, model)
    yield shown, "", f"{html.escape(model)} is reading …", ""
    reading = readings(model, text)
    page, report = tinted(reading), told(reading, model, cut=len(text) > SHOWN)
    bits = {model: reading.bits_per_character}
    yield shown, page, report, table(bits, readings.models, model)
    for name in readings.models:
        if name not in bits:
            bits[name] = readings(name, text).bits_per_character
            yield shown, page, report, table(bits, readings.models, model)


def expect(readings: Readings, shown: Any, index: Any) -> tuple[Shown, str]:
    """What is shown from now on, and the likeliest characters at the place that was chosen; gr.Error if wrong."""
    if not isinstance(shown, Shown):
        raise refusal("read a text first")
    reading = readings(shown.model, shown.text)
    place = max(0, min(counted(index), len(reading.text)))
    return shown._replace(place=place), buttons(reading, place)


def branch(readings: Readings, shown: Any, index: Any) -> tuple[str, str]:
    """The text before the place that was chosen and another character there, and a line about it; gr.Error if wrong."""
    if not isinstance(shown, Shown) or shown.place is None:
        raise refusal("choose a character of the text first")
    reading, rank = readings(shown.model, shown.text), counted(index)
    likeliest = reading.likeliest(shown.place)
    if not 0 <= rank < len(likeliest):
        raise refusal(f"choose one of the {len(likeliest)} likeliest characters, from 0")
    earlier = readings.models[shown.model].vocabulary.repair(shown.text[:-SHOWN]).text
    text = earlier + reading.text[: shown.place] + likeliest[rank][0]
    return text, f"The sheet now ends in {quoted(text[-40:])}: write on there."


# ---- from a reading to HTML ------------------------------------------------------------------------------------------


def visible(character: str) -> str:
    """A character as a reader can see it, as HTML."""
    return {" ": "space", "\n": "new line"}.get(character) or escaped(character)


def tint(bits: float) -> int:
    """From 0, expected, to 5, a surprise."""
    return sum(bits >= bound for bound in BOUNDS)


def tinted(reading: Reading) -> str:
    """The text, each character in an element of its own, and one more for what follows the text."""
    characters = "".join(
        f'<i class="t{tint(bits)}{" line" * (character == chr(10))}">{escaped(character)}</i>'
        for character, bits in zip(reading.text, reading.surprise.tolist(), strict=True)
    )
    label = "The text as the model reads it: arrow keys move through it, Enter shows what was likely there"
    return (
        f'<div class="text" tabindex="0" role="application" aria-label="{label}">{characters}<i class="end"></i></div>'
    )


def told(reading: Reading, model: str, cut: bool) -> str:
    """How surprised the model was, in a sentence, and what was done to the text before."""
    if not reading.text:
        return f"{html.escape(model)} knows none of these characters."
    notes = [f"<b>{reading.bits_per_character:.2f} bits</b> a character under {html.escape(model)} "]
    notes += ["(fewer is less surprised)."]
    if cut:
        notes.append(f" Only the last {SHOWN:,} characters were read.")
    return "".join(notes) + as_read(reading.report)


def table(bits: dict[str, float], models: dict[str, Model], chosen: str) -> str:
    """The bits a character of each model, the least surprised first; those that have not read yet come last."""
    measured = sorted((figure != figure, figure, name) for name, figure in bits.items())  # nan comes last
    figures = [(name, f"{figure:.2f}" if figure == figure else "–") for _, figure, name in measured]
    figures += [(name, "…") for name in models if name not in bits]
    rows = "".join(
        f"<tr{' class=chosen' * (name == chosen)}><td>{html.escape(name)}</td><td>{figure}</td></tr>"
        for name, figure in figures
    )
    head = "<tr><th>The same text under</th><th>bits a character</th></tr>"
    return f"<table>{head}{rows}</table><p class=quiet>Each reads it in the characters it knows.</p>"


def buttons(reading: Reading, place: int) -> str:
    """The likeliest characters at a place, as buttons that are filled by their shares."""
    written = reading.text[place : place + 1]
    after = f"After {quoted(reading.text[max(0, place - 24) : place])}" if place else "At the very beginning"
    cost = f"; “{visible(written)}” stands there, {reading.surprise[place]:.1f} bits" if written else ""
    rows = "".join(
        f'<li><button style="--share: {share:.1%}"{" class=written" * (character == written)}>'
        f"<span>{visible(character)}</span><span>{share:.1%}</span></button></li>"
        for character, share in reading.likeliest(place)
    )
    return f"<p>{after} these are the likeliest{cost}. Choose one, and the sheet goes on from it.</p><ol>{rows}</ol>"


KEY = "Bits of surprise: " + " ".join(
    f'<i class="t{i}">{name}</i>'
    for i, name in enumerate(
        [f"below {BOUNDS[0]}", *(f"{a}–{b}" for a, b in pairwise(BOUNDS)), f"{BOUNDS[-1]} or more"]
    )
)

# ---- the tab ---------------------------------------------------------------------------------------------------------


def probabilities_tab(
    models: dict[str, Model], model: gr.Radio, sheet: gr.Textbox, replace: Callable[[Any, Any], Any]
) -> None:
    """Fill the tab that is open; `model` chooses who reads, and a branch takes the place of the `sheet`'s text."""
    readings = Readings(models)

    # Who asks again while models are still reading is not kept waiting for them.
    turns: WeakValueDictionary[str | None, Event] = WeakValueDictionary()

    def probabilities(request: gr.Request, text: Any, model: Any) -> Iterator[tuple[Any, ...]]:
        """How surprising each character of a text is to a model, and its bits a character under each, as HTML."""
        if before := turns.get(request.session_hash):
            before.set()
        over = turns[request.session_hash] = Event()
        for shown, page, report, figures in examine(readings, text, model):
            if over.is_set():
                yield (gr.skip(),) * 7  # what comes last, Gradio sends again at the end
                return
            yield shown, page, report, figures, gr.HTML(visible=bool(page)), "", ""

    def pick(shown: Any, event: gr.EventData) -> tuple[Any, ...]:
        return *expect(readings, shown, index_of(event)), ""

    def choose(shown: Any, event: gr.EventData) -> tuple[Any, ...]:
        return branch(readings, shown, index_of(event))

    # The same for programs, which do not click.
    def likeliest_at(text: str, model: str, place: int) -> str:
        """The ten characters that a model finds likeliest at a place of a text, with their shares, as HTML."""
        return expect(readings, asked(readings, text, model), place)[1]

    def branch_at(text: str, model: str, place: int, rank: int) -> str:
        """The text up to a place, and there the character that a model finds likeliest (0), second (1), and so on."""
        return branch(readings, expect(readings, asked(readings, text, model), place)[0], rank)[0]

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    shown, branch_text = gr.State(), gr.State()
    with gr.Row(elem_classes="looking"):
        with gr.Column(scale=3, min_width=320):
            box = TextBox(sheet, "Read", "Type or paste any text, and see what surprises the model", "to-read")
            report = gr.HTML(label="Report", elem_id="report", elem_classes="quiet")
            page = gr.HTML(label="Text, tinted by surprise", elem_id="reading", js_on_load=PICK)
            key = gr.HTML(KEY, label="Key", visible=False, elem_id="key", elem_classes="quiet")
        with gr.Column(scale=2, min_width=300):
            likeliest = gr.HTML(label="Likeliest", elem_id="likeliest", elem_classes="choices", js_on_load=CHOOSE)
            branched = gr.HTML(label="Branched", elem_id="branched", elem_classes="quiet")
            figures = gr.HTML(label="Bits under each model", elem_id="figures")

    box.looked(
        probabilities,
        [box.text, model],
        [shown, page, report, figures, key, likeliest, branched],
        preprocess=False,  # `examine` checks what the page sends
        concurrency_limit=2,
        trigger_mode="multiple",
        **quiet,
    )
    unseen = {**quiet, "api_visibility": "private"}
    page.select(pick, shown, [shown, likeliest, branched], trigger_mode="always_last", **unseen)
    replace(likeliest.select(choose, shown, [branch_text, branched], **unseen), branch_text)
    api(likeliest_at)
    api(branch_at)
