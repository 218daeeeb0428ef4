"""Training in the page: the endpoints with which a visitor trains a model on their own text.

Each text has a secret key, which `/open_text` returns to its visitor. A request with a wrong key gets no information.
"""

import base64
import binascii
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from inspect import signature
from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr
from anyio import CapacityLimiter, to_thread
from gradio.events import api

from interface import account
from interface.listening import Listening, endpoint_for
from interface.models import Models, offered
from interface.page import read
from interface.visitor import checked, refusal
from model import archive, checkpoint
from model.loaded import Model
from model.text_file import check_size
from training import gutenberg
from training.job import Job
from training.jobs import Jobs
from training.limits import Plan

SAMPLE = "The lamp at Grey Point.txt"  # an example text, written for this page: browser/lamp.txt
LOOKERS = 16  # calls of one endpoint that run at the same time; others wait
FILES = 50  # in one request, at most


class Own:
    """The models that visitors have trained, each loaded when its visitor first asks for it."""

    def __init__(self, models: Models, jobs: Jobs) -> None:
        self.models, self.jobs = models, jobs
        self._offers: dict[str, dict[str, Any]] = {}  # by the name, which holds the key
        self._guard = Lock()
        jobs.on_change.append(self._forget)

    def offer(self, job: Job) -> dict[str, Any] | None:
        """What the page needs to know of the model of `job`; None where there is none, or it still learns."""
        if job.state not in ("done", "stopped", "broken") or not job.model.is_dir():
            return None
        name = f"{job.key}.{job.turn}"  # new after each training, because answers are cached by name
        with self._guard:
            if name not in self._offers:
                model = replace(checkpoint.load(job.model), name=job.title)
                told = {**offered({name: model})[0], "title": job.title, "manner": "yours"}
                self._offers[name] = told
                self.models.add(name, self._finder(job.key, model))
            return self._offers[name]

    def _finder(self, key: str, model: Model) -> Callable[[], Model]:
        def find() -> Model:
            self.jobs.find(key)  # using the model counts as a visit, so that it is not deleted
            return model

        return find

    def _forget(self, job: Job) -> None:
        with self._guard:
            for name in [name for name in self._offers if name.startswith(job.key)]:
                del self._offers[name]
                self.models.forget(name)


@lru_cache
def sample() -> bytes:
    """The example text, in UTF-8."""
    return read("lamp.txt").encode()


def told_to_the_page(jobs: Jobs) -> dict[str, Any]:
    """What the page needs to know: the limits, the name of the example text, and whether visitors can sign in."""
    limits = jobs.limits
    return {
        "megabytes": limits.megabytes,
        "minutes": limits.minutes,
        "hours": limits.hours,
        "sample": Path(SAMPLE).stem,
        "account": account.available(),
    }


def largest_request(jobs: Jobs) -> int:
    """The bytes of the largest request: as much text as one training may have, in base64."""
    return int(jobs.most * 4 / 3) + 100_000


def training_endpoints(models: Models, jobs: Jobs, listening: Listening) -> None:
    """Add the endpoints to the page that is open."""
    for function in training_functions(models, jobs):
        api(heard(function, listening), concurrency_limit=LOOKERS)


def heard(function: Callable[..., Any], listening: Listening) -> Callable[..., Any]:
    """Return an endpoint that runs `function` in a thread, once the stream of its answer is open.

    Each endpoint has its own threads. So it answers even while all threads of another one wait, for example for the
    mirror of books.
    """
    threads = CapacityLimiter(LOOKERS)

    async def answer(asked: gr.Request, *values: Any) -> Any:
        await listening.visitor(asked)
        return await to_thread.run_sync(function, *values, limiter=threads)

    return endpoint_for(function, answer, signature(function).return_annotation)


def training_functions(models: Models, jobs: Jobs) -> list[Callable[..., Any]]:
    """Return the endpoint functions; each endpoint has the name of its function."""
    own = Own(models, jobs)

    def of(key: Any) -> Job:
        try:
            return jobs.find(key)
        except KeyError:
            raise refusal(
                "there is no training with this key: it was deleted, or the server was restarted; choose a text again"
            ) from None

    def allowed(act: Callable[..., Any], *values: Any) -> Any:
        try:
            return act(*values)
        except (ValueError, OSError) as error:
            raise refusal(sentence(error)) from None

    def state(job: Job) -> dict[str, Any]:
        before, seconds = jobs.place(job)
        report = {name: job.report[name] for name in ("seconds", "advice", "plan") if name in job.report}
        return {
            "key": job.key,
            "title": job.title,
            "state": job.state,
            "error": job.error,
            "can_go_on": job.can_go_on,
            "before": before,
            "waits": round(seconds),
            "plan": vars(job.plan),
            "minutes": jobs.minutes(job),
            "words": job.words,
            "report": report,
            "progress": job.progress,
            "training_curve": job.training_curve,
            "held_out_curve": job.held_out_curve,
            "samples": job.samples,
            "model": allowed(own.offer, job),
        }

    def ready(key: Any) -> Job:
        """The training with that key; gr.Error if it has no model yet."""
        job = of(key)
        if not allowed(own.offer, job):
            raise refusal("there is no model yet: train it first")
        return job

    def open_text(
        files: list[dict[str, str]] | None = None,
        text: str = "",
        book: str = "",
        sample_text: bool = False,
        name: str = "",
        begin: str = "auto",
        capitals: bool = True,
        minutes: float = 0,
    ) -> dict[str, Any]:
        """Open a text for training: `files`, each with `name` and `data` in base64; `text` with a `name`; a `book` of
        Project Gutenberg by number or address; or the page's own sample. Its report is made next. Only the key in the
        answer gives access to the text, its report and its model.
        """
        plan = checked(Plan, begin=begin, capitals=capitals, minutes=minutes)
        if files:
            texts = allowed(decoded, files, jobs.most)
        elif book:
            path = allowed(gutenberg.fetch, number(book))
            texts = {path.name: path.read_bytes()}
        elif sample_text:
            texts = {SAMPLE: sample()}
        else:
            texts = {f"{name or 'Pasted text'}.txt": str(text).encode()}
        return state(allowed(jobs.add, texts, plan))

    def change_plan(key: str, begin: str = "auto", capitals: bool = True, minutes: float = 0) -> dict[str, Any]:
        """Choose other settings: begin from the model that helps most ("auto") or from nothing ("none"), keep capitals,
        train for some minutes (0: as the recipe says). The report is made anew, and what was trained is deleted.
        """
        job = of(key)
        allowed(jobs.read_again, job, checked(Plan, begin=begin, capitals=capitals, minutes=minutes))
        return state(job)

    def train(key: str) -> dict[str, Any]:
        """Put a training into the queue; one that was stopped or broken off goes on where it was."""
        job = of(key)
        allowed(jobs.train, job)
        return state(job)

    def stop_training(key: str) -> dict[str, Any]:
        """Stop a training and keep the best model so far; /train continues the training exactly."""
        job = of(key)
        jobs.stop(job)
        return state(job)

    def training(key: str) -> dict[str, Any]:
        """The state of a training: its report, place in the queue, progress, curves, samples, and at the end its model,
        whose name all other endpoints accept. Text and model are deleted after some hours without a visit.
        """
        return state(of(key))

    def download_model(key: str) -> dict[str, str]:
        """The model as a zip, in base64, for app.py --checkpoint and training.train --init; and a name for the file."""
        job = ready(key)
        return {"name": f"{job.title}.zip", "data": base64.b64encode(allowed(packed, job)).decode()}

    def delete_training(key: str) -> None:
        """Delete a text, its report and its model."""
        jobs.delete(of(key))

    functions: list[Callable[..., Any]] = [open_text, change_plan, train, stop_training, training, download_model]
    if account.available():
        functions += account.account_functions(lambda key: ready(key).model)
    return [*functions, delete_training]


def packed(job: Job) -> bytes:
    """The model of `job` as a zip; OSError or ValueError if the disk is full, or the model is just being deleted."""
    with tempfile.TemporaryDirectory(dir=job.directory) as place:
        file = Path(place) / "model.zip"
        archive.pack(job.model, file)
        return file.read_bytes()


def sentence(error: Exception) -> str:
    """The message of an error, for the visitor; of an OSError only the reason."""
    return str(error.strerror) if isinstance(error, OSError) and error.strerror else str(error)


def number(book: str) -> int:
    """The number of a Project Gutenberg book, from a number or an address; gr.Error if `book` is neither."""
    typed = str(book).strip()
    found = int(typed) if typed.isdecimal() and len(typed) < 7 else gutenberg.number(typed)
    if found is None:
        raise refusal(f"{typed[:80]!r} names no book: give the number of a book of Project Gutenberg, or its address")
    return found


def decoded(files: Any, most: float) -> dict[str, bytes]:
    """The content of the files by name, from base64; ValueError if they are malformed, too many or too large."""
    if not isinstance(files, list):
        raise ValueError("files must be a list of names and data: choose a file again")
    if len(files) > FILES:
        raise ValueError(f"there are too many files: give at most {FILES}, or join them")
    texts: dict[str, bytes] = {}
    for file in files:
        try:
            name, data = str(file["name"])[-200:], file["data"]
            check_size(name, len(data) * 3 // 4 - 2, most)
            content = base64.b64decode(data, validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            raise ValueError("each file must have a name, and data in base64") from error
        while name in texts:
            name = f"another {name}"
        texts[name] = content
    return texts
