"""The limits of the trainings of visitors, and the choices of a visitor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from model.options import check, meanings, option

ENVIRONMENT = "TRAINING"  # the variable that can be off, and the beginning of each limit's variable


@dataclass(frozen=True)
class Limits:
    """The limits of the trainings of visitors; ValueError for a value outside its range."""

    megabytes: float = option(3, "megabytes of text in one training", 0.01, 1_000)
    minutes: float = option(10, "minutes of one training", 0.05, 10_000)
    hours: float = option(3, "hours without a visit after which text and model are deleted", 0.01, 10_000)
    models: int = option(8, "texts and models that are kept at a time, of all visitors together", 1, 1_000)
    disk: float = option(2_000, "megabytes of disk that they take, all together", 1, 1_000_000)

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> "Limits | None":
        """The limits that variables such as `TRAINING_MINUTES` set; None if `TRAINING` is off.

        ValueError, in one sentence, for an unknown TRAINING_ variable, or a value that is not in its range.
        """
        switch = variables.get(ENVIRONMENT, "").strip().lower()
        if switch == "off":
            return None
        if switch not in ("", "on"):
            raise ValueError(f"{ENVIRONMENT} is {switch!r}, but must be on or off")
        kinds, names = get_type_hints(cls), {f"{ENVIRONMENT}_{name.upper()}": name for name in meanings(cls)}
        for variable in variables:
            if variable.startswith(f"{ENVIRONMENT}_") and variable not in names:
                raise ValueError(f"{variable} is no limit of trainings: these limits are {', '.join(names)}")
        given: dict[str, Any] = {}
        for variable, name in names.items():
            typed = variables.get(variable, "").strip()
            if typed:
                try:
                    given[name] = kinds[name](typed)
                except ValueError:
                    given[name] = typed  # which `check` refuses in a sentence
        try:
            return cls(**given)
        except ValueError as error:
            raise ValueError(f"{ENVIRONMENT}_{str(error).upper().split()[0]}: {error}") from None


@dataclass(frozen=True)
class Plan:
    """The choices of a visitor; ValueError for a value that cannot be chosen."""

    begin: Literal["auto", "none"] = option("auto", "auto: from the model that helps most; none: from nothing")
    capitals: bool = option(True, "capitals stay")
    minutes: float = option(0, "minutes to train for (0: as the recipe says)", 0, 10_000)

    def __post_init__(self) -> None:
        check(self)
