"""A command in a process of its own: its priority, its directory, and the reason for its failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from training import command


def test_the_priority_is_lowest_unless_the_result_is_needed_soon() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        command.lower_priority(process.pid, soon=True)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 10
        command.lower_priority(process.pid, soon=False)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
        if hasattr(os, "SCHED_IDLE"):
            assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
        process.kill()


def test_a_command_prints_into_a_pipe_and_its_errors_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('a file was taken for a module')")
    errors = tmp_path / "errors"
    with command.begin("training.corpus", ["nowhere.txt"], tmp_path, errors) as process:
        assert process.stdout
        assert process.stdout.read() == ""
    assert process.returncode == 2
    said = command.failure("training.corpus", 2, errors.read_text())
    assert said == "nowhere.txt cannot be read: No such file or directory; give the path of a text file"


@pytest.mark.parametrize(
    ("code", "printed", "told"),
    [
        (0, "", ""),
        (1, "a line\ntraining.train: the disk is full\n", "the disk is full"),
        (-9, "", "the process was ended from outside (SIGKILL, perhaps because the memory was full)"),
        (-15, "", "the process was ended from outside (SIGTERM)"),
        (1, "Traceback\nKeyError: 5", "it broke off, through a fault of this program"),
    ],
)
def test_a_failure_is_described_in_a_sentence(code: int, printed: str, told: str) -> None:
    assert command.failure("training.train", code, printed) == told
