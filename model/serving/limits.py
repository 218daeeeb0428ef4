"""Limits: how much one visitor, and all visitors together, may ask for at the same time."""

from collections.abc import Mapping
from dataclasses import dataclass

from model.options import check, meanings, option

PREFIX = "LIMIT_"  # of the environment variables: LIMIT_TEXTS sets `texts`
MOST = 10**12


class LimitError(Exception):
    """A request would exceed a limit: the message says which one and what to do; `limit` is its name."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much may be asked for at the same time; ValueError for a value outside its range.

    A visitor is an address on the network, so a school can be one visitor. A request over the limit of slots waits in
    the queue; a request over any other limit is refused. The last three limits bound what is kept for later: beyond
    them, the oldest is dropped.
    """

    slots: int = option(64, "texts that are written at the same time; others wait in the queue", 1, MOST)
    visitor_slots: int = option(32, "of these, for one visitor", 1, MOST)
    texts: int = option(512, "texts", 1, MOST)
    visitor_texts: int = option(128, "texts, for one visitor", 1, MOST)
    characters: int = option(8_000_000, "characters to read and to write", 1, MOST)
    visitor_characters: int = option(1_000_000, "characters to read and to write, for one visitor", 1, MOST)
    analyses: int = option(64, "texts to analyse", 1, MOST)
    visitor_analyses: int = option(32, "texts to analyse, for one visitor", 1, MOST)
    connections: int = option(1000, "open connections", 1, MOST)
    visitor_connections: int = option(300, "open connections, for one visitor", 1, MOST)
    prompt: int = option(100_000, "characters of one prompt", 1, MOST)
    body: int = option(4_000_000, "bytes of one request", 1, MOST)
    upload: int = option(0, "bytes of one uploaded file; 0 refuses every upload", 0, MOST)
    sessions: int = option(100, "sessions of Gradio whose state is kept", 1, MOST)
    prefix_cache: int = option(16_000_000, "bytes for states after texts that were read", 0, MOST)
    analysis_cache: int = option(64_000_000, "bytes for analyses that may be asked for again", 0, MOST)

    def __post_init__(self) -> None:
        check(self)

    def admit(self, name: str, all: int, own: int | None) -> None:
        """Raise LimitError if `all`, or the part of one visitor `own`, is more than the limit `name` allows.

        Both amounts include the new request. `own` is None for the program itself, which is not a visitor.
        """
        most, of_visitor = getattr(self, name), getattr(self, f"visitor_{name}")
        what = meanings(Limits)[name]
        if own is not None and own > of_visitor:
            raise LimitError(
                f"visitor_{name}",
                f"you have asked for {own:,} {what} at once, and {of_visitor:,} are allowed: "
                "wait until some of it is done, or ask for less",
            )
        if all > most:
            raise LimitError(name, f"too many visitors have asked for {what} at this moment: try again in a minute")


def limits_of(environment: Mapping[str, str]) -> Limits:
    """The limits: the defaults, except for those that variables such as LIMIT_VISITOR_TEXTS=200 set.

    ValueError, in one sentence, for an unknown LIMIT_ variable, or a value that is not a whole number in its range.
    """
    names = {PREFIX + name.upper(): name for name in meanings(Limits)}
    given: dict[str, int] = {}
    for variable, value in environment.items():
        if variable in names:
            try:
                given[names[variable]] = int(value)
            except ValueError:
                raise ValueError(f"{variable} is {value!r}, but must be a whole number") from None
        elif variable.startswith(PREFIX):
            raise ValueError(f"{variable} is no limit: the limits are {', '.join(names)}")
    return Limits(**given)
