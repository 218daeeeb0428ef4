"""Checks of the values that a visitor sends."""

import random
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gradio as gr

from model.generation import LONGEST, GenerationConfig, defaults
from model.loaded import Model

Options = TypeVar("Options")


def refusal(message: str) -> gr.Error:
    """The error that tells a visitor, in one sentence, why a request is refused; it leaves no traceback in the log."""
    return gr.Error(f"{message[0].upper()}{message[1:].rstrip('.')}.", title="Please check", print_exception=False)


def sound(text: Any, what: str = "the text", least: int = 0, most: int = LONGEST) -> str:
    """Return `text`; gr.Error if it is not a string of `least` to `most` characters."""
    if not isinstance(text, str) or not least <= len(text) <= most:
        raise refusal(f"{what} must have {f'from {least} to' if least else 'at most'} {most:,} characters")
    return text


def named(models: Mapping[str, Model], name: Any) -> Model:
    """The model of that name; gr.Error if there is none."""
    if not isinstance(name, str) or name not in models:
        raise refusal(f"there is no model of that name; choose one of {', '.join(models)}")
    return models[name]


def whole(value: Any) -> Any:
    """Return a float such as 5.0 as an int, since a browser may send 5 as 5.0; any other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def place(value: Any, below: int, what: str) -> int:
    """A whole number from 0 to less than `below`; else gr.Error."""
    value = whole(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < below:
        raise refusal(f"{what} must be a whole number from 0 to {below - 1}")
    return value


def settings(model: Model, typed: dict[str, Any]) -> GenerationConfig:
    """The generation settings; None stands for the model's own value, or a random seed. gr.Error if one is wrong."""
    given = {name: value for name, value in typed.items() if value is not None}
    return checked(GenerationConfig, **{**defaults(model), "seed": random.randrange(2**31), **given})


def checked(options: Callable[..., Options], **values: Any) -> Options:
    """Return `options` made from `values`, with whole numbers as ints; gr.Error if a value is wrong."""
    try:
        return options(**{name: whole(value) for name, value in values.items()})
    except ValueError as error:
        raise refusal(str(error)) from None


def nearest(value: Any, most: int) -> int:
    """The whole number from 1 to `most` that is nearest to `value`, from a slider; 1 if `value` is no number."""
    try:
        return round(min(max(float(value), 1), most))
    except (TypeError, ValueError, OverflowError):
        return 1
