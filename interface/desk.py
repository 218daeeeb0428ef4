"""The desk: the sheets of all visitors, and what the buttons beside a sheet do."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

from interface.visitor import checked, named, refusal, settings, sound, whole
from model.generation import GenerationConfig, Request
from model.loaded import Model
from model.options import check, option
from model.serving.mixture import AnyModel, Mixture
from model.serving.scheduler import SLOTS, Scheduler

FRAME = 1 / 18  # seconds between two repaints of the text, at least
REPAINT = 1 / 150  # seconds of the server's time that one costs, sent and all
UNDONE = 100  # steps that can be taken back
VISITORS = 1000  # whose sheets are remembered; most are forgotten as soon as they go
LONG = 500  # characters that take so long to read that it is told
TAKES = 4  # continuations side by side, at most
SHADES = 6  # in which a character is tinted between two books
SEEDS = 2**63

# ---- one visitor's sheet ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """What a visitor sees of the sheet and of the buttons beside it."""

    text: str
    status: str = ""
    note: str = ""  # how the model reads what it does not know
    writing: bool = False
    undoable: bool = False
    repeatable: bool = False  # whether the model wrote the last part
    takes: tuple[str, ...] = ()  # continuations to choose from
    shades: str = ""  # where a text by two books begins, in the browser's units, and a digit for each that follows


class Step(NamedTuple):
    """Something done to a sheet that can be taken back."""

    before: str  # the text as it was
    written: bool  # whether the model went on from there; else a beginning took its place


@dataclass
class Sheet:
    """What is remembered of a visitor's sheet, so that it can be taken back, tried again and gone on with."""

    steps: list[Step] = field(default_factory=list)
    after: str = ""  # the text as the last continuation left it
    model: Any = None  # what wrote it
    lead: str = ""  # what the model read before the first character of a sheet that was empty
    seed: int = 0
    drawn: int = 0  # random numbers, by the continuations that followed each other
    writers: Sequence[Request] = ()
    undecided: bool = False  # between several takes
    writing: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether the last step was the model's."""
        return bool(self.steps) and self.steps[-1].written

    def step(self, before: str, written: bool) -> None:
        """Note what is about to be done to the sheet."""
        self.steps = [*self.steps[1 - UNDONE :], Step(before, written)]

    def goes_on(self, text: str, model: Any, seed: int | None) -> bool:
        """Whether `text` is just what the last continuation left, to be continued in the same way."""
        return self.repeatable and (text, model) == (self.after, self.model) and seed in (None, self.seed)

    def begin(self, text: str, model: Any, lead: str, seed: int | None) -> tuple[int, int]:
        """Note where a continuation begins; return the seed of its random numbers and how many to pass over."""
        if self.undecided:  # nothing came of the last ones, and others are wanted
            self.undo(text)
        if not self.goes_on(text, model, seed):
            self.model, self.lead, self.drawn = model, "" if text else lead, 0
            self.seed = random.randrange(2**31) if seed is None else seed
        self.step(text, written=True)
        return self.seed, self.drawn

    def grow(self, text: str) -> str:
        """Note what the continuation has written so far; return the whole sheet."""
        self.after = self.steps[-1].before + text
        return self.after

    def end(self, text: str, seed: int) -> str:
        """Note that the continuation has ended with `text`, by that seed; return the whole sheet."""
        self.seed, self.undecided = seed, False
        self.drawn += len(text)
        return self.grow(text)

    def undo(self, text: str) -> str:
        """Take the last step back; return the sheet as it was before, or as it is if there was none."""
        if not self.steps:
            return text
        self.after, self.undecided = self.steps.pop().before, False
        self.model = None  # the next continuation is another
        return self.after


async def frames(scheduler: Scheduler, writers: Sequence[Request]) -> AsyncIterator[list[str]]:
    """The texts so far, a few times a second, and once more when they are whole; who reads no further ends them."""
    try:
        done, pause = False, FRAME
        while not done:
            await asyncio.sleep(pause)
            done = all(writer.done for writer in writers)  # before the texts are taken, which may grow until then
            yield [writer.text for writer in writers]
            # The fewer repaints for each the more there are; but the first characters come at once.
            begins = not any(writer.characters or scheduler.queue_position(writer) for writer in writers)
            pause = FRAME if begins else max(FRAME, REPAINT * scheduler.unfinished)
    finally:
        for writer in writers:
            writer.cancel()


def progress(writers: Sequence[Request], place: int, seconds: float) -> str:
    """How it stands with one text or several takes of it, in a line."""
    if any(writer.failed for writer in writers):
        return "The text broke off here, through a fault of this program: write again."
    if place:
        return f"{SLOTS} others are writing; you are number {place} in line, and it begins by itself."
    unread = max(len(writer.unread) for writer in writers)
    if unread > LONG:
        return f"Reading the sheet: {unread:,} characters to go."
    count = sum(len(writer.characters) for writer in writers)
    seeds = " to ".join(str(seed) for seed in dict.fromkeys(w.config.seed for w in (writers[0], writers[-1])))
    speed = f"{count:,} character{'s' * (count != 1)} · {count / seconds:,.0f} a second"
    return f"{speed} · seed{'s' * (len(writers) > 1)} {seeds}"


def shades(before: str, text: str, shares: Sequence[float]) -> str:
    """`View.shades` of what two books wrote after `before`; "" where a single one did."""
    if not shares:
        return ""
    # JavaScript counts a character beyond U+FFFF as two.
    digits = (str(round(share * (SHADES - 1))) * (1 + (c > "\uffff")) for c, share in zip(text, shares, strict=False))
    return f"{len(before.encode('utf-16-le', 'surrogatepass')) // 2} {''.join(digits)}"


# ---- all of them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Company:
    """How many write, and how much each counts; ValueError for values outside their range."""

    takes: int = option(1, "how many continuations to choose from", 1, TAKES)
    share: float = option(0.5, "0 is the one alone, 1 the other alone", 0, 1)

    def __post_init__(self) -> None:
        check(self)


class Desk:
    """What visitors ask of some models; one visitor's sheet, stop and settings are never another's."""

    def __init__(self, models: dict[str, Model], scheduler: Scheduler) -> None:
        self.models, self.scheduler = models, scheduler
        self.sheets: dict[str | None, Sheet] = {}
        self._mixed = lru_cache(16)(lambda name, second, share: Mixture(models[name], models[second], share))

    def settle(
        self,
        text: Any,
        model: Any,
        seed: Any = None,
        second: Any = None,
        share: Any = None,
        takes: Any = 1,
        **typed: Any,
    ) -> tuple[AnyModel, GenerationConfig]:
        """Who writes, and how, where None stands for the model's own way; gr.Error if anything is wrong.

        With a `second` model both write, and `share` is its part, half if None.
        """
        sound(text, "the prompt")
        first = named(self.models, model)
        config = settings(first, {"seed": number(seed), **typed})
        checked(Company, takes=takes)
        if not second:
            return first, config
        named(self.models, second)
        company = checked(Company, share=0.5 if share is None else share)
        return self._mixed(model, second, float(company.share)), config

    def sheet(self, visitor: str | None) -> Sheet:
        """The sheet of a visitor; beyond `VISITORS` the oldest is forgotten."""
        if len(self.sheets) == VISITORS and visitor not in self.sheets:
            self.sheets.pop(next(iter(self.sheets)))
        return self.sheets.setdefault(visitor, Sheet())

    def idle(self, visitor: str | None) -> Sheet:
        """The sheet of a visitor, on which nothing is being written; gr.Error where something is."""
        mine = self.sheet(visitor)
        if mine.writing:
            raise refusal("the model is still writing on this sheet: stop it first")
        return mine

    async def write(
        self,
        visitor: str | None,
        text: Any,
        model: Any,
        seed: Any = None,
        takes: Any = 1,
        **typed: Any,
    ) -> AsyncIterator[View]:
        """Continue the sheet, in one take or in several to choose from; gr.Error if anything is wrong (`settle`)."""
        writing, config = self.settle(text, model, seed, takes=takes, **typed)
        report = writing.vocabulary.repair(text).report  # what was typed stays as it is; it is read as repaired
        note = f"The model reads this with {report}." if report else ""
        mine = self.idle(visitor)
        lead = writing.vocabulary.characters[writing.vocabulary.start]
        asked = None if number(seed) is None else config.seed
        who = (model, typed.get("second"), typed.get("share"))
        begun, skip = mine.begin(text, who, lead, asked)
        configs = [replace(config, seed=(begun + take) % SEEDS, skip=skip) for take in range(int(takes))]
        writers = [self.scheduler.submit(writing, mine.lead + text, config) for config in configs]
        mine.writers, mine.undecided, mine.writing = writers, len(writers) > 1, True
        view = View(text, note=note, writing=True)
        try:
            yield view
            start = time.monotonic()
            async for texts in frames(self.scheduler, writers):
                status = progress(writers, self.scheduler.queue_position(writers[-1]), time.monotonic() - start)
                if mine.undecided:
                    view = View(text, status, note, writing=True, takes=tuple(texts))
                else:
                    tint = shades(text, texts[0], writers[0].responsibilities)
                    view = View(mine.grow(texts[0]), status, note, writing=True, shades=tint)
                yield view
                if not any(texts):
                    start = time.monotonic()  # neither its place in line nor the prompt counts
        finally:  # also where nobody reads any further
            mine.writing = False
            if not mine.undecided:
                mine.end(writers[0].text, begun)
        yield replace(view, writing=False, undoable=True, repeatable=True)

    async def try_again(self, visitor: str | None, text: Any, model: Any, **typed: Any) -> AsyncIterator[View]:
        """Replace the last continuation by another, by a new seed; gr.Error if anything is wrong."""
        typed["seed"] = None
        self.settle(text, model, **typed)  # before anything is taken back
        mine = self.idle(visitor)
        async for view in self.write(visitor, mine.undo(text) if mine.repeatable else text, model, **typed):
            yield view

    def choose(self, visitor: str | None, text: Any, take: Any) -> View:
        """Go on with one of several takes of the sheet `text`, from 0; gr.Error if there is none."""
        mine = self.idle(visitor)
        if not mine.undecided or whole(take) not in range(len(mine.writers)):
            raise refusal("there is no such take: write several first")
        if text != mine.steps[-1].before:
            raise refusal("the sheet has changed since these takes were written: change it back, or write anew")
        writer = mine.writers[int(take)]
        text = mine.end(writer.text, writer.config.seed)
        tint = shades(mine.steps[-1].before, writer.text, writer.responsibilities)
        return View(text, undoable=True, repeatable=True, shades=tint)

    def undo(self, visitor: str | None, text: str) -> View:
        """Take back what was done last."""
        mine = self.idle(visitor)
        return View(mine.undo(text), undoable=bool(mine.steps), repeatable=mine.repeatable)

    def begin(self, visitor: str | None, text: str, beginning: str) -> View:
        """Let a beginning take the place of the sheet's text, which can be had back."""
        mine = self.idle(visitor)
        if mine.undecided:
            mine.undo(text)
        if text:
            mine.step(text, written=False)
        return View(beginning, undoable=bool(mine.steps), repeatable=mine.repeatable)

    def stop(self, visitor: str | None) -> None:
        """End what is just being written for a visitor."""
        for writer in self.sheets[visitor].writers if visitor in self.sheets else ():
            writer.cancel()

    def forget(self, visitor: str | None) -> None:
        """A visitor has gone."""
        self.stop(visitor)
        self.sheets.pop(visitor, None)

    def seed(self, visitor: str | None) -> str:
        """The seed of a visitor's last continuation; "" where there is none."""
        mine = self.sheets.get(visitor)
        return str(mine.seed) if mine and mine.steps else ""


def number(seed: Any) -> Any:
    """A seed as it is typed: a number where it is one, None where it is blank."""
    if isinstance(seed, str):
        return int(seed) if seed.strip().isdecimal() and len(seed) < 30 else seed.strip() or None
    return seed
