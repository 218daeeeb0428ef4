"""Many requests at once: a thread that advances all of them by one character at a time."""

import atexit
import logging
import threading

import torch

from model.generation import GenerationConfig, Request
from model.serving.batch import Batch
from model.serving.mixture import AnyModel
from model.serving.prefix_cache import PrefixCache

SLOTS = 64  # requests that run at the same time; others wait in the queue


class Scheduler:
    """Continuous batching: requests join and leave between two steps, and a long prompt delays no other request.

    A prompt is read like a text is written, one character in each step, beside the other requests. `Batch` says which
    requests share a step, and why each text is the same as alone. A text grows whether or not anything reads it, so a
    slow reader delays no other request either. After Yu et al., "Orca: A Distributed Serving System for
    Transformer-Based Generative Models", 2022, 4.1.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self.slots = slots
        self._queue: list[Request] = []
        self._batches: list[Batch] = []
        self._prefix_cache = PrefixCache()
        self._work = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # Python would end the thread in the middle of a matrix product, and abort

    def submit(self, model: AnyModel, prompt: str, config: GenerationConfig) -> Request:
        """Ask for a text; it grows until it is done or cancelled. While all slots are taken, it waits in the queue."""
        request = Request(model, prompt, config)
        with self._work:
            self._queue.append(request)
            self._work.notify()
        return request

    def close(self) -> None:
        """Cancel every request; return when nothing is computed any more."""
        with self._work:
            self._closed = True
            self._work.notify()
        self._thread.join()
        for request in (*self._queue, *(request for batch in self._batches for request in batch.requests)):
            request.cancel()

    def queue_position(self, request: Request) -> int:
        """The position of `request` in the queue: 1 is the next to run, 0 is not in the queue."""
        with self._work:
            return self._queue.index(request) + 1 if request in self._queue else 0

    @property
    def running(self) -> int:
        """How many slots are taken."""
        return sum(batch.unfinished for batch in self._batches)

    @property
    def unfinished(self) -> int:
        """How many requests run or wait."""
        return self.running + len(self._queue)

    def _run(self) -> None:
        torch.set_flush_denormal(True)  # a setting of each thread
        while not self._closed:
            with self._work:
                self._work.wait_for(lambda: self._queue or self._batches or self._closed)
                self._queue = [request for request in self._queue if not request.done]
                free = self.slots - self.running
                admitted, self._queue = self._queue[:free], self._queue[free:]
            for request in admitted:
                self._assign(request)
            for batch in self._batches:
                self._step(batch)
            self._batches = [batch for batch in self._batches if batch.requests]  # done requests leave at the next step

    def _assign(self, request: Request) -> None:
        """Add `request` to the first batch that accepts it, or to a new one."""
        accepting = [batch for batch in self._batches if batch.accepts(request)]
        if not accepting:
            accepting = [Batch(request.model, self._prefix_cache)]
            self._batches += accepting
        accepting[0].join(request)

    def _step(self, batch: Batch) -> None:
        try:
            batch.step()
        except Exception:  # the other batches go on
            logging.exception("%d requests failed", batch.unfinished)
            for request in batch.requests:
                request.failed = not request.done
                request.cancel()
            batch.running, batch.joining = [], []
