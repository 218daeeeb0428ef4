"""The scheduler: one thread that writes all texts at the same time, in rounds of at most one character for each text.

Which thread owns what:

- Only the scheduler's thread uses the batches, the prefix cache and, of each request with a slot, the ids, the random
  numbers and the unread part of the prompt. None of these has a lock.
- The queue and the running requests are shared. `Scheduler._changed` is their lock.
- The text of a request is shared: the scheduler's thread appends to it, and any thread may read it at any time. Each
  request has a lock, so that `cancel` and an append cannot happen at the same time. So once `done` is true, the text is
  complete: read `done` first, then `text`.
- A model is shared and never changes. Its decoder is made at the first use. Two threads that need it at the same moment
  may both make one, which costs time and changes nothing.

An error ends only the requests that it concerns. The thread itself runs until the scheduler is closed.
"""

import atexit
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from math import inf
from operator import attrgetter, itemgetter
from time import monotonic, perf_counter
from typing import Any, TypeVar

import torch

from model.generation import GenerationConfig, Request
from model.serving.batch import Batch, fail
from model.serving.figures import Figures, prometheus
from model.serving.limits import LimitError, Limits
from model.serving.mixture import AnyModel
from model.serving.prefix_cache import PrefixCache
from model.serving.work import Pieces, Work

WORKERS = 3  # computations (`Work`) that run at the same time; others wait
WORKERS_OF_VISITOR = 2  # most of these for one visitor
COSTLY = 0.5  # most seconds of costly work for each second of the shared batches, while these write
PIECE = 256  # most characters of one prefill
SHORTEST_PIECE = 8  # fewest characters of one prefill, because each prefill has a fixed cost

DEFAULT = Limits()
Job = TypeVar("Job", Request, Work)


class Scheduler:
    """Continuous batching: requests join and leave between two steps, and no request can stop the others.

    `Batch` says which requests share a step, and why each text is the same as alone. The shared batches advance in
    every round. All other work is costly: requests with window context, a mixture or a decoder that is not exact, the
    prefill of long prompts, and other computations (`Work`). Together they get at most half as much time as the shared
    batches, as long as one of these is writing. Among themselves they get equal time (start-time fair queueing). A free
    slot goes to the visitor with the fewest slots, and `Limits` says how much each visitor may ask for. A text grows
    whether or not a client reads it, so a slow client delays no other request. Sources: Yu et al., "Orca: A Distributed
    Serving System for Transformer-Based Generative Models", 2022, section 4.1; Agrawal et al., "Taming
    Throughput-Latency Tradeoff in LLM Inference with Sarathi-Serve", 2024, section 4; and Goyal et al., "Start-time
    Fair Queuing", 1996, section 2.
    """

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self.limits = limits
        self.figures = Figures()
        self._changed = threading.Condition()
        self._queue: list[Request] = []
        self._running: list[Request] = []  # requests with a slot; some may be done
        self._work_queue: list[Work] = []
        self._working: list[Work] = []
        self._closed = False
        self._turns: list[Batch | Work] = []  # batches and computations that still have something to do
        self._credit = 0.0  # seconds that costly work may still take; negative if it took too many
        self._spent = 0.0  # `spent` of the costly work that had the last turn, before that turn
        self._seconds_per_character = 1e-3  # of a prefill, as last measured
        self._prefix_cache = PrefixCache(self.limits.prefix_cache)
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # else Python ends the thread during a matrix product and aborts

    def submit(
        self,
        model: AnyModel,
        prompt: str,
        config: GenerationConfig,
        own: Sequence[bool] | None = None,
        written: str = "",
        visitor: str | None = None,
    ) -> Request:
        """Return a new request; it waits in the queue for a slot, then its text grows until it is done or cancelled.

        `own` and `written` are those of `Request`; `visitor` is who asks, None for the program itself. LimitError if
        the request exceeds a limit, RuntimeError if the scheduler is closed.
        """
        request = Request(model, prompt, config, own, written, visitor)
        self.enqueue(request)
        return request

    def enqueue(self, request: Request) -> None:
        """Put a request that has not run into the queue; the errors are those of `submit`."""
        with self._changed:
            self._open()
            others = [other for other in (*self._queue, *self._running) if not other.done]
            self._admit("texts", request, others, [1] * (len(others) + 1))
            self._admit("characters", request, others, [other.remaining for other in (*others, request)])
            self._queue.append(request)
            self._changed.notify()

    def compute(
        self, pieces: Pieces[Any], visitor: str | None = None, failed: Callable[[Exception], None] = lambda _: None
    ) -> Work:
        """Return a new computation in pieces, which takes turns with the texts; see `Work` for `failed`.

        LimitError if it exceeds a limit, RuntimeError if the scheduler is closed.
        """
        work = Work(pieces, visitor, failed)
        with self._changed:
            self._open()
            others = [other for other in (*self._work_queue, *self._working) if not other.done]
            self._admit("analyses", work, others, [1] * (len(others) + 1))
            self._work_queue.append(work)
            self._changed.notify()
        return work

    def _open(self) -> None:
        if self._closed:
            raise RuntimeError("the scheduler is closed and writes no more texts")

    def _admit(self, limit: str, new: Job, others: Sequence[Job], amounts: Sequence[int]) -> None:
        """Raise LimitError, and count the refusal, if `new` and `others` together exceed `limit`.

        `amounts` has a number for each of `others`, and then one for `new`.
        """
        visitors = [*(other.visitor for other in others), new.visitor]
        of_visitor = sum(n for visitor, n in zip(visitors, amounts, strict=True) if visitor == new.visitor)
        try:
            self.limits.admit(limit, sum(amounts), None if new.visitor is None else of_visitor)
        except LimitError as error:
            self.figures.refusals[error.limit] += 1
            raise

    def close(self) -> None:
        """Cancel every request and computation; return when the thread has ended."""
        with self._changed:
            self._closed = True
            jobs: list[Request | Work] = [*self._queue, *self._running, *self._work_queue, *self._working]
            for job in jobs:
                job.cancel()
            self._changed.notify()
        self._thread.join()
        atexit.unregister(self.close)

    def queue_position(self, request: Request) -> int:
        """The position of `request` in the queue: 1 is the next to run, 0 is not in the queue."""
        with self._changed:
            order = [waiting for _, waiting in in_turn(self._queue, self._running)]
            return order.index(request) + 1 if request in order else 0

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

    @property
    def healthy(self) -> bool:
        """Whether the thread is alive and no text waits too long (see `Figures.stalled`)."""
        with self._changed:
            asked = [request.asked_at for request in (*self._queue, *self._running) if not request.done]
        return not self.figures.stalled(min(asked, default=None)) and self._thread.is_alive()

    def metrics(self) -> str:
        """The figures for Prometheus."""
        with self._changed:
            queue = sum(not request.done for request in self._queue)
            analyses = sum(not work.done for work in (*self._work_queue, *self._working))
        return prometheus(self.figures, queue, self.running, self.limits.slots, analyses)

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        torch.set_flush_denormal(True)  # torch has this setting for each thread
        while not self._closed:
            try:
                self._round()
            except Exception:  # memory can run out at any line
                logging.exception("all running requests failed")
                jobs: list[Request | Work] = [*self._running, *self._working]
                for job in jobs:
                    job.fail()
                self._turns = []

    def _round(self) -> None:
        """Fill the free slots from the queue; advance each shared batch by one step; give costly work its turns."""
        for request in self._admitted():
            try:
                self._assign(request)
            except Exception:  # such as a decoder that does not fit in memory
                fail(request)
        shared = [batch for batch in self._turns if batch.shared]
        seconds = self._step(shared)
        # Costly work that took longer than its credit leaves a debt, which delays the next costly work.
        self._credit = min(self._credit, 0) + COSTLY * seconds if any(batch.writing for batch in shared) else inf
        costly = [batch for batch in self._turns if batch.reading or not batch.shared]
        for batch in sorted(costly, key=attrgetter("spent")):
            if self._credit <= 0:
                break
            self._credit -= self._turn(batch)
            if self._credit == inf:
                break  # the next turn may again be of the same batch, if it has spent the least
        self._turns = [batch for batch in self._turns if not batch.empty]  # done requests leave at the next step
        self._count()

    def _turn(self, batch: Batch | Work) -> float:
        """Give costly work its turn; return the seconds that it took."""
        self._spent = max(self._spent, batch.spent)  # new or idle work gets nothing for the past
        seconds = (0.0 if batch.shared else self._step([batch])) + self._prefill(batch)
        batch.spent = self._spent + seconds
        return seconds

    def _count(self) -> None:
        """Count the characters that this round wrote."""
        written = 0
        for request in self._running:
            new = len(request.characters) - request.counted
            if new and request.counted == request.given:
                self.figures.began(monotonic() - request.asked_at)
            request.counted += new
            written += new
        if written:
            self.figures.wrote(written)

    def _step(self, batches: Sequence[Batch | Work]) -> float:
        """Advance batches by one step; return the seconds that it took."""
        start = perf_counter()
        for batch in batches:
            try:
                batch.step()
                if isinstance(batch, Batch) and batch.running:  # each of these has read or written a character
                    self.figures.last_progress = monotonic()
            except Exception:
                batch.fail()
        return perf_counter() - start

    def _prefill(self, batch: Batch | Work) -> float:
        """Read a piece of a long prompt, if there is one in `batch`; return the seconds that it took."""
        if isinstance(batch, Work):
            return 0.0
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
        """Wait until there is something to do; give the free slots to requests of the queue, and return these."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._work_queue or self._turns or self._closed)
            slots, of_visitor = self.limits.slots, self.limits.visitor_slots
            started, self._running, self._queue = admitted(self._queue, self._running, slots, of_visitor)
            work, self._working, self._work_queue = admitted(
                self._work_queue, self._working, WORKERS, WORKERS_OF_VISITOR
            )
            self._turns += work
            return started

    def _assign(self, request: Request) -> None:
        """Add `request` to the first batch that accepts it, or to a new one."""
        for batch in self._turns:
            if isinstance(batch, Batch) and batch.accepts(request):
                return batch.join(request)
        batch = Batch(request.model, self._prefix_cache)
        batch.join(request)
        self._turns.append(batch)
        return None


def in_turn(queue: Sequence[Job], running: Sequence[Job]) -> list[tuple[int, Job]]:
    """The jobs of the queue in the order in which they get a slot, each with its rank.

    The rank of a job is how many jobs its visitor has: those that run, those before it in the queue, and itself. The
    lowest rank comes first; jobs of equal rank keep the order of the queue.
    """
    have = Counter(job.visitor for job in running if not job.done)
    ranked = []
    for job in queue:
        have[job.visitor] += 1
        ranked.append((have[job.visitor], job))
    return sorted(ranked, key=itemgetter(0))


def admitted(
    queue: Sequence[Job], running: Sequence[Job], slots: int, of_visitor: int
) -> tuple[list[Job], list[Job], list[Job]]:
    """The jobs of the queue that get a free slot, then all jobs that run, and then all that still wait.

    A visitor has at most `of_visitor` slots. Jobs that are done are left out.
    """
    waiting = [job for job in queue if not job.done]
    busy = [job for job in running if not job.done]
    free = slots - len(busy)
    if not waiting or free <= 0:
        return [], busy, waiting
    allowed = [job for rank, job in in_turn(waiting, busy) if job.visitor is None or rank <= of_visitor]
    started = allowed[:free]
    return started, busy + started, [job for job in waiting if job not in started]
