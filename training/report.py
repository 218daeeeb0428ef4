"""The report on a text, for someone who is about to train on it, as data."""

import dataclasses
import re
from bisect import bisect
from collections import Counter
from dataclasses import dataclass

from model.text_file import UTF_8
from training.bases import Choice
from training.changes import counted, total
from training.corpus import SAVE_AS_UTF_8, Book, Corpus
from training.languages import language_name
from training.recipes import Recipe, reasons
from training.repeats import Repeat, repeats
from training.timing import in_words, seconds
from training.unlike_prose import unlike_prose

RARE = 5  # a character that occurs less often than this cannot be learned
MOST_RARE = 50  # rare characters whose places are looked up
AROUND = 25  # characters on either side of a place
LONGEST_PASSAGES = 3  # that are reported
MUCH_REPEATED = 0.02  # share of a text, above which there is advice
ALSO_HELD_OUT = 0.01  # share of the held-out part, above which there is advice
SAME_FILE = 0.2  # share of a file, from which on there is advice
LONG = 3_600  # seconds, from which on training takes long
LITTLE = 50_000  # characters, below which a text is too short to write well


@dataclass(frozen=True)
class Place:
    """A place in a file: its name, the line as an editor counts, and the words around the place."""

    file: str
    line: int
    around: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line:,}: {self.around}"


@dataclass(frozen=True)
class Passage:
    """A passage that occurs twice."""

    characters: int
    here: Place
    earlier: Place


@dataclass(frozen=True)
class SameText:
    """A file, and the share of it that also occurs in another file."""

    file: str
    other: str
    share: float


@dataclass(frozen=True)
class Unusual:
    """Lines that do not look like prose."""

    what: str
    lines: int
    first: Place


@dataclass(frozen=True)
class File:
    """A file, with its recognized encoding, language (in words) and layout."""

    name: str
    characters: int
    encoding: str
    language: str
    layout: str


@dataclass(frozen=True)
class Report:
    """The report on a corpus; `plan` and the times are those of a run that would train on it."""

    name: str
    characters: int
    held_out: int  # of these
    words: int
    paragraphs: int
    language: str
    files: tuple[File, ...]
    alphabet: dict[str, int]  # each character and how often it occurs, the commonest first
    rare: dict[str, Place]  # the first place of each rare character (see `RARE`), of at most `MOST_RARE` characters
    changes: tuple[str, ...]
    repeated: int  # characters in passages that have occurred before
    also_held_out: int  # characters of the held-out part in passages that the training part has as well
    passages: tuple[Passage, ...]  # the longest of those that occur twice
    same_files: tuple[SameText, ...]
    unusual: tuple[Unusual, ...]
    plan: dict[str, str]
    characters_per_second: float | None
    seconds: float | None  # None where nothing was timed
    machine: str
    advice: tuple[str, ...]


# ---- making it -------------------------------------------------------------------------------------------------------


def report(
    corpus: Corpus,
    recipe: Recipe,
    choice: Choice,
    minutes: float | None = None,
    speed: float | None = None,
    machine: str = "",
) -> Report:
    """The report on `corpus` and on a run that trains on it; `speed` is in characters per second, None if not timed."""
    alphabet = dict(Counter(corpus.text).most_common())
    found = repeats(corpus.text)
    changes = total(change for book in corpus.books for change in book.cleaned.changes)
    unusual, what_to_do = _unusual(corpus)
    plan = {"begins": choice.reason, **reasons(recipe, corpus.split, minutes, choice.base.name if choice.base else "")}
    told = Report(
        name=corpus.name,
        characters=len(corpus.text),
        held_out=len(corpus.held_out),
        words=len(re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", corpus.text)),
        paragraphs=sum(_paragraphs(book) for book in corpus.books),
        language=language_name(corpus.language),
        files=tuple(
            File(book.name, book.length, book.encoding, language_name(book.cleaned.language), book.cleaned.layout)
            for book in corpus.books
        ),
        alphabet=alphabet,
        rare={character: _place(corpus, corpus.text.index(character)) for character in _rare(alphabet)[:MOST_RARE]},
        changes=tuple(map(str, changes)),
        repeated=sum(each.end - each.start for each in found),
        also_held_out=sum(each.end - each.start for each in found if each.earlier < corpus.split <= each.start),
        passages=tuple(
            _passage(corpus, each) for each in sorted(found, key=lambda each: each.start - each.end)[:LONGEST_PASSAGES]
        ),
        same_files=_same_files(corpus, found),
        unusual=unusual,
        plan=plan,
        characters_per_second=speed,
        seconds=(60 * minutes if minutes else seconds(corpus, recipe, speed)) if speed else None,
        machine=machine,
        advice=(),
    )
    return dataclasses.replace(told, advice=(*_advice(told, choice), *what_to_do))


def _rare(alphabet: dict[str, int]) -> list[str]:
    """The characters that occur less often than `RARE` times, the rarest first."""
    return [character for character, count in reversed(alphabet.items()) if count < RARE]


def _paragraphs(book: Book) -> int:
    between = r"\n+" if book.cleaned.layout == "paragraphs" else r"\n\s*\n"
    return sum(bool(block.strip()) for block in re.split(between, book.text))


def _unusual(corpus: Corpus) -> tuple[tuple[Unusual, ...], list[str]]:
    """The lines that do not look like prose, and a sentence of advice for each kind."""
    found = unlike_prose(corpus.text, corpus.language)
    told = tuple(Unusual(each.kind.name, each.count, _place(corpus, each.start)) for each in found)
    return told, [f"{each.count:,} {each.kind.name}: {each.kind.advice}." for each in found]


def _same_files(corpus: Corpus, found: list[Repeat]) -> tuple[SameText, ...]:
    """The files of which a large part also occurs in an earlier file."""
    shared: Counter[tuple[int, int]] = Counter()
    for each in found:
        half = (each.end - each.start) // 2  # the ends of a passage can lie in the neighbouring files
        shared[_book(corpus, each.start + half), _book(corpus, each.earlier + half)] += each.end - each.start
    shares = {(i, j): size / max(1, corpus.books[i].length) for (i, j), size in shared.items() if i != j}
    return tuple(
        SameText(corpus.books[i].name, corpus.books[j].name, round(min(1.0, share), 3))
        for (i, j), share in shares.items()
        if share >= SAME_FILE
    )


def _passage(corpus: Corpus, each: Repeat) -> Passage:
    size = each.end - each.start
    here, earlier = (
        _place(corpus, max(start, corpus.books[_book(corpus, start + size // 2)].start))
        for start in (each.start, each.earlier)
    )
    return Passage(size, here, earlier)


def _book(corpus: Corpus, index: int) -> int:
    """The number of the book in which the character at `index` of the corpus stands."""
    return max(0, bisect([book.start for book in corpus.books], index) - 1)


def _place(corpus: Corpus, index: int) -> Place:
    """Where the character at `index` of the corpus stands in its file, as it was before cleaning."""
    book = corpus.books[_book(corpus, index)]
    text, at = book.text, min(index - book.start, book.length - 1)
    around = text[max(0, at - AROUND) : at + AROUND]
    words = re.findall(r"[^\W_]+", text[max(0, at - 1) : at + 2 * AROUND])[:4]
    # Find the next words, with any marks between them. Of several matches, take the one nearest in relative position.
    pattern = r"[\W_]+".join(map(re.escape, words)) or re.escape(text[at])
    places = [match.start() for match in re.finditer(pattern, book.original)] or [0]
    share = at / max(1, len(text))
    nearest = min(places, key=lambda place: abs(place / len(book.original) - share))
    return Place(book.name, book.original.count("\n", 0, nearest) + 1, " ".join(around.split()))


def _advice(told: Report, choice: Choice) -> list[str]:
    """One sentence for each problem."""
    advice = []
    if told.characters < LITTLE and not choice.base:
        advice.append(f"{told.characters:,} characters teach words but hardly sentences: add more text.")
    for file in told.files:
        if file.encoding != UTF_8:
            advice.append(f"{file.name} is not {UTF_8} and was read as {file.encoding}: {SAVE_AS_UTF_8}.")
    languages = sorted({file.language for file in told.files})
    if len(languages) > 1:
        advice.append(f"The files are in {' and '.join(languages)}: a small model learns one language better than two.")
    uncommon = [character for character in _rare(told.alphabet) if not character.isascii()]
    if uncommon:
        advice.append(
            f"{counted(len(uncommon), 'uncommon character')} with fewer than {RARE} occurrences cannot be learned: "
            "replace them by common ones where they are mistakes."
        )
    for same in told.same_files:
        advice.append(f"{same.share:.0%} of {same.file} stands in {same.other} as well: leave one of them out.")
    if told.repeated > MUCH_REPEATED * told.characters and not told.same_files:
        advice.append(
            f"{told.repeated / told.characters:.0%} of the text is repeated: remove what was put in twice, "
            "or the model learns it by heart."
        )
    if told.also_held_out > ALSO_HELD_OUT * told.held_out:
        advice.append(
            f"{told.also_held_out:,} held-out characters stand in the training part as well: "
            "the figures will look better than they are."
        )
    if told.seconds and told.seconds > LONG:
        advice.append(f"Training takes up to {in_words(told.seconds)} here: with --minutes it ends earlier.")
    return advice
