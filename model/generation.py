"""Writing on from a prompt, one character at a time: one text, or many of one model side by side."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model.checkpoint import WINDOW, Checkpoint, Context
from model.memory import Memory
from model.mixture import Model
from model.options import option
from model.sampling import Sampler, SamplingConfig

SENTENCE = re.compile(r"\w.*[.!?…]['\"’”)]*\s\Z", re.DOTALL)  # a text that has just ended one
LONGEST_END = 100  # characters of a text to stop with
LONGEST = 100_000  # characters in one continuation


@dataclass(frozen=True, kw_only=True)
class GenerationConfig(SamplingConfig):
    """How a continuation is written; ValueError for values outside their range."""

    length: int = option(1000, "characters to write", 1, LONGEST)
    stop: Literal["length", "sentence", "text"] = option(
        "length", "end sooner: with a sentence, or with a text (until)"
    )
    until: str = option("", "the text to end with, where stop is text", high=LONGEST_END)
    context: Context = option("carried", "carry the state on, or let every prediction see the last 100 characters")
    seed: int = option(0, "the same seed writes the same text", 0, 2**63 - 1)
    skip: int = option(0, "random numbers to pass over: as many as a text has characters that goes on", 0, 2**63 - 1)


def defaults(checkpoint: Checkpoint) -> dict[str, Any]:
    """The options of `GenerationConfig` that `checkpoint` was saved with."""
    return {**vars(checkpoint.sampling), "context": checkpoint.context}


def generate(model: Model, prompt: str, config: GenerationConfig) -> Iterator[str]:
    """Yield `config.length` characters that continue `prompt`, each as soon as it is drawn.

    Any text will do as a prompt: it is repaired first, and an empty one stands for the start of a line. The random
    numbers are this call's own, so that what others draw in the same process changes nothing.
    """
    writer = Writer(model, prompt, config)
    batch = Batch(model)
    batch.join(writer)
    while not writer.done:
        written = len(writer.characters)
        batch.step()
        yield from writer.characters[written:]


class Writer:
    """One text on its way: what it has still to read, what it has written, and how it draws what comes next."""

    def __init__(self, model: Model, prompt: str, config: GenerationConfig) -> None:
        vocabulary = model.vocabulary
        ids = vocabulary.encode(vocabulary.repair(prompt).text).tolist() or [vocabulary.start]
        self.model, self.config = model, config
        self.ids = ids[-WINDOW:] if config.context == "window" else ids  # of the prompt, and then of what is written
        self.unread = deque(self.ids)
        self.characters: list[str] = []
        self.shares: list[float] = []  # of a mixture: how much of each character's chance was the second model's
        bits = np.random.PCG64(config.seed)
        self.random = np.random.Generator(bits.advance(config.skip))  # one number for each character
        self.cancelled = self.failed = False

    def add(self, id: int) -> None:
        """Write one more character."""
        self.ids.append(id)
        self.characters.append(self.model.vocabulary.characters[id])
        if self.config.stop != "length":
            end = "".join(self.characters[-2 * LONGEST_END :])
            if SENTENCE.search(end) if self.config.stop == "sentence" else end.endswith(self.config.until or "\0"):
                self.cancel()

    @property
    def text(self) -> str:
        """What is written so far."""
        return "".join(self.characters)

    @property
    def done(self) -> bool:
        """Whether it will write no more."""
        return self.cancelled or len(self.characters) == self.config.length

    def cancel(self) -> None:
        """End it where it is."""
        self.cancelled = True

    @property
    def sociable(self) -> bool:
        """Whether it writes the same in any company: its numbers are exact, and it needs one stream alone."""
        return self.config.context == "carried" and self.model.decoder.exact


class Batch:
    """Writers of one model who advance together, by one character in each step.

    What one of them writes depends on nothing but its own prompt and settings: its random numbers are its own, and its
    logits are the same in any company, since only writers whose numbers are exact (see `Decoder`) share a batch. Any
    other has one to itself.
    """

    def __init__(self, model: Model, memory: Memory | None = None) -> None:
        """Without a `memory` shared with others, every prompt is read from its beginning."""
        self.model, self.memory = model, memory
        self.writers: list[Writer] = []
        self.joining: list[Writer] = []  # with the next step
        self.reader: _Carried | _Window = _Carried(model)
        self.ids = np.zeros(0, dtype=np.int64)  # of the character that each has just written

    @property
    def everyone(self) -> list[Writer]:
        """Those who write, and those who will with the next step."""
        return [*self.writers, *self.joining]

    def welcomes(self, writer: Writer) -> bool:
        """Whether `writer` may join."""
        everyone = [*self.everyone, writer]
        return writer.model is self.model and (len(everyone) == 1 or all(w.sociable for w in everyone))

    @property
    def writing(self) -> int:
        """How many have more to write."""
        return sum(not writer.done for writer in self.everyone)

    def join(self, writer: Writer) -> None:
        """Let `writer` in, who is welcome."""
        self.joining.append(writer)

    def step(self) -> None:
        """Let those go who are done; then read a character for each, and write one for who has read its prompt."""
        if self.joining or any(writer.done for writer in self.writers):
            self._regroup()
        if not self.writers:
            return
        for b, writer in enumerate(self.writers):
            if writer.unread:
                if len(writer.unread) == 1:
                    self._remember(b, writer)  # others may begin here, or the same one once more
                self.ids[b] = writer.unread.popleft()
        logits = self.reader(self.ids)
        writing = [(b, writer) for b, writer in enumerate(self.writers) if not writer.unread]
        if not writing:
            return
        random = np.zeros(len(self.writers))
        for b, writer in writing:
            random[b] = writer.random.random()
        self.ids = self.sampler(logits, random)
        shares = self.reader.shares
        for b, writer in writing:
            if shares is not None:
                writer.shares.append(float(shares[b, self.ids[b]]))
            writer.add(int(self.ids[b]))

    def _regroup(self) -> None:
        keep = [b for b, writer in enumerate(self.writers) if not writer.done]
        for b, writer in enumerate(self.writers):
            if writer.done:
                self._remember(b, writer)
        if any(writer.config.context == "window" for writer in self.joining):
            self.reader = _Window(self.model)
        self.reader.regroup(keep, len(self.joining))
        self.ids = np.concatenate((self.ids[keep], np.zeros(len(self.joining), dtype=np.int64)))
        self.writers = [*(self.writers[b] for b in keep), *self.joining]
        for b, writer in enumerate(self.joining, start=len(keep)):
            self._recall(b, writer)
        self.joining = []
        self.sampler = Sampler([writer.config for writer in self.writers])

    def _remember(self, b: int, writer: Writer) -> None:
        if self.memory and isinstance(self.reader, _Carried):
            read = writer.ids[: len(writer.ids) - max(1, len(writer.unread))]  # what was written last is not yet read
            self.memory.keep(self.model, read, self.reader.streams.state_of(b))

    def _recall(self, b: int, writer: Writer) -> None:
        if self.memory and isinstance(self.reader, _Carried):
            known, state = self.memory.recall(self.model, writer.ids)
            if known:
                self.reader.streams.take_up(b, state)
                writer.unread = deque(writer.ids[known:])


class _Carried:
    """The state runs on from character to character."""

    def __init__(self, model: Model) -> None:
        self.streams = model.decoder.streams(0)

    def regroup(self, keep: Sequence[int], fresh: int) -> None:
        self.streams = self.streams.regroup(keep, fresh)

    @property
    def shares(self) -> NDArray[Any] | None:
        """Of a mixture: the second model's part in each character that may come next (B, V)."""
        return self.streams.shares

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.streams.step(ids)


class _Window:
    """Every prediction sees just the last `WINDOW` characters, from a zero state.

    Read anew for each prediction, that is `WINDOW` steps a character. Here all the windows that hold the next character
    are read on together, as the streams of one step; the one that is then full gives the prediction.
    """

    def __init__(self, model: Model) -> None:
        self.streams = model.decoder.streams(WINDOW)
        self.position = 0  # how many characters are read

    def regroup(self, keep: Sequence[int], fresh: int) -> None:
        """Its one writer comes, or goes."""

    @property
    def _full(self) -> slice:
        """The stream that has read the longest."""
        full = max(0, self.position - WINDOW) % WINDOW
        return slice(full, full + 1)

    @property
    def shares(self) -> NDArray[Any] | None:
        """As `_Carried.shares`."""
        return None if self.streams.shares is None else self.streams.shares[self._full]

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        self.streams.restart(self.position % WINDOW)  # whose window begins with this character
        self.position += 1
        return self.streams.step(ids)[self._full]
