"""How a model learned: its loss curve, its samples during training, and how far back it looks."""

from collections.abc import Iterator, Mapping
from math import log
from typing import Any, NamedTuple

import gradio as gr
import pandas as pd  # type: ignore[import-untyped]

from interface.models import chosen
from interface.visitor import nearest
from model.about import entry, title
from model.loaded import Model

COLOURS = {"training text": "#8c8279", "held-out text": "#c2622d"}  # both are readable on a light and on a dark page
TRAINING, HELD_OUT = COLOURS
NOTHING = 0.005  # bits per character; a smaller difference is within the error of the measurement


class Measurement(NamedTuple):
    """One point of the curve, in bits per character."""

    step: int
    minutes: float
    training: float | None  # None before the first step
    held_out: float


# ---- from a training record to what is shown -------------------------------------------------------------------------


def finite(value: Any) -> float | None:
    """`value` as a float if it is a number between -1e9 and 1e9, else None."""
    return float(value) if isinstance(value, int | float) and abs(value) < 1e9 else None


def records(checkpoint: Model, name: str) -> Iterator[dict[str, Any]]:
    """The entries of the list `name` in the training record; none if a foreign checkpoint lacks the list."""
    entries = checkpoint.training.get(name)
    return (entry for entry in entries if isinstance(entry, dict)) if isinstance(entries, list) else iter(())


def measurements(checkpoint: Model) -> list[Measurement]:
    """The recorded curve; a point that is not whole is left out."""
    found = []
    for point in records(checkpoint, "curve"):
        step, seconds, held_out = (finite(point.get(name)) for name in ("step", "seconds", "held_out_nats"))
        training = finite(point.get("training_nats"))
        if step is not None and seconds is not None and held_out is not None:
            bits = None if training is None else training / log(2)
            found.append(Measurement(int(step), seconds / 60, bits, held_out / log(2)))
    return found


def samples(checkpoint: Model) -> list[tuple[int, str]]:
    """The recorded samples: at which step, and the text."""
    found = ((finite(entry.get("step")), entry.get("text")) for entry in records(checkpoint, "samples"))
    return [(int(step), text) for step, text in found if step is not None and isinstance(text, str)]


def in_minutes(measured: list[Measurement]) -> bool:
    """Whether to show times in minutes: the run took at least one. A shorter run is shown in steps."""
    return bool(measured) and measured[-1].minutes >= 1


def curve(checkpoint: Model) -> pd.DataFrame:
    """The loss curve, a row for each point of each line; empty where less than two points were measured."""
    measured = measurements(checkpoint)
    rows = [
        (round(point.minutes, 2) if in_minutes(measured) else point.step, round(bits, 3), text)
        for text in COLOURS
        for point in measured
        if (bits := point.training if text == TRAINING else point.held_out) is not None
    ]
    return pd.DataFrame(rows if len(measured) > 1 else [], columns=["time", "bits", "text"])


def y_range(checkpoint: Model) -> list[float] | None:
    """The lowest and highest value of the y axis, in bits per character; None if there is no curve.

    The first point, the untrained network, is included only if it is not far above the others.
    """
    measured = measurements(checkpoint)
    if len(measured) < 2:
        return None
    first, *rest = measured
    bits = [value for point in rest for value in (point.training, point.held_out) if value is not None]
    lowest, highest = min(bits), max(bits)
    if first.held_out < highest + (highest - lowest) / 2:
        lowest, highest = min(lowest, first.held_out), max(highest, first.held_out)
    margin = max(0.05 * (highest - lowest), 0.02)
    return [round(lowest - margin, 3), round(highest + margin, 3)]


def explain(checkpoint: Model) -> str:
    """What the curve says, or why there is none."""
    measured = measurements(checkpoint)
    if not measured:
        return "Nothing is recorded of how this model learned."
    if len(measured) == 1:
        return f"This model was measured only once, at {measured[0].held_out:.2f} bits a character: too little to draw."
    text = "How many bits a character takes; fewer is better. The held-out text is never learned from."
    limits, began = y_range(checkpoint), measured[0].held_out
    return f"{text} It began at {began:.2f}, above what is drawn." if limits and began > limits[1] else text


def memory(checkpoint: Model) -> str:
    """A text on how far back the model looks, from the bits that less context costs; "" if they are not recorded."""
    found = entry(checkpoint.training, "context", "bits_lost")
    numbered = found.items() if isinstance(found, dict) else ()
    numbers = ((int(count), finite(told)) for count, told in numbered if count.isdecimal() and len(count) < 10)
    lost = {count: bits for count, bits in numbers if bits is not None}
    if not lost:
        return ""
    enough = next((count for count in sorted(lost) if lost[count] < NOTHING), None)
    costs = [f"{lost[count]:.2f} with {count}" for count in sorted(lost) if enough is None or count < enough]
    text = "How far back it looks (its memory, or context):"
    if costs:
        text += f" bits a character more if it sees only so many characters before: {', '.join(costs)}."
    return text if enough is None else f"{text} More than {enough} characters bring it nothing."


def sample(checkpoint: Model, place: Any) -> tuple[str, str]:
    """The sample at `place`, counted from 1, and a line on it; a wrong place gives the nearest sample, or the first."""
    written = samples(checkpoint)
    if not written:
        return "", "No sample was recorded as this model learned."
    step, text = written[nearest(place, len(written)) - 1]
    when, bits = f"Step {step:,}", ""
    for point in measurements(checkpoint):
        if point.step == step:
            when = f"After {duration(point.minutes)}, step {step:,}"
            bits = f": {point.held_out:.2f} bits a character"
    if step == 0:
        when = "Before the first step"
    return text, f"{when}{bits}.{'' if text.strip() else ' It wrote nothing but blanks.'}"


def duration(minutes: float) -> str:
    """A time in words, in whole seconds or whole minutes."""
    count, unit = (round(minutes), "minute") if minutes >= 1 else (round(60 * minutes), "second")
    return f"{count} {unit}{'s' * (count != 1)}"


# ---- the page --------------------------------------------------------------------------------------------------------


def lines(checkpoint: Model) -> dict[str, Any]:
    """The arguments of a model's plot for its lines; a plot without lines is hidden."""
    rows = curve(checkpoint)
    # In Gradio 6.31 removing a plot raises an error in the browser, so it is only hidden.
    return {"visible": "hidden"} if rows.empty else {"value": rows, "visible": True}


def axes(checkpoint: Model) -> dict[str, Any]:
    """The arguments of a model's plot for its axes."""
    unit = "minutes" if in_minutes(measurements(checkpoint)) else "steps"
    return {"x_title": unit, "y_lim": y_range(checkpoint)}


def slider(checkpoint: Model) -> dict[str, Any]:
    """The arguments of a model's slider: it begins at the first sample, and is hidden if there is no second."""
    count = len(samples(checkpoint))
    return {"value": 1, "maximum": max(count, 2), "visible": count > 1}


def learning(models: Mapping[str, Model]) -> None:
    """Add the curve, the samples and a choice among `models` to the page that is open."""
    name, first = next(iter(models.items()))
    choices = [(" · ".join(filter(None, title(each))), key) for key, each in models.items()]
    model = gr.Dropdown(choices, value=name, label="Model", filterable=False, elem_id="learned-model")

    def choose(name: Any) -> list[Any]:
        new = chosen(models, name)
        return [gr.LinePlot(**lines(new)), explain(new), memory(new), gr.Slider(**slider(new)), *sample(new, 1)]

    def sample_at(model: Any, place: Any) -> tuple[str, str]:
        """A sample that a model wrote during training, by its place from 1, and a line on when it was written."""
        return sample(chosen(models, model), place)

    def rescale(name: Any) -> gr.LinePlot:
        return gr.LinePlot(**axes(chosen(models, name)))

    text, line = sample(first, 1)
    with gr.Row(elem_id="learned"):
        with gr.Column(scale=3, min_width=320):
            loss_note = gr.HTML(explain(first), elem_id="loss-note")
            loss = gr.LinePlot(
                x="time",
                y="bits",
                color="text",
                y_title="bits a character",
                color_title=" ",  # else it is the column's name
                color_map=COLOURS,
                height=380,
                label="Loss as it learned",
                show_label=False,  # it would push the legend out of sight
                elem_id="loss",
                **lines(first),
                **axes(first),
            )
            memory_note = gr.HTML(memory(first), elem_id="memory-note")
        with gr.Column(scale=2, min_width=300):
            place = gr.Slider(
                1,
                step=1,
                buttons=[],
                label="Sample",
                info="what the model wrote at each measurement, from the first to the last",
                elem_id="place",
                **slider(first),
            )
            written = gr.Textbox(
                text, label="What it wrote", lines=9, max_lines=9, interactive=False, autoscroll=False, elem_id="sample"
            )
            sample_note = gr.HTML(line, label="When", elem_id="sample-note")

    # No preprocessing: `chosen` and `sample` accept any value and replace a wrong one.
    quiet: dict[str, Any] = {
        "queue": False,
        "show_progress": "hidden",
        "preprocess": False,
        "trigger_mode": "always_last",
    }
    unseen = {**quiet, "api_visibility": "private"}
    changed = model.change(choose, model, [loss, loss_note, memory_note, place, written, sample_note], **unseen)
    # New axes make the browser redraw the plot, so the new lines must be sent before.
    changed.then(rescale, model, loss, **unseen)
    place.input(sample_at, [model, place], [written, sample_note], **quiet)
