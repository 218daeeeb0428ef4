"""Options with a meaning and a legal range: their values, their errors and the command line."""

import argparse
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import pytest

from model.generation import GenerationConfig
from model.lstm import LSTMConfig
from model.options import add_options, check, chosen, option
from model.sampling import SamplingConfig
from training.recipes import MODERN, Recipe


@dataclass(frozen=True, kw_only=True)
class Kettle:
    """One option of every kind, and one field that is not an option."""

    cup_count: int = option(2, "cups", 1, 12)
    heat: float = option(0.5, "share of the power", 0, 1)
    lid: bool = option(True, "with its lid on")
    water: Literal["cold", "warm"] = option("cold", "what goes in")
    floors: int = option(0, "from the ground upwards", 0)
    owner: str = "nobody"

    def __post_init__(self) -> None:
        check(self)


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser, Kettle)
    return parser.parse_args(arguments)


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cup_count", "heat", "lid", "water", "floors"])
@pytest.mark.parametrize("value", [None, "1", [], {}, float("nan"), float("inf"), -float("inf"), -1, 1j, b"cold"])
def test_a_wrong_value_is_refused_in_one_sentence_that_names_the_option_and_the_value(name: str, value: object) -> None:
    wrong: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=r"\A[a-z ]+ is .+, but must be [^\n]+\Z") as error:
        Kettle(**wrong)
    assert name.replace("_", " ") in str(error.value)
    assert repr(value) in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cup_count": 0}, "cup count is 0, but must be a whole number from 1 to 12"),
        ({"cup_count": 13}, "cup count is 13, but must be a whole number from 1 to 12"),
        ({"cup_count": 2.0}, "cup count is 2.0, but must be a whole number from 1 to 12"),
        ({"cup_count": True}, "cup count is True, but must be a whole number from 1 to 12"),
        ({"heat": 1.01}, "heat is 1.01, but must be a number from 0 to 1"),
        ({"heat": -1e-9}, "heat is -1e-09, but must be a number from 0 to 1"),
        ({"heat": False}, "heat is False, but must be a number from 0 to 1"),
        ({"lid": 1}, "lid is 1, but must be true or false"),
        ({"water": "hot"}, "water is 'hot', but must be cold or warm"),
        ({"floors": -1}, "floors is -1, but must be a whole number from 0"),
    ],
    ids=str,
)
def test_the_error_tells_the_legal_range(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as error:
        Kettle(**wrong)
    assert str(error.value) == message


def test_both_ends_of_a_range_are_legal() -> None:
    assert Kettle(cup_count=1, heat=0).heat == 0
    assert Kettle(cup_count=12, heat=1.0).cup_count == 12


@pytest.mark.parametrize("options", [SamplingConfig, GenerationConfig, LSTMConfig, Recipe])
def test_both_ends_of_every_stated_range_are_accepted(options: Any) -> None:
    legal: dict[str, Any] = asdict(MODERN) | {"network": MODERN.network} if options is Recipe else {}
    for field in fields(options):
        for end in (field.metadata.get("low"), field.metadata.get("high")):
            if end is not None and field.name not in ("steps", "epochs"):  # these two must not both be 0
                end = "a" * end if field.type is str else end
                assert getattr(options(**{**legal, field.name: end}), field.name) == end


# ---- on a command line -----------------------------------------------------------------------------------------------


def test_only_typed_options_are_chosen() -> None:
    assert chosen(Kettle, parse()) == {}
    assert chosen(Kettle, parse("--cup-count", "2")) == {"cup_count": 2}  # the default, but typed


def test_typed_values_have_the_type_of_their_option() -> None:
    typed = parse("--cup-count", "3", "--heat", "1", "--no-lid", "--water", "warm")
    assert chosen(Kettle, typed) == {"cup_count": 3, "heat": 1.0, "lid": False, "water": "warm"}
    assert Kettle(**chosen(Kettle, typed)).heat == 1


def test_options_of_the_parser_that_are_not_of_the_class_are_not_chosen() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--owner")
    parser.add_argument("--heater")
    add_options(parser, Kettle)
    typed = parser.parse_args(["--owner", "me", "--heater", "on", "--heat", "0.25"])
    assert chosen(Kettle, typed) == {"heat": 0.25}


@pytest.mark.parametrize("options", [Kettle, SamplingConfig, GenerationConfig, LSTMConfig, Recipe])
def test_every_option_has_a_place_on_the_command_line_and_its_meaning_in_the_help(options: Any) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, options)
    meanings = {field.name: field.metadata["meaning"] for field in fields(options) if "meaning" in field.metadata}
    assert meanings
    help = " ".join(parser.format_help().split())
    for name, meaning in meanings.items():
        assert "--" + name.replace("_", "-") in help
        assert meaning in help
    assert {action.dest for action in parser._actions} == {"help", *meanings}


@pytest.mark.parametrize(
    "wrong", [["--cup-count", "2.5"], ["--cup-count", "many"], ["--heat", "hot"], ["--water", "hot"], ["--owner", "me"]]
)
def test_the_parser_refuses_a_value_that_it_cannot_read(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(*wrong)
    assert stopped.value.code == 2
    assert wrong[0] in capsys.readouterr().err.splitlines()[-1]
