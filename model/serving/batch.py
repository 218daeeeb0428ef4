"""Continuous batching: requests of the same networks that advance together, by one character in each step."""

import logging
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.generation import CarriedReader, Request, WindowReader
from model.sampling import Sampler
from model.serving.mixture import AnyModel, MixedStreams, Mixture, networks
from model.serving.prefix_cache import PrefixCache

LONG = 16  # characters; a prompt with more unread characters is read in pieces (prefill)


class Batch:
    """Requests of one model, or of mixtures of one pair, that advance together, by one character in each step.

    The text of a request depends only on its own prompt and settings. Each request has its own random numbers. Its
    logits are the same in every batch, because only batchable requests share one: those with carried context and an
    exact decoder (see `Decoder`). Any other request has a batch to itself.
    """

    def __init__(self, model: AnyModel, prefix_cache: PrefixCache | None = None) -> None:
        """Without a `prefix_cache`, every prompt is read from its beginning."""
        self.model, self.networks, self.prefix_cache = model, networks(model), prefix_cache
        self.spent = 0.0  # seconds of costly work; kept by the scheduler
        self.running: list[Request] = []
        self.joining: list[Request] = []  # with the next step
        self.reader: CarriedReader | WindowReader = CarriedReader(model, 0)
        self.ids = np.zeros(0, dtype=np.int64)  # (B,): the last character of each running request

    @property
    def requests(self) -> list[Request]:
        """All requests: those that run, and those that join with the next step."""
        return [*self.running, *self.joining]

    def accepts(self, request: Request) -> bool:
        """Whether `request` may join."""
        requests = [*self.requests, request]
        same = networks(request.model) is self.networks
        return same and (len(requests) == 1 or all(r.batchable for r in requests))

    @property
    def shared(self) -> bool:
        """Whether the batch advances in every round: all its requests are batchable, and its model is not a mixture."""
        return not isinstance(self.model, Mixture) and all(request.batchable for request in self.requests)

    @property
    def writing(self) -> bool:
        """Whether any request is decoding or has at most `LONG` unread characters in its prompt."""
        return any(len(request.unread) <= LONG and not request.done for request in self.running)

    @property
    def reading(self) -> bool:
        """Whether `prefill` has something to read."""
        return bool(self._long_prompts)

    @property
    def _long_prompts(self) -> list[tuple[int, Request]]:
        """The requests for `prefill`, each with its place in the batch."""
        if isinstance(self.reader, WindowReader) or not self.model.decoder.exact:
            return []
        return [
            (b, request)
            for b, request in enumerate(self.running)
            if len(request.unread) > LONG and not request.done and not request.config.adapt
        ]

    @property
    def empty(self) -> bool:
        """Whether the batch has no requests left."""
        return not self.requests

    def join(self, request: Request) -> None:
        """Add a request that the batch accepts."""
        self.joining.append(request)

    def step(self) -> None:
        """Remove the requests that are done; read one character of each other, and write one if its prompt is read.

        An error that concerns a single request ends only that request. Any other error is raised.
        """
        if self.joining:
            self._admit()
        if any(request.done for request in self.running):
            self._reorder()
        if not self.running:
            return
        for b, request in enumerate(self.running):
            if request.unread:
                if len(request.unread) == 1:
                    self._save_prefix(b, request)  # another request with this prompt can continue from here
                self.ids[b] = request.unread.popleft()
        logits = self.reader(self.ids)
        self._adapt(logits)
        decoding = [(b, request) for b, request in enumerate(self.running) if not request.unread]
        if not decoding:
            return
        random = np.zeros(len(self.running))
        for b, request in decoding:
            random[b] = request.random.random()
            if request.words:
                logits[b] = request.adjusted(logits[b])
        self.ids = self.sampler(logits, random)
        responsibilities = self.reader.responsibilities
        for b, request in decoding:
            try:
                request.add(
                    int(self.ids[b]), None if responsibilities is None else float(responsibilities[b, self.ids[b]])
                )
            except Exception:
                fail(request)

    def prefill(self, characters: int) -> int:
        """Read at most `characters` characters of one long prompt, that with the fewest unread; return how many.

        A prefill takes less time than the same number of steps, and gives the same state bit for bit. It leaves the
        last character of a prompt to `step`. It skips requests with `adapt`, which need the hidden state after every
        character. It reads nothing (0) with window context or with a decoder that is not exact.
        """
        prompts = self._long_prompts
        if not prompts:
            return 0
        b, request = min(prompts, key=lambda prompt: len(prompt[1].unread))
        ids = [request.unread.popleft() for _ in range(min(characters, len(request.unread) - 1))]
        try:
            self.reader.streams.prefill(b, np.array(ids))
        except Exception:
            fail(request)
        return len(ids)

    def _adapt(self, logits: NDArray[np.float32]) -> None:
        """For each request with `adapt`: learn from its prompt, or write its own logits into `logits` (B, V)."""
        adapting = [(b, request) for b, request in enumerate(self.running) if request.config.adapt]
        if adapting and isinstance(self.reader, CarriedReader):
            hidden = self.reader.hidden
            for b, request in adapting:
                try:
                    request.adapt(hidden[b], logits[b])
                except Exception:
                    fail(request)

    def fail(self) -> None:
        """End all requests because of the error that is being handled."""
        for request in self.requests:
            fail(request)
        self.running, self.joining = [], []

    def _admit(self) -> None:
        """Let the joining requests run; if an error prevents this for all together, try each one alone."""
        joining, self.joining = self.joining, []
        try:
            self._reorder(joining)
        except Exception:
            for request in joining:
                try:
                    self._reorder([request])
                except Exception:
                    fail(request)

    def _reorder(self, joining: Sequence[Request] = ()) -> None:
        """Remove the requests that are done, and let `joining` run; an exception leaves the batch unchanged."""
        for b, request in enumerate(self.running):
            if request.done:
                self._save_prefix(b, request)
        keep = [b for b, request in enumerate(self.running) if not request.done]
        reader = self.reader.reorder(keep, len(joining))
        if any(request.config.context == "window" for request in joining):
            reader = WindowReader(joining[0].model)  # a request with window context has a batch to itself
        running = [*(self.running[b] for b in keep), *joining]
        for b, request in enumerate(joining, start=len(keep)):
            self._load_prefix(reader, b, request)
            if isinstance(reader.streams, MixedStreams) and isinstance(request.model, Mixture):
                reader.streams.weights[b] = request.model.weight
        sampler = Sampler([request.config for request in running])
        ids = np.concatenate((self.ids[keep], np.zeros(len(joining), dtype=np.int64)))
        self.reader, self.running, self.sampler, self.ids = reader, running, sampler, ids

    def _save_prefix(self, b: int, request: Request) -> None:
        if self.prefix_cache and isinstance(self.reader, CarriedReader) and not request.failed:
            read = request.ids[: len(request.ids) - max(1, len(request.unread))]  # the last written id is not read yet
            self.prefix_cache.put(self.networks, read, self.reader.streams.save_state(b))

    def _load_prefix(self, reader: CarriedReader | WindowReader, b: int, request: Request) -> None:
        # A request that adapts must read its whole prompt, because it learns while it reads.
        if self.prefix_cache and isinstance(reader, CarriedReader) and not request.config.adapt:
            length, state = self.prefix_cache.longest(self.networks, request.ids)
            if length:
                reader.streams.load_state(b, state)
                request.unread = deque(request.ids[length:])


def fail(request: Request) -> None:
    """End a request because of the error that is being handled, and log the error."""
    if not request.done:
        logging.exception("a request failed")
    request.fail()
