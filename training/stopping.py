"""Ctrl-C ends a command with one line, not with a traceback."""

import sys
from collections.abc import Callable
from functools import wraps

Main = Callable[[list[str]], int]  # from the arguments of a command to its exit status


def stoppable(name: str) -> Callable[[Main], Main]:
    """A decorator for the `main` of the command with that name: after Ctrl-C the exit status is 130, as in a shell."""

    def decorate(main: Main) -> Main:
        @wraps(main)
        def command(arguments: list[str]) -> int:
            try:
                return main(arguments)
            except KeyboardInterrupt:
                print(f"\n{name}: stopped", file=sys.stderr)
                return 130

        return command

    return decorate
