"""Options: dataclass fields with a meaning and a legal range, used for help texts and error messages."""

import argparse
import dataclasses
from math import inf
from typing import Any, Literal, get_args, get_origin, get_type_hints


def option(default: Any, meaning: str, low: float | None = None, high: float | None = None) -> Any:
    """Return a dataclass field with its one-line meaning and its lowest and highest legal value (of text: length)."""
    return dataclasses.field(default=default, metadata={"meaning": meaning, "low": low, "high": high})


def meanings(options: type) -> dict[str, str]:
    """The one-line meaning of each option of a dataclass, by field name."""
    fields = dataclasses.fields(options)
    return {field.name: field.metadata["meaning"] for field in fields if "meaning" in field.metadata}


def check(options: Any) -> None:
    """Raise ValueError, in one sentence, for the first field that is of the wrong type or outside its range."""
    types = get_type_hints(type(options))
    for field in dataclasses.fields(options):
        if "meaning" in field.metadata:
            _check_value(field, types[field.name], getattr(options, field.name))


def _check_value(field: dataclasses.Field[Any], kind: Any, value: Any) -> None:
    low, high = field.metadata["low"], field.metadata["high"]
    if get_origin(kind) is Literal:
        allowed, legal = " or ".join(get_args(kind)), value in get_args(kind)
    elif kind is bool:
        allowed, legal = "true or false", isinstance(value, bool)
    elif kind is str:
        allowed, legal = f"text of at most {high:,} characters", isinstance(value, str) and len(value) <= high
    else:
        allowed = "a whole number" if kind is int else "a number"
        if low is not None:
            allowed += f" from {low:,}" + ("" if high is None else f" to {high:,}")
        number = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
        # Comparisons with NaN are false, so NaN is outside every range.
        legal = number and (low is None or value >= low) and (high is None or value <= high) and abs(value) != inf
    if not legal:
        raise ValueError(f"{field.name.replace('_', ' ')} is {value!r}, but must be {allowed}")


def add_options(parser: argparse._ActionsContainer, options: type) -> None:
    """Add one `--name` to `parser` for each option of a dataclass; parsing returns only the options that were typed."""
    types = get_type_hints(options)
    for field in dataclasses.fields(options):
        if "meaning" not in field.metadata:
            continue
        kind = types[field.name]
        how: dict[str, Any] = {"type": kind, "metavar": {int: "N", float: "X"}.get(kind, "TEXT")}
        if kind is bool:
            how = {"action": argparse.BooleanOptionalAction}
        elif get_origin(kind) is Literal:
            how = {"choices": get_args(kind)}
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(name, default=argparse.SUPPRESS, help=field.metadata["meaning"], **how)


def chosen(options: type, arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of a dataclass that were typed on the command line, by field name."""
    names = meanings(options)
    return {name: value for name, value in vars(arguments).items() if name in names}
