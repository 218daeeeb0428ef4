"""Work that is not a text: a computation in pieces, which takes turns with the texts."""

from collections.abc import Generator
from typing import Any, TypeVar

Result = TypeVar("Result")
Pieces = Generator[Any, None, Result]


class Work:
    """A computation in pieces: a generator that yields after each of them, and returns the result.

    The scheduler's thread alone runs it. `progress` is what was last yielded. Once `done` is true, there is a `result`,
    or the `error` that ended it, or it was cancelled.
    """

    shared = writing = False  # it has turns of its own, and nobody waits for characters

    def __init__(self, pieces: Pieces[Any], visitor: str | None = None) -> None:
        self.pieces, self.visitor = pieces, visitor
        self.progress: Any = None
        self.result: Any = None
        self.error: Exception | None = None
        self.done = self.cancelled = False

    def step(self) -> None:
        """Compute one piece; where it was cancelled, end it."""
        try:
            if self.cancelled:
                self.pieces.close()
                self.done = True
            else:
                self.progress = next(self.pieces)
        except StopIteration as end:
            self.result, self.done = end.value, True
        except Exception as error:
            self.error, self.done = error, True

    def cancel(self) -> None:
        """End it before the next piece; may be called from any thread."""
        self.cancelled = True

    def fail(self) -> None:
        """End it because of an error outside of it."""
        self.error, self.done = self.error or RuntimeError("the computation was broken off"), True

    @property
    def empty(self) -> bool:
        """Whether nothing is left to do."""
        return self.done


def finish(pieces: Pieces[Result]) -> Result:
    """The result of a computation in pieces, all of which are computed at once."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: Result = end.value
            return result
