"""The reliability suite in its short form, and its exit status after a fault."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import reliability
from benchmarks.breaking import spoiled
from tests.browser import APP

PARTS = ("writers", "vanishing", "requests", "kills", "full", "removed", "signals", "files")


def test_the_short_form_of_each_part_finds_no_fault(shelf: list[Path]) -> None:
    command: list[str | Path] = [sys.executable, "-m", "benchmarks.reliability", "--short", "--checkpoint", shelf[1]]
    run = subprocess.run(command, cwd=APP.parent, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["faults"] == 0
    assert tuple(told)[2:] == PARTS
    assert told["writers"]["texts"] == 32
    assert told["kills"]["kills"] >= 3


@pytest.mark.parametrize("fault", reliability.FAULTS)
def test_a_fault_is_told_by_the_exit_status(
    fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reliability, "parts", lambda *_: {"one": lambda: {"tried": 5, fault: 1}, "two": dict})
    assert reliability.main([]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["faults"] == 1
    assert reliability.main(["two"]) == 0


def test_files_are_spoiled_in_the_same_way_for_the_same_seed() -> None:
    content = bytes(range(256))
    one, other = ([spoiled(content, chance) for _ in range(50)] for chance in (random.Random(3), random.Random(3)))
    assert one == other
    assert len({*one, content}) > 40
