"""Trainings for visitors: from a text to a model, the queue, the limits, and the deletion of all files."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.checkpoint import load
from tests.conftest import H, book, wait
from training import command
from training import jobs as module
from training.job import Job
from training.jobs import Jobs
from training.limits import Limits, Plan
from training.report_text import main as report_command

ROOT = Path(__file__).parent.parent
TINY = ["--hidden-size", "11", "--embedding-size", "7", "--layers", "1", "--batch-size", "5", "--window", "13"]
BRIEF = [*TINY, "--steps", "8", "--evaluate-every", "4", "--warmup-steps", "2", "--patience", "0"]
LONG = [*TINY, "--steps", "1000000", "--evaluate-every", "50", "--patience", "0"]
NOTHING = Plan(begin="none")
TEXT = {"tale.txt": book(2_400).encode()}

# A server that receives a text and is then killed.
KILLED = """
import os, signal, sys
from training.jobs import Jobs
from training.limits import Limits, Plan
jobs = Jobs(Limits())
jobs.add({"tale.txt": b"a tale " * 500}, Plan())
print(jobs.root, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

Open = Callable[..., Jobs]


@pytest.fixture
def open_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """A function that makes the jobs of a server, in a directory of this test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(command, "lower_priority", lambda *_: None)  # else other work would slow the tests
    opened: list[Jobs] = []

    def open_them(options: list[str] = BRIEF, **limits: float) -> Jobs:
        limits = {"minutes": 1_000, **limits}  # else a slow machine would add --minutes to --steps
        opened.append(Jobs(Limits(**limits), options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_them
    for jobs in opened:
        jobs.close()
    assert not list(tmp_path.glob("lstm-training-*")), "nothing is left behind"


def until(job: Job, *states: str) -> Job:
    """`job`, once it is in one of these states."""
    end = time.monotonic() + 600
    while job.state not in states:
        assert time.monotonic() < end, f"{job.state}: {job.error}"
        time.sleep(0.02)
    return job


def learning(job: Job) -> Job:
    """Return `job` once it has been measured three times, while it still trains."""
    end = time.monotonic() + 600
    while len(job.held_out_curve) < 3:
        assert time.monotonic() < end, f"{job.state}: {job.error}"
        assert job.state in ("waiting", "training"), job.error
        time.sleep(0.02)
    return job


# ---- from a text to a model ------------------------------------------------------------------------------------------


def test_a_text_is_reported_on_and_learned(open_jobs: Open, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    jobs = open_jobs()
    job = until(jobs.add(TEXT, NOTHING), "read")
    assert job.words.startswith("tale: 2,4")
    assert "begins    from nothing, as chosen" in job.words
    assert job.title == "tale"
    assert jobs.find(job.key) is job

    jobs.train(job)
    until(job, "done")
    model = load(job.model)
    assert model.network.config.hidden_size == H
    assert model.training["command"].startswith("python -m training.train tale.txt --init none --threads 1 --out model")
    assert [step for step, _ in job.held_out_curve] == [0, 4, 8]
    assert job.training_curve[-1][0] == job.progress["step"] == job.progress["steps"] == 8
    assert job.samples[-1][0] == 8
    assert not job.can_go_on

    (tmp_path / "tale.txt").write_bytes(TEXT["tale.txt"])
    assert report_command([str(tmp_path / "tale.txt"), "--init", "none", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert job.words.partition("time")[0] in printed, "the page and the command have the same words"


def test_a_training_is_stopped_and_goes_on(open_jobs: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = open_jobs(LONG)
    job = until(jobs.add(TEXT, NOTHING), "read")
    jobs.train(job)
    jobs.stop(learning(job))
    jobs.stop(job)  # a visitor presses twice
    until(job, "stopped")
    assert job.error == ""
    assert job.can_go_on
    assert load(job.model).training["best_step"] >= 0
    reached = job.training_curve[-1][0]

    steps_after = steps_noted(job, monkeypatch)
    jobs.train(job)
    wait(lambda: job.training_curve[-1][0] > reached, 600)
    assert steps_after[0] > 100, "it does not begin again"
    steps = [step for step, _ in job.training_curve]
    assert steps == sorted(set(steps))


def test_a_stopped_training_has_not_failed_where_a_terminated_process_has_another_code(
    open_jobs: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = open_jobs()
    job = until(jobs.add(TEXT, NOTHING), "read")
    monkeypatch.setattr(module, "TERMINATED", 1)  # as on Windows

    def begin(*_: object, **__: object) -> "subprocess.Popen[str]":
        job.stopping = True
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"], stdout=subprocess.PIPE, text=True)

    monkeypatch.setattr(command, "begin", begin)
    jobs.train(job)
    until(job, "read", "broken")
    assert (job.state, job.error) == ("read", "")


def steps_noted(job: Job, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the step of each line that the training command prints from now on."""
    steps: list[int] = []
    note = job.note

    def noted(line: str) -> None:
        steps.append(json.loads(line)["step"])
        note(line)

    monkeypatch.setattr(job, "note", noted)
    return steps


def test_a_killed_training_is_reported_in_a_sentence_and_goes_on(
    open_jobs: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = open_jobs(LONG)
    job = until(jobs.add(TEXT, NOTHING), "read")
    lowered: list[tuple[int, bool]] = []
    monkeypatch.setattr(command, "lower_priority", lambda *told: lowered.append(told))
    jobs.train(job)
    learning(job)
    assert job.process
    assert lowered == [(job.process.pid, False)], "writers come first"
    os.kill(job.process.pid, signal.SIGKILL)
    until(job, "broken")
    assert job.error == "the process was ended from outside (SIGKILL, perhaps because the memory was full)"
    assert job.can_go_on
    reached = len(job.held_out_curve)
    steps_after = steps_noted(job, monkeypatch)
    jobs.train(job)
    until(job, "training")
    end = time.monotonic() + 600
    while len(job.held_out_curve) <= reached:
        assert time.monotonic() < end
        assert job.state == "training", job.error
        time.sleep(0.02)
    assert steps_after[0] > 50, "it does not begin again"


def test_a_stopped_training_gets_another_plan(open_jobs: Open) -> None:
    jobs = open_jobs(LONG)
    job = until(jobs.add(TEXT, NOTHING), "read")
    jobs.train(job)
    jobs.stop(learning(job))
    until(job, "stopped")
    jobs.read_again(job, Plan(begin="none", capitals=False))
    until(job, "read")
    assert not set(job.report["alphabet"]) & set("ABCDEFG")


def test_another_plan_deletes_the_model_and_begins_again(open_jobs: Open) -> None:
    jobs = open_jobs()
    changed: list[str] = []
    jobs.on_change.append(lambda job: changed.append(job.key))
    job = until(jobs.add(TEXT, NOTHING), "read")
    jobs.train(job)
    until(job, "done")
    with pytest.raises(ValueError, match="there is nothing to train here"):
        jobs.train(job)
    changed.clear()
    jobs.read_again(job, Plan(begin="none", capitals=False, minutes=2))
    assert changed == [job.key]
    assert not job.model.exists()
    until(job, "read")
    assert job.report["plan"]["length"].startswith("2 minutes")
    assert not set(job.report["alphabet"]) & set("ABCDEFG")


# ---- what is wrong with a text, in the words of the command ----------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "text.txt is empty: give a file with text in it"),
        (bytes(range(256)) * 20, "text.txt is not a text file: give plain text, such as a book's .txt edition"),
        (b"a" * 50, "text.txt: 50 characters are too few to learn from; give at least 2,000, better 100,000"),
    ],
    ids=["empty", "a picture", "50 characters"],
)
def test_a_file_that_is_no_text_is_refused_as_by_the_command(
    open_jobs: Open, content: bytes, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = until(open_jobs().add({"text.txt": content}, NOTHING), "refused")
    assert job.error == told
    monkeypatch.chdir(job.texts)
    assert report_command(["text.txt"]) == 2
    assert capsys.readouterr().err == f"training.corpus: {told}\n"


def test_a_script_that_no_model_knows_is_learned_from_nothing(open_jobs: Open) -> None:
    georgian = "".join(chr(0x10D0 + (7 * i * i + i // 9) % 33) if i % 6 else " " for i in range(3_000))
    job = until(open_jobs().add({"text.txt": georgian.encode()}, Plan()), "read", "refused")
    assert job.report["plan"]["begins"].startswith("from nothing: ")


def test_a_full_disk_is_reported(open_jobs: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = open_jobs()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device", "tale.txt")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"):
        jobs.add(TEXT, NOTHING)
    assert not list(jobs.root.glob("*/texts"))


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_one_trains_and_the_others_see_their_place_in_the_queue_and_their_waiting_time(open_jobs: Open) -> None:
    jobs = open_jobs(LONG, minutes=3)
    first, second, third = (until(jobs.add(TEXT, Plan(begin="none", minutes=m)), "read") for m in (1, 2, 3))
    jobs.options = tuple(TINY)  # without --steps, because the plans give --minutes
    for job in (first, second, third):
        jobs.train(job)
    until(first, "training")
    assert jobs.place(first) == (0, 0.0)
    before, seconds = jobs.place(third)
    assert before == 2
    assert 120 < seconds <= 180
    jobs.stop(second)
    assert second.state == "read"
    assert jobs.place(third)[0] == 1
    jobs.delete(first)
    until(third, "training")
    with pytest.raises(KeyError):
        jobs.find(first.key)
    assert not first.directory.exists()


def test_each_limit_refuses_in_a_sentence(open_jobs: Open) -> None:
    jobs = open_jobs(megabytes=0.01, minutes=2, models=1)
    with pytest.raises(
        ValueError, match=r"^big\.txt has 0\.02 MB, but at most 0\.01 MB can be read: give a part of it$"
    ):
        jobs.add({"big.txt": b"a" * 20_000}, NOTHING)
    with pytest.raises(ValueError, match=r"^minutes is 3, but a training here has at most 2: give fewer$"):
        jobs.add(TEXT, Plan(minutes=3))
    with pytest.raises(ValueError, match=r"^there is no text: choose a file"):
        jobs.add({}, NOTHING)
    jobs.add(TEXT, NOTHING)
    with pytest.raises(ValueError, match=r"^1 texts and models are kept here .* come back in 3\.0 hours$"):
        jobs.add(TEXT, NOTHING)


def test_a_training_that_takes_too_long_is_stopped_and_one_without_disk_space_is_refused(
    open_jobs: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", 1.0)
    jobs = open_jobs(LONG, minutes=0.1, disk=1)
    job = until(jobs.add(TEXT, NOTHING), "read")
    monkeypatch.setattr(Jobs, "minutes", lambda *_: None)
    jobs.train(job)
    until(job, "stopped", "broken", "read")
    assert job.error == "a training here has at most 0.1 minutes, and they are over"
    (job.directory / "much").write_bytes(bytes(2_000_000))
    with pytest.raises(ValueError, match=r"^texts and models take 2 MB here, but at most 1 MB are theirs"):
        jobs.train(job)


def test_a_text_that_takes_too_long_to_read_does_not_block_others(
    open_jobs: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READING", 0.01)
    monkeypatch.setattr(module, "LOOK", 0.1)
    begin, endless = command.begin, [sys.executable, "-c", "import time; time.sleep(1000)"]
    monkeypatch.setattr(command, "begin", lambda *_, **__: subprocess.Popen(endless, stdout=subprocess.PIPE, text=True))
    jobs = open_jobs()
    job = until(jobs.add(TEXT, NOTHING), "refused")
    assert job.error == "this text takes too long to read here: give a part of it"
    monkeypatch.setattr(module, "READING", 1_000)
    monkeypatch.setattr(command, "begin", begin)
    until(jobs.add(TEXT, NOTHING), "read")


def test_an_unvisited_training_is_deleted(open_jobs: Open) -> None:
    jobs = open_jobs(hours=2)
    forgotten, visited = jobs.add(TEXT, NOTHING), jobs.add(TEXT, NOTHING)
    for job in (forgotten, visited):
        job.seen -= 7_300
    jobs.find(visited.key)
    jobs.sweep()
    assert not forgotten.directory.exists()
    assert visited.directory.exists()


def test_a_text_that_waits_or_trains_is_kept_and_its_hours_begin_at_the_end(open_jobs: Open) -> None:
    jobs = open_jobs(hours=2)
    job = until(jobs.add(TEXT, NOTHING), "read")
    for job.state in ("waiting", "training"):
        job.seen -= 7_300
        jobs.sweep()
        assert job.directory.exists()
    job.state = "done"
    jobs.sweep()
    assert job.directory.exists()
    job.seen -= 7_300
    jobs.sweep()
    assert not job.directory.exists()


def test_a_server_that_is_being_stopped_takes_no_text(open_jobs: Open) -> None:
    jobs = open_jobs()
    jobs.close()
    with pytest.raises(ValueError, match=r"^the server is being stopped: try again when it is back$"):
        jobs.add(TEXT, NOTHING)
    assert not jobs.root.exists()


# ---- safety ----------------------------------------------------------------------------------------------------------


def test_keys_cannot_be_guessed_and_names_do_no_harm(open_jobs: Open) -> None:
    jobs = open_jobs()
    names = dict.fromkeys(("../../etc/passwd", "C:\\torch.py", "--out", ".hidden", "Torch.py", "\x00/"), b"a")
    job, other = jobs.add(names, NOTHING), jobs.add(TEXT, NOTHING)
    assert len(job.key) == 32
    assert job.key != other.key
    assert job.names == ("passwd", "torch.py", "out", "hidden", "Torch 2.py", "text.txt")
    assert sorted(path.name for path in job.texts.iterdir()) == sorted(job.names)
    for wrong in ("", None, 5, job.key[:-1], "../" + other.key):
        with pytest.raises(KeyError):
            jobs.find(wrong)


def test_the_directory_is_named_without_links_as_the_commands_name_it(
    open_jobs: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "link"))
    assert open_jobs().root.parent == tmp_path


def test_a_file_of_a_visitor_is_never_run_as_a_program(open_jobs: Open) -> None:
    text = ("raise SystemExit('it was run')\n" + book(3_000)).encode()
    job = until(open_jobs().add(dict.fromkeys(("torch.py", "json.py", "usercustomize.py"), text), NOTHING), "read")
    assert "it was run" not in job.error


def test_the_files_of_a_killed_server_are_deleted_by_the_next_one(open_jobs: Open, tmp_path: Path) -> None:
    variables = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", KILLED], env=variables, capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert left.parent == tmp_path
    assert list(left.glob("*/texts/tale.txt"))
    running, _ = open_jobs(), open_jobs()
    assert not left.exists()
    assert running.root.exists(), "that of a running server stays"
