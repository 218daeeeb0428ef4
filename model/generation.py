"""Generation: the settings, the request for one text, and the loop that writes it character by character."""

import copy
import re
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.adaptation import AdaptedOutput
from model.decoder import Streams
from model.loaded import Model
from model.lstm import WINDOW, Context
from model.options import option
from model.sampling import Sampler, SamplingConfig
from model.serving.mixture import AnyModel, Mixture
from model.vocabulary import Vocabulary
from model.words import SEEN, Words

# Matches a text that ends with a sentence. Use `match`, since `search` would start again at each letter.
SENTENCE = re.compile(r"\W*\w.*[.!?…](?:\u202f?»|['\"’‘”“)\]])*[ \n]\Z", re.DOTALL)
SENTENCE_SEEN = 200  # characters at the end of a text in which a sentence can end it
LONGEST_END = 100  # characters of `until`, `avoid` and `favour`
LONGEST = 100_000  # characters in one continuation


@dataclass(frozen=True, kw_only=True)
class GenerationConfig(SamplingConfig):
    """How a continuation is written; ValueError for values outside their range."""

    length: int = option(1000, "characters to write", 1, LONGEST)
    stop: Literal["length", "sentence", "text"] = option(
        "length", "length: write all characters; sentence or text: stop sooner, at the end of a sentence or at until"
    )
    least: int = option(0, "characters to write before stop may end the text", 0, LONGEST)
    until: str = option("", "the text to stop at, if stop is text", high=LONGEST_END)
    context: Context = option("carried", "carried: the state runs on; window: each prediction sees only the last 100")
    avoid: str = option("", "words to avoid, separated by spaces or commas", high=LONGEST_END)
    favour: str = option("", "words to favour, separated by spaces or commas", high=LONGEST_END)
    seed: int = option(0, "the same seed writes the same text", 0, 2**63 - 1)
    adapt: bool = option(False, "learn from the prompt while it is read, for this text alone")
    skip: int = option(0, "number of random draws to skip, to continue an earlier text exactly", 0, 2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.adapt and self.context == "window":
            raise ValueError("adapt is for context carried: with context window only the last 100 characters count")

    def endings(self, vocabulary: Vocabulary) -> tuple[str, ...]:
        """The texts to stop at: `until` as it is, and repaired as a prompt is; none unless `stop` is text.

        A single known character is not repaired: nothing beside it tells whether a mark opens or closes. ValueError if
        the repair leaves nothing.
        """
        if self.stop != "text":
            return ()
        repaired = vocabulary.repair(self.until).text
        if not repaired:
            raise ValueError("the text to stop at is empty: type one, or stop at a length or a sentence")
        return (self.until,) if self.until in vocabulary.ids else (self.until, repaired)


def defaults(model: Model) -> dict[str, Any]:
    """The options of `GenerationConfig` that `model` was saved with."""
    return {**vars(model.sampling), "context": model.context}


def generate(model: AnyModel, prompt: str, config: GenerationConfig) -> Iterator[str]:
    """Yield up to `config.length` characters that continue `prompt`, each as soon as it is drawn.

    Any text can be a prompt: it is repaired first, and an empty one counts as the start of a line. The call has
    its own random numbers, so other random draws in the process do not change the text.
    """
    request = Request(model, prompt, config)
    reader = WindowReader(model) if config.context == "window" else CarriedReader(model, 1)
    sampler = Sampler([config])
    id = request.unread.popleft()
    while not request.done:
        logits = reader(np.array([id]))  # (1, V)
        if isinstance(reader, CarriedReader) and config.adapt:
            request.adapt(reader.hidden[0], logits[0])
        if request.unread:
            id = request.unread.popleft()
        else:
            id = int(sampler(request.adjusted(logits[0])[None], request.random.random(1))[0])
            request.add(id)
            yield request.characters[-1]


class Request:
    """A request for one text: the unread part of its prompt, the written characters, and its random numbers."""

    def __init__(
        self,
        model: AnyModel,
        prompt: str,
        config: GenerationConfig,
        own: Sequence[bool] | None = None,
        written: str = "",
        visitor: str | None = None,
    ) -> None:
        """`own` says for each character of the repaired prompt whether `adapt` learns from it; None means all of them.

        `written` is the text of a request that was cut off: the new request continues that text exactly. `visitor`
        identifies the visitor who asks; None means the program itself.
        """
        vocabulary = model.vocabulary
        ids = vocabulary.encode(vocabulary.repair(prompt).text).tolist() or [vocabulary.start]
        if config.adapt and isinstance(model, Mixture):
            raise ValueError("adapt is for one model: it cannot be used with a mixture of two")
        written = "".join(character for character in written if character in vocabulary.ids)
        own = [True] * len(ids) if own is None else own
        ids += vocabulary.encode(written).tolist()
        self.model, self.config = model, config
        self.prompt = prompt
        self.own = [*own, *([False] * (len(ids) - len(own)))]
        self.ids = ids  # of the prompt and of the written characters
        self.unread = deque(ids[-WINDOW:] if config.context == "window" else ids)
        self.endings = config.endings(vocabulary)
        self.characters = list(written)
        self.words = Words(vocabulary, config.avoid, config.favour)
        # For a mixture: the probability, from 0 to 1, that each new character came from the second model.
        self.responsibilities: list[float] = []
        bits = np.random.PCG64(config.seed)
        self.random = np.random.Generator(bits.advance(config.skip + len(written)))  # one number for each character
        self.visitor, self.asked_at = visitor, monotonic()
        self.given = self.counted = len(written)  # characters given at the start; characters counted in the figures
        self.cancelled = self.failed = False
        self._lock = threading.Lock()  # `add` and `cancel` exclude each other

    def add(self, id: int, responsibility: float | None = None) -> None:
        """Append one written character, unless the text was ended in the meantime."""
        self.ids.append(id)
        with self._lock:
            if self.cancelled:
                return
            self.characters.append(self.model.vocabulary.characters[id])
            if responsibility is not None:
                self.responsibilities.append(responsibility)
        if self.whole:
            self.cancel()

    @property
    def whole(self) -> bool:
        """Whether the text has reached the end that the request asks for."""
        if len(self.characters) >= self.config.length:
            return True
        if len(self.characters) < self.config.least:
            return False
        if self.config.stop == "sentence":
            return SENTENCE.match("".join(self.characters[-SENTENCE_SEEN:])) is not None
        return any(self.characters[-len(ending) :] == list(ending) for ending in self.endings)

    @cached_property
    def output(self) -> AdaptedOutput:
        """The output layer of this text, which learns from its prompt; only for `adapt`."""
        assert isinstance(self.model, Model)
        return AdaptedOutput(self.model.network.output)

    def adapt(self, hidden: Tensor, logits: NDArray[np.float32]) -> None:
        """Learn from the next character of the prompt, or, after the prompt, overwrite `logits` (V,) by adapted ones.

        `hidden` (H,) is the input of the output layer. The layer does not learn from the written characters: the model
        would learn its own mannerisms, and repeat a few words after some thousand characters.
        """
        if not self.unread:
            logits[:] = self.output.logits(hidden).numpy()
        elif self.own[len(self.ids) - len(self.unread)]:
            self.output.add(hidden, self.unread[0])

    @property
    def text(self) -> str:
        """What is written so far."""
        return "".join(self.characters)

    @property
    def done(self) -> bool:
        """Whether the text is finished. Once this is true, `text` does not change."""
        return self.cancelled or len(self.characters) >= self.config.length

    @property
    def remaining(self) -> int:
        """How many characters are still to be read or written, at most."""
        return len(self.unread) + max(0, self.config.length - len(self.characters))

    def adjusted(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the `logits` (V,) of the next character, changed by the words to avoid and to favour."""
        if not self.words:
            return logits
        return logits + self.words.added(self.model.vocabulary.decode(self.ids[-SEEN:]))

    def cancel(self) -> None:
        """End the text where it is; may be called from any thread."""
        with self._lock:
            self.cancelled = True

    def again(self) -> "Request":
        """Return a new request that continues the text of this one exactly; this one was cancelled before its end."""
        again = Request(self.model, self.prompt, self.config, self.own, self.text, self.visitor)
        again.responsibilities = list(self.responsibilities)
        return again

    def fail(self) -> None:
        """End the text because of an error; a text that is complete has not failed."""
        with self._lock:
            self.failed = not self.done
            self.cancelled = True

    @property
    def batchable(self) -> bool:
        """Whether the text is the same in every batch: the model is exact, and the request needs only one stream."""
        return self.config.context == "carried" and self.model.decoder.exact


class CarriedReader:
    """Reads streams whose state is carried from character to character."""

    def __init__(self, model: AnyModel, B: int) -> None:
        self.streams = model.decoder.streams(B)

    def reorder(self, keep: Sequence[int], fresh: int) -> "CarriedReader":
        """Return a reader of the streams `keep`, in this order, followed by `fresh` new streams in the zero state."""
        reordered = copy.copy(self)
        reordered.streams = self.streams.reorder(keep, fresh)
        return reordered

    @property
    def responsibilities(self) -> NDArray[Any] | None:
        """For a mixture: the probability (B, V) that each possible next character comes from the second model."""
        return self.streams.responsibilities

    @property
    def hidden(self) -> Tensor:
        """The last input of the output layer (B, H)."""
        assert isinstance(self.streams, Streams)
        return torch.from_numpy(self.streams.output_input)

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read `ids` (B,); return the logits (B, V) of the next characters."""
        return self.streams.step(ids)


class WindowReader:
    """Reads one stream; every prediction sees only the last `WINDOW` characters, from a zero state.

    Reading the whole window again would cost `WINDOW` steps for each character. Instead, each of `WINDOW` streams reads
    a window that begins one character later than the one before. All of them read the next character in one step, and
    the stream whose window is full then gives the prediction.
    """

    def __init__(self, model: AnyModel) -> None:
        self.streams = model.decoder.streams(WINDOW)
        self.position = 0  # how many characters are read

    def reorder(self, *_: object) -> "WindowReader":
        """Return the reader itself: it serves one request only, so there is nothing to reorder."""
        return self

    @property
    def _full(self) -> slice:
        """The stream that has read the most."""
        full = max(0, self.position - WINDOW) % WINDOW
        return slice(full, full + 1)

    @property
    def responsibilities(self) -> NDArray[Any] | None:
        """As `CarriedReader.responsibilities`, (1, V)."""
        return self.streams.responsibilities

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read `ids` (1,); return the logits (1, V) of the next character."""
        self.streams.restart(self.position % WINDOW)  # the stream whose window begins with this character
        self.position += 1
        return self.streams.step(ids, self._full)
