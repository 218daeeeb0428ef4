"""A computation in pieces, which the scheduler runs in turns with the texts."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

Result = TypeVar("Result")
Pieces = Generator[Any, None, Result]


class Work:
    """A computation in pieces: a generator that yields after each piece, and returns the result.

    Only the scheduler's thread runs it. `progress` is the last value that it yielded. Once `done` is true, it has a
    `result`, or the `error` that ended it, or it was cancelled.
    """

    shared = writing = reading = False  # as in `Batch`: the scheduler treats it as costly work
    spent = 0.0  # as in `Batch`

    def __init__(
        self, pieces: Pieces[Any], visitor: str | None = None, failed: Callable[[Exception], None] = lambda _: None
    ) -> None:
        """`failed` is called with the error if an error ends the computation."""
        self.pieces, self.visitor, self.failed = pieces, visitor, failed
        self.progress: Any = None
        self.result: Any = None
        self.error: Exception | None = None
        self.begun = self.ended = self.cancelled = False

    def step(self) -> None:
        """Compute one piece, or end the computation if it was cancelled."""
        self.begun = True
        try:
            if self.cancelled:
                self.pieces.close()
                self.ended = True
            else:
                self.progress = next(self.pieces)
        except StopIteration as end:
            self.result, self.ended = end.value, True
        except Exception as error:
            self.fail(error)

    def cancel(self) -> None:
        """End the computation before its next piece; may be called from any thread."""
        self.cancelled = True

    def fail(self, error: Exception | None = None) -> None:
        """End the computation, unless it is done, because of `error`, or of an error outside of it."""
        if not self.done:
            self.error, self.ended = error or RuntimeError("the computation was broken off"), True
            self.failed(self.error)

    @property
    def done(self) -> bool:
        """Whether the computation has ended, or will never begin."""
        return self.ended or (self.cancelled and not self.begun)

    @property
    def empty(self) -> bool:
        """Whether nothing is left to do."""
        return self.done


def finish(pieces: Pieces[Result]) -> Result:
    """Compute all pieces without a pause, and return the result."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: Result = end.value
            return result
