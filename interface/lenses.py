"""The lenses: endpoints that return what a model computes for each character of a text, as it was typed."""

import asyncio
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Generator, Hashable
from inspect import signature
from itertools import pairwise
from typing import Any, TypeVar, get_args

import gradio as gr
import torch
from gradio.events import api
from torch import Tensor

from interface.listening import PATIENCE, Listening, endpoint_for, within_limits
from interface.models import Models
from interface.visitor import checked, named, place, refusal, sound
from interface.writing import Share
from model.about import title_of
from model.analysis.alignment import align
from model.analysis.inspection import Activity, Reading, activity, reading
from model.analysis.saliency import saliency
from model.analysis.stepping import stepping
from model.analysis.units import features, find_units
from model.copying import RUN, pieces, share_new
from model.generation import GenerationConfig, defaults, generate
from model.serving.scheduler import Scheduler
from model.serving.work import Pieces

PIECE = 3_000  # characters of one request, at most; the page sends a longer text piece by piece
BEFORE = 1_000  # characters before a piece or a place that are read with it
OWN = 3_000  # characters that a model writes for the search for neurons with a meaning
FOLLOWS = 0.2  # a neuron has a meaning if the size of its correlation is at least this
POLL = 0.02  # seconds between two checks of a running analysis
TOLD = 0.2  # seconds between two progress messages, at least
STEPPED = 60  # characters that are stepped through
SHOWN = 12  # neurons whose gates are shown at once

Answer = dict[str, Any]
Analysis = TypeVar("Analysis", Reading, Activity)

# ---- from the model's characters to the visitor's --------------------------------------------------------------------


def summed(values: Tensor, places: list[int]) -> list[float]:
    """For each typed character, the sum over its characters in the repaired text, which begin at `places`."""
    sums = torch.cat((torch.zeros(1), values.double().cumsum(0)))
    return [round((sums[end] - sums[begin]).item(), 2) for begin, end in pairwise(places)]


def last_of(values: Tensor, places: list[int]) -> list[float]:
    """For each typed character, the value at its last character in the repaired text, or before it if it has none."""
    if not len(values):
        return [0.0] * (len(places) - 1)
    return [round(values[max(0, end - 1)].item(), 2) for end in places[1:]]


class Piece:
    """A piece of a text with the text before it, and their alignment with the repaired text that a model reads."""

    def __init__(self, text: Any, before: Any) -> None:
        sound(text, "a piece of text", most=PIECE)
        sound(before, "the text before it", most=BEFORE)
        self.whole, self.skip = before + text, len(before)

    def places(self, repaired: str) -> list[int]:
        """For each character of the piece, and for its end, the place in `repaired` where its replacement begins."""
        return align(self.whole, repaired)[self.skip :]


def begun(models: Models, name: Any) -> str:
    """The opening that a model reads before a story, without its first character, which `reading` adds by itself."""
    return named(models, name).opening[1:]


class Minds:
    """Analyses of texts by models. The latest are cached for all visitors, up to `most` bytes.

    Only the scheduler's thread may use this class.
    """

    def __init__(self, models: Models, most: int) -> None:
        self.models, self.most, self.bytes = models, most, 0
        self.found: dict[str, list[dict[str, Any]]] = {}  # neurons with a meaning, by model
        self._kept: OrderedDict[tuple[Hashable, ...], tuple[Any, int]] = OrderedDict()  # an analysis, and its bytes
        self._looking: set[str] = set()

    def read(self, name: str, text: str, adapt: bool = False) -> Pieces[Reading]:
        """What a model predicts in a text."""
        pieces = reading(self.models[name], text, adapt)
        return (yield from self._once((name, text, adapt), pieces, lambda found: found.expected.nbytes))

    def active(self, name: str, text: str) -> Pieces[Activity]:
        """What the neurons of a model do in a text."""
        pieces = activity(self.models[name], text)
        return (yield from self._once((name, text), pieces, lambda found: found.hidden.nbytes))

    def _once(
        self, key: tuple[Hashable, ...], pieces: Pieces[Analysis], size: Callable[[Analysis], int]
    ) -> Pieces[Analysis]:
        """The analysis of that key if it is kept; else compute it from `pieces`, and keep it."""
        if key not in self._kept:
            found = yield from pieces
            self._keep(key, found, size(found))
            return found
        self._kept.move_to_end(key)
        kept: Analysis = self._kept[key][0]
        return kept

    def _keep(self, key: tuple[Hashable, ...], found: Any, size: int) -> None:
        for gone in [kept for kept in self._kept if kept[0] not in self.models]:  # private models that were deleted
            self.bytes -= self._kept.pop(gone)[1]
        self.found = {name: neurons for name, neurons in self.found.items() if name in self.models}
        self.bytes += size - self._kept.get(key, (None, 0))[1]
        self._kept[key] = found, size
        while self.bytes > self.most:
            _, (_, dropped) = self._kept.popitem(last=False)
            self.bytes -= dropped

    def look_for_neurons(self, name: str) -> Pieces[None]:
        """Fill `found` for a model; yield the progress, from 0 to 1, or None. A later call waits for the first one."""
        while name in self._looking:
            yield 0.0
        if name not in self.found:
            self._looking.add(name)
            try:
                yield from self._look(name)
            finally:
                self._looking.discard(name)

    def _look(self, name: str) -> Pieces[None]:
        model, text = self.models[name], ""
        own_way = defaults(model)
        lively = {**own_way, "temperature": own_way["temperature"] or 1.0, "context": "carried", "length": OWN}
        for character in generate(model, "", GenerationConfig(**lively)):
            text += character
            yield 0.8 * len(text) / OWN
        hidden = (yield from activity(model, text)).hidden
        named_here = features(text)
        self.found[name] = [
            {
                "meaning": finding.feature,
                "layer": finding.layer,
                "neuron": finding.unit,
                "correlation": round(finding.correlation, 2),
                **on_and_off(hidden[:, finding.layer, finding.unit], named_here[finding.feature]),
            }
            for finding in find_units(hidden, named_here)
            if abs(finding.correlation) >= FOLLOWS
        ]


def on_and_off(values: Tensor, feature: Tensor) -> dict[str, float]:
    """The mean of a neuron's `values` (T,) where `feature` (T,) is above its mean (on), and elsewhere (off)."""
    strong = feature > feature.mean()
    return {"on": round(values[strong].mean().item(), 2), "off": round(values[~strong].mean().item(), 2)}


# ---- the endpoints ---------------------------------------------------------------------------------------------------


def lens_endpoints(models: Models, scheduler: Scheduler, listening: Listening) -> None:
    """Add an endpoint for each lens to the page that is open."""
    for function in lens_functions(models, scheduler.limits.analysis_cache):
        api(queued(function, scheduler, listening), concurrency_limit=None)


def queued(function: Callable[..., Pieces[Any]], scheduler: Scheduler, listening: Listening) -> Callable[..., Any]:
    """Return an endpoint for which the scheduler runs `function`, piece by piece, until the stream is closed.

    If the return annotation of `function` gives a type for the yielded values, they are sent as they come. If that type
    is Any, only the result is sent.
    """

    async def follow(asked: gr.Request, *values: Any) -> AsyncIterator[Any]:
        visitor = await listening.visitor(asked)
        with within_limits():
            work = scheduler.compute(function(*values), visitor)
        try:
            told_at = time.monotonic()
            while not work.done and listening.idle(asked) <= PATIENCE:
                await asyncio.sleep(POLL)
                if work.progress is not None and time.monotonic() > told_at + TOLD and not listening.behind(asked):
                    told_at = time.monotonic()
                    yield work.progress
        finally:
            work.cancel()
        if work.error:
            raise work.error
        yield work.result

    async def whole(asked: gr.Request, *values: Any) -> Any:
        answers = [answer async for answer in follow(asked, *values)]
        return answers[-1]

    told, _, result = get_args(signature(function).return_annotation)
    if told is Any:
        return endpoint_for(function, whole, result)
    return endpoint_for(function, follow, AsyncIterator[result])  # type: ignore[valid-type]


def lens_functions(models: Models, kept: int) -> list[Callable[..., Pieces[Any]]]:
    """Return the endpoint functions, which compute in pieces; each endpoint has the name of its function.

    `kept` is the size of the cache of analyses, in bytes.
    """
    minds, (first, *_) = Minds(models, kept), models

    def surprise(text: str, before: str = "", model: str = first, adapt: bool = False) -> Pieces[Answer]:
        """The surprise of a model, in bits, at each character of a piece of text, after reading the text before it.

        With `adapt` the model learns from the text while it reads: it predicts each character before it learns from it.
        """
        piece = Piece(text, before or begun(models, model))
        if named(models, model).context == "window" and adapt:
            raise refusal("a model that sees only the last 100 characters cannot learn from the text")
        found = yield from minds.read(model, piece.whole, bool(adapt))
        return {"bits": summed(found.surprise, piece.places(found.text)), "read_as": found.report}

    def likeliest(text: str, model: str = first, second: str | None = None, share: float | None = None) -> Pieces[Any]:
        """The probability of every character that may follow a text, the likeliest first, before temperature, top_k,
        top_p and min_p are applied. With a `second` model, `share` is its mixture weight, 0.5 if None.
        """
        sound(text, "the text")
        named(models, model)
        text = (begun(models, model) + text)[-BEFORE:]
        p = shares_after((yield from minds.read(model, text)))
        if second:
            named(models, second)
            part = checked(Share, share=0.5 if share is None else share).share
            of_second = shares_after((yield from minds.read(second, text)))
            both = {*p, *of_second}
            p = {c: (1 - part) * p.get(c, 0.0) + part * of_second.get(c, 0.0) for c in both}
        return sorted(([c, float(f"{value:.4g}")] for c, value in p.items()), key=lambda pair: (-pair[1], pair[0]))

    def copies(text: str, model: str = first) -> Pieces[Answer]:
        """The passages of a text that stand letter for letter in the training texts of a model, with start, end and
        source; and the part of the text that is new, from 0 to 1.
        """
        sound(text)
        checkpoint = named(models, model)
        if not checkpoint.copies:
            return {"known": False, "passages": [], "new": 1.0, "sources": [], "unknown": "", "least": RUN}
        repaired = checkpoint.vocabulary.repair(text).text
        yield
        runs = checkpoint.copies.runs(repaired)
        yield
        places = align(text, repaired)
        passages = [
            {
                "start": bisect_right(places, start) - 1,
                "end": bisect_right(places, end - 1),
                "source": title_of(run.source),
            }
            for run, (start, end) in zip(runs, pieces(runs), strict=True)
        ]
        return {
            "known": True,
            "passages": passages,
            "new": round(share_new(repaired, runs), 4),
            "sources": [{"name": title_of(s.name), "surely_found": s.surely_found} for s in checkpoint.copies.sources],
            "unknown": checkpoint.copies.unknown,
            "least": RUN,
        }

    def neurons(model: str = first) -> Generator[Answer, None, Answer]:
        """The neurons of a model that follow a named feature of a text, found in a text that the model writes for this.

        Sends the progress of the search, from 0 to 1, and at the end the neurons: layer and number, from 0; the name of
        the feature; the correlation with it; and their mean where the feature is strong (on) and weak (off).
        """
        named(models, model)
        for progress in minds.look_for_neurons(model):
            yield {"progress": 0.8 if progress is None else round(progress, 3), "neurons": None}
        return {"progress": 1.0, "neurons": minds.found[model]}

    def neuron(text: str, before: str = "", model: str = first, layer: int = 0, neuron: int = 0) -> Pieces[Answer]:
        """The activation, from -1 to 1, of one neuron at each character of a piece of text; layer and number from 0."""
        piece = Piece(text, before or begun(models, model))
        config = named(models, model).network.config
        layer, neuron = place(layer, config.layers, "the layer"), place(neuron, config.hidden_size, "the neuron")
        found = yield from minds.active(model, piece.whole)
        values = last_of(found.hidden[:, layer, neuron], piece.places(found.text))
        return {"activity": values, "read_as": found.report}

    def rests_on(text: str, letter: str, model: str = first) -> Pieces[Answer]:
        """How much each character at the end of a text matters for the letter after it (gradient); the largest is 1."""
        sound(text, "the text")
        sound(letter, "the letter", least=1, most=10)
        checkpoint = named(models, model)
        end = text[-BEFORE:]
        yield
        repaired, weights = saliency(checkpoint, end, letter)
        whole = checkpoint.vocabulary.repair(end).text
        cut = len(whole) - len(repaired.text)  # only the end of it was read
        padded = torch.cat((torch.zeros(max(0, cut)), weights))
        return {"weights": summed(padded, align(end, whole))}

    def step_through(text: str, model: str = first, layer: int = 0) -> Pieces[Answer]:
        """The steps of the network over a short text, one for each letter: the likeliest next letters, and the gates
        i, f, g, o, the cell and the hidden state of those neurons of a layer whose cell varies most.
        """
        sound(text, "the text", most=STEPPED)
        checkpoint = named(models, model)
        layer = place(layer, checkpoint.network.config.layers, "the layer")
        taken = yield from stepping(checkpoint, text)
        vocabulary = checkpoint.vocabulary
        moved = torch.stack([step.cell[layer] for step in taken]).std(0, correction=0)
        busiest = moved.argsort(descending=True, stable=True)[:SHOWN]
        read_text = vocabulary.characters[vocabulary.start] + vocabulary.repair(text).text
        told = []
        for letter, step in zip(read_text, taken, strict=True):
            p, ids = step.logits.softmax(-1).topk(min(5, len(vocabulary)))
            state = {n: rounded(getattr(step, n)[layer, busiest]) for n in ("i", "f", "g", "o", "cell", "hidden")}
            following = [
                [vocabulary.characters[id], round(share, 4)] for id, share in zip(ids, p.tolist(), strict=True)
            ]
            told.append({"letter": letter, **state, "likeliest": following})
        return {"neurons": busiest.tolist(), "steps": told}

    return [surprise, likeliest, copies, neurons, neuron, rests_on, step_through]


def shares_after(reading: Reading) -> dict[str, float]:
    """The probability of each character to follow the text of `reading`."""
    return dict(zip(reading.vocabulary.characters, reading.expected[-1].exp2().tolist(), strict=True))


def rounded(values: Tensor) -> list[float]:
    return [round(value, 3) for value in values.tolist()]
