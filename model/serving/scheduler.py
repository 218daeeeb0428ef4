"""The scheduler: one thread that writes all texts at once, each by one character in each round.

Which thread owns what:

- The scheduler's thread alone uses the batches and the prefix cache; and of each request that has a slot, the ids, the
  random numbers and what is still to read of its prompt. None of this has a lock.
- The queue and the running requests are shared. `Scheduler._changed` is their lock.
- The text of a request is shared: the scheduler's thread appends to it, and any thread may read it at any time. Ending
  a request (`cancel`) and appending to it exclude each other by a lock of the request. So once `done` is true, the text
  is complete: read `done` first, then `text`.
- A model is shared and never changes. Its decoder is made at the first use. Two threads that need it at the same moment
  may both make one, which costs time and changes nothing.

An error ends only the requests that need what failed. The thread itself goes on until the scheduler is closed.
"""

import atexit
import logging
import threading
from collections.abc import Sequence
from math import inf
from time import perf_counter

import torch

from model.generation import GenerationConfig, Request
from model.serving.batch import Batch, fail
from model.serving.mixture import AnyModel
from model.serving.prefix_cache import PrefixCache

SLOTS = 64  # requests that run at the same time; others wait in the queue
PIECE = 256  # characters of a prompt that are read at once, at most
SHORTEST_PIECE = 8  # and at least, since each piece costs something by itself


class Scheduler:
    """Continuous batching: requests join and leave between two steps, and no request can stop the others.

    `Batch` says which requests share a step, and why each text is the same as alone. Requests that cannot share one
    (window context, mixtures), and the reading of long prompts in pieces (prefill), take turns: together they get at
    most as much time as the shared batches, as long as there are any that write. A text grows whether or not anything
    reads it, so a slow reader delays no other request either. After Yu et al., "Orca: A Distributed Serving System for
    Transformer-Based Generative Models", 2022, section 4.1, and Agrawal et al., "Taming Throughput-Latency Tradeoff in
    LLM Inference with Sarathi-Serve", 2024, section 4.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self.slots = slots
        self._changed = threading.Condition()
        self._queue: list[Request] = []
        self._running: list[Request] = []  # those with a slot, some of which may be done
        self._closed = False
        self._batches: list[Batch] = []
        self._credit = 0.0  # seconds that may still be used for what is not a step of a shared batch
        self._seconds_per_character = 1e-3  # of a prompt, as last measured
        self._prefix_cache = PrefixCache()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # Python would end the thread in the middle of a matrix product, and abort

    def submit(
        self,
        model: AnyModel,
        prompt: str,
        config: GenerationConfig,
        own: Sequence[bool] | None = None,
        written: str = "",
    ) -> Request:
        """Ask for a text; it grows until it is done or cancelled. While all slots are taken, it waits in the queue.

        `own` and `written` are those of `Request`. RuntimeError if the scheduler is closed.
        """
        request = Request(model, prompt, config, own, written)
        with self._changed:
            if self._closed:
                raise RuntimeError("the scheduler is closed and writes no more texts")
            self._queue.append(request)
            self._changed.notify()
        return request

    def close(self) -> None:
        """Cancel every request; return when nothing is computed any more."""
        with self._changed:
            self._closed = True
            for request in (*self._queue, *self._running):
                request.cancel()
            self._changed.notify()
        self._thread.join()
        atexit.unregister(self.close)

    def queue_position(self, request: Request) -> int:
        """The position of `request` in the queue: 1 is the next to run, 0 is not in the queue."""
        with self._changed:
            return self._queue.index(request) + 1 if request in self._queue else 0

    @property
    def running(self) -> int:
        """How many slots are taken."""
        with self._changed:
            return sum(not request.done for request in self._running)

    @property
    def unfinished(self) -> int:
        """How many requests run or wait."""
        with self._changed:
            return sum(not request.done for request in (*self._running, *self._queue))

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        torch.set_flush_denormal(True)  # a setting of each thread
        while not self._closed:
            try:
                self._round()
            except Exception:  # memory can run out at any line
                logging.exception("all running requests failed")
                for request in self._running:
                    request.fail()
                self._batches = []

    def _round(self) -> None:
        """Give the free slots to the first in the queue; advance the shared batches by one step, and others in turn."""
        for request in self._admitted():
            try:
                self._assign(request)
            except Exception:  # such as a decoder that does not fit in memory
                fail(request)
        shared = [batch for batch in self._batches if batch.shared]
        others = [batch for batch in self._batches if not batch.shared]
        seconds = self._step(shared)
        # A step that was longer than its credit is paid back before the next one.
        self._credit = min(self._credit, 0) + seconds if any(batch.writing for batch in shared) else inf
        for batch in shared:
            if self._credit > 0:
                self._credit -= self._prefill(batch)
        waiting = list(others)
        while waiting and self._credit > 0:
            others = [*others[1:], others[0]]  # whose turn it was is last the next time
            batch = waiting.pop(0)
            self._credit -= self._step([batch])
            self._credit -= self._prefill(batch)
        self._batches = [batch for batch in shared + others if batch.requests]  # done requests leave at the next step

    def _step(self, batches: list[Batch]) -> float:
        """Advance batches by one step; return the seconds that it took."""
        start = perf_counter()
        for batch in batches:
            try:
                batch.step()
            except Exception:
                batch.fail()
        return perf_counter() - start

    def _prefill(self, batch: Batch) -> float:
        """Read a piece of a long prompt, if there is one in `batch`; return the seconds that it took."""
        start = perf_counter()
        affordable = min(PIECE, self._credit / self._seconds_per_character)
        try:
            characters = batch.prefill(max(SHORTEST_PIECE, int(affordable)))
        except Exception:
            batch.fail()
            return perf_counter() - start
        seconds = perf_counter() - start
        if characters:
            self._seconds_per_character = seconds / characters
        return seconds

    def _admitted(self) -> list[Request]:
        """Wait until there is something to do; take from the queue as many requests as there are free slots."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._batches or self._closed)
            queue = [request for request in self._queue if not request.done]
            running = [request for request in self._running if not request.done]
            free = self.slots - len(running)
            self._running, self._queue = running + queue[:free], queue[free:]
            return queue[:free]

    def _assign(self, request: Request) -> None:
        """Add `request` to the first batch that accepts it, or to a new one."""
        for batch in self._batches:
            if batch.accepts(request):
                return batch.join(request)
        batch = Batch(request.model, self._prefix_cache)
        batch.join(request)
        self._batches.append(batch)
        return None
