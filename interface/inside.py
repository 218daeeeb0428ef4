"""The tab “Inside”: a text tinted by what one hidden unit does, and the units that follow something one can name."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import gradio as gr
import torch
from torch import Tensor

from interface.looking import CHOOSE, TextBox, as_read, escaped, index_of
from interface.models import chosen
from interface.visitor import named, nearest, refusal, sound
from model.analysis.inspection import Activity, activations
from model.analysis.units import Finding, features, find_units
from model.generation import GenerationConfig, defaults, generate
from model.loaded import Model

SHOWN = 3_000  # characters at the end of a text that are looked at: a second for each model
ENOUGH = 1_500  # characters in which units are looked for; a shorter text the model goes on with
BOUNDS = (0.1, 0.3, 0.5, 0.7, 0.9)  # activities at which a tint ends and the next begins, on either side of 0
FOLLOWS = 0.2  # correlation from which on a unit is said to follow something
KEPT = 8  # texts whose activities are not worked out anew when they are asked for again
MEMORY = 2**27  # bytes that these may take, if they are more than one

CSS = """
#unit-text, #unit-key, #found { --up: 194, 94, 32; --down: 36, 104, 190; }
.dark #unit-text, .dark #unit-key, .dark #found { --up: 198, 98, 38; --down: 58, 122, 214; }
.looking:not(:has(#unit-text .text)) #unit-key { display: none; }
#unit-text i, #unit-key i { font-style: normal; }
#unit-text .line::before { content: "↵"; opacity: .45; }
#unit-text .written::before { content: "▸"; opacity: .7; }
#unit-key i { display: inline-block; width: 1.1rem; height: 1em; vertical-align: -.12em; }
#layer, #which-unit { padding-bottom: .35rem; }
#found button { display: grid; grid-template-columns: 1fr auto 3.2rem; gap: .9rem;
  background: linear-gradient(to right, rgba(var(--hue), .25) var(--share), transparent 0); }
#found button span + span { text-align: right; }
#found .up { --hue: var(--up); }
#found .down { --hue: var(--down); }
""" + "".join(
    f"#unit-text .{sign}{step}, #unit-key .{sign}{step} {{ background: rgba(var(--{hue}), {alpha}); }}\n"
    for sign, hue in (("p", "up"), ("n", "down"))
    for step, alpha in enumerate((0.13, 0.25, 0.38, 0.52, 0.68), start=1)
)

# The same text under another unit stays where the reader has scrolled to.
STAY = """
let text = "", top = 0;
element.addEventListener("scroll", (event) => { top = event.target.scrollTop; }, true);
watch("value", () => {
  const shown = element.querySelector(".text");
  if (shown?.textContent === text) shown.scrollTop = top;
  else { text = shown?.textContent; top = 0; }
});
"""
# The text comes into sight where a unit is chosen from the list, which a phone has below it.
FOLLOW = """
element.addEventListener("click", (event) => {
  if (event.target.closest("button"))
    document.querySelector("#unit-text")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
});
"""

# ---- from what a browser sends to what the units do ------------------------------------------------------------------


class Shown(NamedTuple):
    """What the tab shows: the model's name, the text it read, how much of that is the visitor's, and what was found."""

    model: str
    text: str
    own: int
    note: str = ""  # what was done to the text, as HTML
    findings: tuple[Finding, ...] = ()


class Insides:
    """What the units of some models do over any text; the latest are kept, for all visitors."""

    def __init__(self, models: dict[str, Model]) -> None:
        self.models = models
        largest = max(config.layers * config.hidden_size for config in (m.network.config for m in models.values()))
        self.kept = max(1, min(KEPT, MEMORY // (4 * SHOWN * largest)))
        self._active = lru_cache(self.kept)(lambda name, text: activations(models[name], text))
        self._written = lru_cache(64)(lambda name, text: continued(models[name], text))

    def __call__(self, shown: Shown) -> Activity:
        return self._active(shown.model, shown.text)

    def written(self, name: str, text: str) -> str:
        """`text`, and what the model writes on to `SHOWN` characters."""
        return self._written(name, text)


def continued(model: Model, text: str) -> str:
    """`text`, and what the model writes on to `SHOWN` characters: always the same, and never the likeliest alone."""
    own_way = defaults(model)
    lively = {**own_way, "temperature": own_way["temperature"] or 1.0, "length": SHOWN - len(text)}
    return text + "".join(generate(model, text, GenerationConfig(**lively)))


def begun(insides: Insides, text: Any, name: Any) -> Shown:
    """The end of `text` in the characters that the model knows; gr.Error if there is no such text or model."""
    model = named(insides.models, name)
    repaired = model.vocabulary.repair(sound(text, "the text to read")[-SHOWN:])
    end = repaired.text[-SHOWN:]  # one character may have become several
    notes = []
    if len(text) > SHOWN or len(repaired.text) > SHOWN:
        notes.append(f" Only the last {SHOWN:,} characters are looked at.")
    return Shown(name, end, len(end), "".join(notes) + as_read(repaired.report))


def look(
    insides: Insides, before: Any, text: Any, model: Any, layer: Any, unit: Any
) -> Iterator[tuple[Shown, str, str]]:
    """What is shown, the text tinted by one unit, and the report, which comes first; gr.Error if wrong.

    What was found while `before` was shown is true of the same model's units still.
    """
    sound(text, "the text to read", least=1)
    shown = begun(insides, text, model)
    if isinstance(before, Shown) and before.model == shown.model:
        shown = shown._replace(findings=before.findings)
    yield shown, "", f"{escaped(shown.model)} is reading …"
    yield shown, *turn(insides, shown, layer, unit)


def turn(insides: Insides, shown: Any, layer: Any, unit: Any) -> tuple[str, str]:
    """The text that is shown, tinted by another unit, and the report; both "" where no text is shown."""
    if not isinstance(shown, Shown):
        return "", ""
    if not shown.text:
        return "", f"{escaped(shown.model)} knows none of these characters."
    activity = insides(shown)
    _, L, H = activity.hidden.shape
    at, h = nearest(layer, L) - 1, nearest(unit, H) - 1
    values = activity.hidden[:, at, h]
    return tinted(activity.text, shown.own, values), told(shown, at, h, values)


def find(insides: Insides, text: Any, model: Any) -> Iterator[tuple[Shown, str, str, str, int, int]]:
    """What is shown, the text tinted by the best unit, the reports on it and on all that were found, and its number.

    Layer and unit count from 1. What is shown is the text and, where that is short, what the model writes on, since
    in a few lines anything seems to follow anything. gr.Error if wrong.
    """
    shown = begun(insides, text, model)
    short = shown.own < ENOUGH
    doing = "writes on from the text, and then reads" if short else "is reading"
    yield shown, "", "", f"{escaped(shown.model)} {doing} …", 1, 1
    if short:
        shown = shown._replace(text=insides.written(shown.model, shown.text))
    activity = insides(shown)
    findings = tuple(f for f in find_units(activity.hidden, features(activity.text)) if abs(f.correlation) >= FOLLOWS)
    shown = shown._replace(findings=findings)
    layer, unit = (findings[0].layer + 1, findings[0].unit + 1) if findings else (1, 1)
    yield shown, *turn(insides, shown, layer, unit), listed(shown), layer, unit


def pick(insides: Insides, shown: Any, event: gr.EventData) -> tuple[str, str, int, int]:
    """The text tinted by a unit that was found, the report, and its layer and unit from 1; gr.Error if wrong."""
    index = index_of(event)
    found = shown.findings if isinstance(shown, Shown) else ()
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(found):
        raise refusal("find units first, and choose one of them")
    layer, unit = found[index].layer + 1, found[index].unit + 1
    return *turn(insides, shown, layer, unit), layer, unit


# ---- from what the units do to HTML ----------------------------------------------------------------------------------


def signed(value: float) -> str:
    """A figure with its sign, as it is set in a text."""
    return f"{value:+z.2f}".replace("-", "−")


def tints(values: Tensor) -> list[int]:
    """For each activity (T,) from -5 over 0, which is hardly any, to 5."""
    steps = torch.bucketize(values.abs(), torch.tensor(BOUNDS), right=True)
    return (steps * values.sign().long()).tolist()


def tinted(text: str, own: int, values: Tensor) -> str:
    """The text, tinted by the activity at each character (T,); a mark stands before what the model wrote."""
    steps = tints(values)
    mark = '<span class="written"></span>' * (0 < own < len(text))
    label = "The text, tinted by what the unit does at each character"
    page = runs(text[:own], steps[:own]) + mark + runs(text[own:], steps[own:])
    return f'<div class="text" tabindex="0" role="region" aria-label="{label}">{page}</div>'


def runs(text: str, steps: list[int]) -> str:
    """The text, each run of characters of one tint in an element, and each new line in one of its own."""
    parts = []
    for (step, line), run in groupby(zip(steps, text, strict=True), lambda place: (place[0], place[1] == "\n")):
        tint = f"{'p' if step > 0 else 'n'}{abs(step)}" if step else ""
        characters = [character for _, character in run]
        if line:
            parts += [f'<i class="line {tint}">\n</i>'] * len(characters)
        elif tint:
            parts.append(f'<i class="{tint}">{escaped("".join(characters))}</i>')
        else:
            parts.append(escaped("".join(characters)))
    return "".join(parts)


def told(shown: Shown, layer: int, unit: int, values: Tensor) -> str:
    """Which unit is shown, between what figures it moves, and what it follows, if that was found."""
    least, most = values.min().item(), values.max().item()
    follows = [
        f"{finding.feature} ({signed(finding.correlation)})"
        for finding in shown.findings
        if (finding.layer, finding.unit) == (layer, unit)
    ]
    return (
        f"<b>Layer {layer + 1}, unit {unit + 1}</b> of {escaped(shown.model)} runs from {signed(least)} to "
        f"{signed(most)}{' and follows ' * bool(follows)}{' and '.join(follows)}.{shown.note}"
    )


def listed(shown: Shown) -> str:
    """What was found, as buttons that are filled by how strong the correlation is, and in which text it was found."""
    name, more = escaped(shown.model), len(shown.text) - shown.own
    if not shown.own:
        where = f"{more:,} characters that {name} wrote"
    elif more:
        where = f"your text and {more:,} characters that {name} wrote on (from ▸)"
    else:
        where = "your text"
    if not shown.findings:
        return f"<p>In {where}, no unit of {name} follows anything that has a name here.</p>"
    rows = "".join(
        f'<li><button class="{"up" if finding.correlation > 0 else "down"}" '
        f'style="--share: {abs(finding.correlation):.0%}"><span>{finding.feature}</span>'
        f"<span>layer {finding.layer + 1}, unit {finding.unit + 1}</span>"
        f"<span>{signed(finding.correlation)}</span></button></li>"
        for finding in shown.findings
    )
    method = (
        "A figure is the correlation of the unit with what it follows, from −1 to +1. Each unit was chosen on one half "
        "of the text; its figure is that on the other half."
    )
    return f"<p>Found in {where}:</p><ol>{rows}</ol><p class=quiet>{method}</p>"


KEY = "Activity: −1 {} 0 {} +1".format(
    " ".join(f'<i class="n{step}"></i>' for step in range(len(BOUNDS), 0, -1)),
    " ".join(f'<i class="p{step}"></i>' for step in range(1, len(BOUNDS) + 1)),
)

HINT = (
    "<p class=quiet>A hidden unit is a number from −1 to +1 that the network keeps as it reads and sets anew with each "
    "character. Some of them follow something that has a name, though nobody has taught them to.</p>"
)

# ---- the tab ---------------------------------------------------------------------------------------------------------


def sliders(model: Model) -> tuple[dict[str, Any], dict[str, Any]]:
    """How the sliders of layer and unit of a model differ from those of another: they begin with the first unit."""
    L, H = model.network.config.layers, model.network.config.hidden_size
    return {"value": 1, "maximum": max(L, 2), "visible": L > 1}, {"value": 1, "maximum": max(H, 2)}


def inside_tab(models: dict[str, Model], model: gr.Radio, sheet: gr.Textbox) -> None:
    """Fill the tab that is open; `model` chooses whose units are looked at, `sheet` is the text of another tab.

    Its endpoints are `/unit_activity` and `/units_found`.
    """
    insides, first = Insides(models), models[str(model.value)]

    def unit_activity(before: Any, text: Any, model: Any, layer: Any, unit: Any) -> Iterator[tuple[Any, ...]]:
        """What a hidden unit does over the end of a text, tinted by it, and a line on it, as HTML; counted from 1."""
        yield from look(insides, before, text, model, layer, unit)

    def units_found(text: Any, model: Any) -> Iterator[tuple[Any, ...]]:
        """The hidden units that follow something one can name: the text tinted by the best one, a line on it, the list
        of all, all as HTML, and the best one's layer and unit from 1. A short text the model first writes on.
        """
        yield from find(insides, text, model)

    def move(shown: Any, layer: Any, unit: Any) -> tuple[str, str]:
        return turn(insides, shown, layer, unit)

    def choose(shown: Any, event: gr.EventData) -> tuple[Any, ...]:
        return pick(insides, shown, event)

    def change(model: Any) -> tuple[Any, ...]:
        layers, units = sliders(chosen(models, model))
        return None, "", "", HINT, gr.Slider(**layers), gr.Slider(**units)

    layers, units = sliders(first)
    shown = gr.State()
    with gr.Row(elem_classes="looking"):
        with gr.Column(scale=3, min_width=320):
            box = TextBox(sheet, "Read", "Type or paste any text, and see what goes on in the model", "to-look-into")
            report = gr.HTML(label="Report", elem_id="unit", elem_classes="quiet")
            page = gr.HTML(label="Text, tinted by a unit", elem_id="unit-text", js_on_load=STAY)
            gr.HTML(KEY, elem_id="unit-key", elem_classes="quiet")
        with gr.Column(scale=2, min_width=300):
            layer = gr.Slider(1, step=1, buttons=[], label="Layer", elem_id="layer", **layers)
            unit = gr.Slider(1, step=1, buttons=[], label="Unit", elem_id="which-unit", **units)
            search_button = gr.Button("Find units that follow something", elem_id="find-units")
            found = gr.HTML(
                HINT, label="Units found", elem_id="found", elem_classes="choices", js_on_load=CHOOSE + FOLLOW
            )

    quiet: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last"}
    # What a browser sends is checked or set right by the functions above.
    unseen: dict[str, Any] = {**quiet, "preprocess": False, "api_visibility": "private"}
    box.looked(
        unit_activity,
        [shown, box.text, model, layer, unit],
        [shown, page, report],
        preprocess=False,
        concurrency_limit=2,
        **quiet,
    )
    search_button.click(
        units_found,
        [box.text, model],
        [shown, page, report, found, layer, unit],
        preprocess=False,
        concurrency_limit=1,
        **quiet,
    )
    gr.on([layer.input, unit.input], move, [shown, layer, unit], [page, report], concurrency_limit=2, **unseen)
    found.select(choose, shown, [page, report, layer, unit], concurrency_limit=2, **unseen)
    model.change(change, model, [shown, page, report, found, layer, unit], queue=False, **unseen)
