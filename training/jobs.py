"""Trainings on behalf of visitors: one at a time, each in a process of its own; unvisited jobs are deleted.

A job is a text, its report and its model, in a directory of its own. It can be found only by its key. The commands
`training.corpus` and `training.train` make the report and the model, so the page shows what these commands print. One
thread runs the reports, which take seconds, and one thread runs the trainings.
"""

import json
import logging
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any

from filelock import FileLock, Timeout

from model.text_file import check_size
from training import command
from training.job import Job, safe_names
from training.limits import Limits, Plan
from training.timing import in_words

PREFIX = "lstm-training-"  # of the directory that holds the jobs of one server
REPORT = "training.corpus"  # the command
LOCK = "lock"  # held as long as that server runs
GRACE = 1.5  # a training that takes this many times its limit in minutes is stopped
READING = 900  # seconds after which a report is given up, since other texts wait for it
TERMINATED = 1 if os.name == "nt" else -signal.SIGTERM  # the return code of a process that `terminate` has ended
LOOK = 30  # seconds between two checks for jobs to delete or to stop, at most


class Jobs:
    """All jobs of a server. Every method may be called from any thread."""

    def __init__(self, limits: Limits, options: Sequence[str] = ()) -> None:
        """`options` are given to the training command, after those that follow from a plan."""
        self.limits, self.options = limits, tuple(options)
        _delete_abandoned()
        self.root = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()  # as the commands name it
        self._lock = FileLock(self.root / LOCK)
        self._lock.acquire()
        self._jobs: dict[str, Job] = {}
        self._guard = RLock()  # around every change of a job or of the queue
        self._readers, self._trainers = ThreadPoolExecutor(1, "report"), ThreadPoolExecutor(1, "training")
        self._queue: list[Job] = []  # those that wait for their training, in order
        self._closed = Event()
        self.on_change: list[Callable[[Job], None]] = []  # called with each job whose model is deleted or will change
        Thread(target=self._look_after, name="deleting", daemon=True).start()

    # ---- what a visitor asks for -------------------------------------------------------------------------------------

    def add(self, texts: Mapping[str, bytes], plan: Plan) -> Job:
        """Begin a job and its report on these text files, by name; ValueError or OSError, in a sentence, if refused."""
        if not texts:
            raise ValueError("there is no text: choose a file, paste one, or give the number of a book")
        check_size(next(iter(texts)) if len(texts) == 1 else "the text", sum(map(len, texts.values())), self.most)
        self._check_plan(plan)
        with self._guard:
            if self._closed.is_set():
                raise ValueError("the server is being stopped: try again when it is back")
            self.sweep()
            if len(self._jobs) >= self.limits.models:
                free = min(job.seen for job in self._jobs.values()) + 3_600 * self.limits.hours - time.monotonic()
                raise ValueError(
                    f"{self.limits.models} texts and models are kept here at a time, and there are as many: "
                    f"delete one of yours, or come back in {in_words(max(60, free))}"
                )
            self._check_disk()
            key = secrets.token_hex(16)
            job = Job(key, self.root / key, safe_names(texts), plan)
            job.texts.mkdir(parents=True)
            try:
                for name, content in zip(job.names, texts.values(), strict=True):
                    (job.texts / name).write_bytes(content)
            except OSError as error:
                shutil.rmtree(job.directory, ignore_errors=True)
                raise OSError(error.errno, error.strerror) from error
            self._jobs[key] = job
            self._begin_report(job)
            return job

    def find(self, key: Any) -> Job:
        """The job with that key; KeyError if there is none. Each call counts as a visit."""
        with self._guard:
            job = self._jobs[str(key)]
            job.seen = time.monotonic()
            return job

    def read_again(self, job: Job, plan: Plan) -> None:
        """Make a new report for another plan, and delete the model; ValueError while the training waits or runs."""
        self._check_plan(plan)
        with self._guard:
            if job.state in ("waiting", "training"):
                raise ValueError("this training is under way: stop it before you change it")
            self._without_model(job)
            job.plan = plan
            self._begin_report(job)

    def train(self, job: Job) -> None:
        """Put the training of `job` into the queue; a training that was stopped or broke off continues exactly."""
        with self._guard:
            if job.state in ("waiting", "training"):
                return
            if job.state not in ("read", "stopped", "broken"):
                raise ValueError(
                    "this text has not been read yet: wait for its report"
                    if job.state == "reading"
                    else "there is nothing to train here: choose a text, or change what was chosen"
                )
            self._check_disk()
            self._model_changes(job)  # its model changes as it learns
            if job.model.exists() and not job.can_go_on:  # without a saved state the training begins anew
                shutil.rmtree(job.model, ignore_errors=True)
            job.state, job.error, job.stopping = "waiting", "", False
            job.turn += 1
            self._queue.append(job)
            self._trainers.submit(self._train, job, job.turn)

    def stop(self, job: Job) -> None:
        """Stop the training of `job`, or its waiting; the best model so far stays, and the training can continue."""
        with self._guard:
            if job.state == "waiting":
                self._queue.remove(job)
                job.turn += 1
                job.state = "stopped" if job.can_go_on else "read"
            elif job.state == "training" and not job.stopping:  # a second signal would end it at once, as an error
                job.stopping = True
                if job.process:
                    job.process.terminate()

    def delete(self, job: Job) -> None:
        """Delete the text, the model and all that belongs to them."""
        with self._guard:
            self._jobs.pop(job.key, None)
            job.turn += 1
            if job in self._queue:
                self._queue.remove(job)
            if job.process:
                job.process.kill()
            self._model_changes(job)
            _remove(job.directory)

    def place(self, job: Job) -> tuple[int, float]:
        """The number of trainings before `job` and about how many seconds they take; (0, 0) if `job` does not wait."""
        with self._guard:
            if job not in self._queue:
                return 0, 0.0
            running = [other for other in self._jobs.values() if other.state == "training"]
            before = self._queue[: self._queue.index(job)]
            left = sum(other.progress.get("seconds_left", self._seconds(other)) for other in running)
            return len(running) + len(before), left + sum(map(self._seconds, before))

    def close(self) -> None:
        """Delete all jobs, before the server ends."""
        with self._guard:
            self._closed.set()
            for job in list(self._jobs.values()):
                self.delete(job)
        self._readers.shutdown(cancel_futures=True)
        self._trainers.shutdown(cancel_futures=True)
        self._lock.release()
        _remove(self.root)

    # ---- limits ------------------------------------------------------------------------------------------------------

    @property
    def most(self) -> float:
        """The bytes of text in one training, at most."""
        return 1e6 * self.limits.megabytes

    def minutes(self, job: Job) -> float | None:
        """The minutes for which `job` trains, or None if the recipe's own length is within the limit."""
        if job.plan.minutes:
            return job.plan.minutes
        return self.limits.minutes if job.report.get("seconds", 0) > 60 * self.limits.minutes else None

    def sweep(self) -> None:
        """Delete the jobs that, for as many hours as the limits allow, nobody has visited and that did not train."""
        with self._guard:
            for job in list(self._jobs.values()):
                if job.state in ("waiting", "training"):
                    job.seen = time.monotonic()
                elif time.monotonic() > job.seen + 3_600 * self.limits.hours:
                    self.delete(job)

    def _seconds(self, job: Job) -> float:
        """How long a training takes that has not begun."""
        minutes = self.minutes(job)
        return 60 * minutes if minutes else float(job.report.get("seconds") or 0)

    def _check_plan(self, plan: Plan) -> None:
        if plan.minutes > self.limits.minutes:
            raise ValueError(
                f"minutes is {plan.minutes:g}, but a training here has at most {self.limits.minutes:g}: give fewer"
            )

    def _check_disk(self) -> None:
        taken = 0
        for file in self.root.rglob("*"):
            with suppress(OSError):  # it is just being replaced
                taken += file.stat().st_size
        if taken > 1e6 * self.limits.disk:
            raise ValueError(
                f"texts and models take {taken / 1e6:,.0f} MB here, but at most {self.limits.disk:,.0f} MB are theirs: "
                "delete one of yours, or come back later"
            )

    def _look_after(self) -> None:
        """Delete unvisited jobs and stop those that take too long, until the server ends."""
        while not self._closed.wait(min(LOOK, 900 * self.limits.hours, 15 * self.limits.minutes)):
            self.sweep()
            with self._guard:
                for job in self._jobs.values():
                    took = time.monotonic() - job.began
                    if job.state == "training" and job.process and took > GRACE * 60 * self.limits.minutes:
                        job.error = f"a training here has at most {self.limits.minutes:g} minutes, and they are over"
                        if job.stopping:  # it did not end by itself
                            job.process.kill()
                        self.stop(job)
                    elif job.state == "reading" and job.process and took > READING:
                        job.turn += 1
                        job.process.kill()
                        job.state, job.error = "refused", "this text takes too long to read here: give a part of it"

    def _without_model(self, job: Job) -> None:
        """Delete the model of `job`, its saved state and its curves."""
        self._model_changes(job)
        shutil.rmtree(job.model, ignore_errors=True)
        for file in job.directory.glob("model.unfinished*"):
            file.unlink(missing_ok=True)
        job.training_curve, job.held_out_curve, job.samples, job.progress = [], [], [], {}

    def _model_changes(self, job: Job) -> None:
        for told in self.on_change:
            told(job)

    # ---- the two commands --------------------------------------------------------------------------------------------

    def _begin_report(self, job: Job) -> None:
        if job.process:
            job.process.kill()  # a report for an earlier plan
        job.state, job.error, job.stopping, job.words, job.report = "reading", "", False, "", {}
        job.turn += 1
        self._readers.submit(self._report, job, job.turn)

    def _report(self, job: Job, turn: int) -> None:
        """Make the report; runs in the thread for reports."""
        printed: list[str] = []
        error = self._run(job, turn, REPORT, self._options(job, job.plan.minutes), printed.append)
        with self._guard:
            if job.turn != turn:
                return
            if error:
                job.state, job.error = "refused", error
                return
            job.words, job.report = "".join(printed[:-1]).strip(), json.loads(printed[-1])
            job.state = "read"

    def _train(self, job: Job, turn: int) -> None:
        """Train; runs in the thread for trainings."""
        with self._guard:
            if job.turn != turn:
                return
            self._queue.remove(job)
            job.state = "training"
            minutes = self.minutes(job)
        options = [*self._options(job, minutes), "--out", "../model", "--json", *self.options]
        error = self._run(job, turn, "training.train", options, job.note)
        with self._guard:
            if job.turn != turn:
                return
            if error:
                job.state, job.error = "broken", job.error or error
            elif job.can_go_on:
                job.state = "stopped"
            else:
                job.state = "done" if job.model.exists() else "read"

    def _options(self, job: Job, minutes: float | None) -> list[str]:
        return [*job.choices, *(["--minutes", f"{minutes:g}"] if minutes else [])]

    def _run(self, job: Job, turn: int, module: str, options: Sequence[str], told: Callable[[str], None]) -> str:
        """Run a command for `job`; `told` gets each line that it prints. Returns why it has failed, or ""."""
        errors = job.directory / "errors"
        try:
            with self._guard:
                if job.turn != turn or job.stopping:
                    return ""
                job.process = command.begin(module, options, job.texts, errors, soon=module == REPORT)
                job.began = time.monotonic()
            with job.process as process:
                for line in process.stdout or ():
                    with self._guard:
                        told(line)
            with self._guard:
                job.process = None
            if job.stopping and process.returncode == TERMINATED:  # it could not handle the signal yet
                return ""
            printed = errors.read_text(encoding="utf-8", errors="replace")
            return command.failure(module, process.returncode, printed).replace(f"{job.directory}{os.sep}", "")
        except Exception as error:
            if job.turn == turn:
                logging.exception("%s could not be run", module)
            reason = f" ({error.strerror})" if isinstance(error, OSError) else ""
            return f"it could not be begun{reason}: try again later"


def _remove(directory: Path) -> None:
    """Delete a directory, in which a process that was just killed may still be writing."""
    for _ in range(50):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(0.1)


def _delete_abandoned() -> None:
    """Delete the directories of servers that were killed."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError, Timeout), FileLock(directory / LOCK, blocking=False):
            shutil.rmtree(directory, ignore_errors=True)
