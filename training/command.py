"""A command of the training, run in a process of its own that gets only the time that others leave over."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent


def begin(
    module: str, options: Sequence[str], place: Path, errors: Path, soon: bool = False
) -> "subprocess.Popen[str]":
    """Start `python -m MODULE` with these options in the directory `place`; its error output goes to the file `errors`.

    With `soon` it gets more of the processor, because a person waits for the result.
    """
    variables = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", module, *options]  # -P: else a file in `place` could be taken for a module
    with errors.open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=place,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
        )
    lower_priority(process.pid, soon)
    return process


def lower_priority(process: int, soon: bool) -> None:
    """Let a process run only while no other one needs the processor; with `soon`, give it a tenth of the others' time.

    Where the system cannot do that, nothing changes.
    """
    with suppress(OSError, AttributeError):  # the process has ended, or this is Windows
        os.setpriority(os.PRIO_PROCESS, process, 10 if soon else 19)
    with suppress(OSError, AttributeError):  # not Linux
        if not soon:
            os.sched_setscheduler(process, os.SCHED_IDLE, os.sched_param(0))


def failure(module: str, code: int, printed: str) -> str:
    """The reason why a command failed, in the sentence that it printed, if it did; "" if the command succeeded."""
    last = printed.strip().rpartition("\n")[2]
    if code == 0:
        return ""
    if last.startswith(f"{module}: "):
        return last.removeprefix(f"{module}: ")
    if code < 0:
        with suppress(ValueError):
            name = signal.Signals(-code).name
            memory = ", perhaps because the memory was full" if name == "SIGKILL" else ""
            return f"the process was ended from outside ({name}{memory})"
    logging.error("%s has failed with status %s:\n%s", module, code, printed[-5_000:])
    return "it broke off, through a fault of this program"
