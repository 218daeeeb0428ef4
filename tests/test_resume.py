"""The state of an unfinished run: kept whole or not at all, and one run at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training.resume import Unfinished

ROOT = Path(__file__).parent.parent
CPU = torch.device("cpu")

# A process whose files can have at most 50,000 bytes, as if the disk were nearly full.
FULL = """
import resource, sys, torch
from pathlib import Path
from training.resume import Unfinished
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
try:
    Unfinished(Path(sys.argv[1])).save("a run", {"weights": torch.zeros(100_000)})
except OSError as error:
    print(error.strerror, error.filename)
"""
# A process that holds the lock until it is killed.
HOLDER = """
import sys, time
from pathlib import Path
from training.resume import Unfinished
with Unfinished(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def unfinished(tmp_path: Path) -> Unfinished:
    return Unfinished(tmp_path / "run")


def test_a_state_comes_back_as_it_was(unfinished: Unfinished, tmp_path: Path) -> None:
    state = {"step": 7, "steps": None, "losses": [1.5], "weights": torch.arange(5), "nested": {"a": [torch.ones(2)]}}
    unfinished.save("a run", state)
    restored = unfinished.load("a run", CPU)
    assert restored["step"] == 7
    assert restored["steps"] is None
    assert torch.equal(restored["weights"], state["weights"])  # type: ignore[arg-type]
    assert torch.equal(restored["nested"]["a"][0], torch.ones(2))
    assert [path.name for path in tmp_path.iterdir()] == ["run.unfinished"]
    unfinished.remove()
    unfinished.remove()  # nothing to do
    assert not list(tmp_path.iterdir())


def test_the_state_of_another_run_is_refused(unfinished: Unfinished) -> None:
    unfinished.save("a run", {})
    with pytest.raises(ValueError, match=r"run\.unfinished belongs to a run with another text"):
        unfinished.load("another", CPU)


def test_a_full_disk_leaves_the_state_that_was_there_and_no_part_of_the_new_one(
    unfinished: Unfinished, tmp_path: Path
) -> None:
    unfinished.save("a run", {"step": 7})
    command = [sys.executable, "-c", FULL, str(tmp_path / "run")]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert told == f"File too large {tmp_path / 'run.unfinished'}\n"
    assert unfinished.load("a run", CPU) == {"step": 7}
    assert [path.name for path in tmp_path.iterdir()] == ["run.unfinished"]


def test_an_error_that_does_not_come_from_the_disk_is_raised_unchanged(unfinished: Unfinished, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="pickle"):
        unfinished.save("a run", {"a function": lambda: None})
    assert not list(tmp_path.iterdir())


def test_only_one_run_at_a_time_has_the_lock_and_its_end_leaves_no_file(unfinished: Unfinished, tmp_path: Path) -> None:
    for _ in range(2):
        with unfinished.locked():
            with pytest.raises(ValueError, match=r"another run is training to .*run: wait until"):
                unfinished.locked().__enter__()
            with Unfinished(tmp_path / "other").locked():
                pass
        assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="a process is killed by a signal")
def test_a_process_that_is_killed_leaves_no_lock_behind(unfinished: Unfinished, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(ValueError, match="another run"):
            unfinished.locked().__enter__()
        holder.kill()
        holder.wait(60)
        with unfinished.locked():
            pass
    assert not list(tmp_path.iterdir())


def test_a_half_written_file_of_a_killed_run_is_removed(unfinished: Unfinished, tmp_path: Path) -> None:
    (tmp_path / "run.unfinished.new").write_bytes(b"half a file")
    with unfinished.locked():
        pass
    assert not list(tmp_path.iterdir())
