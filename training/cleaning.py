"""Clean the text of an edition: join wrapped lines to paragraphs, set quotes and dashes by one convention."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from model.typography import MARK, POINTED, TYPED_DASH, Typography, typeset
from training.changes import Change, Changes, note
from training.edition import QUOTES, RULES, without_licence
from training.languages import guessed_language

Form = Literal["book", "lines", "as it is"]  # paragraphs as on a page, the lines of the file, or the file to the letter
Layout = Literal["wrapped", "paragraphs", "lines"]
TYPOGRAPHY: dict[str, Typography] = {"en": "English", "de": "German", "fr": "French"}  # by the language's code

SHORT_LINE = 20  # characters: shorter lines say nothing about where an edition breaks its lines
NARROWEST_WRAPPED = 30  # characters
LONGEST_WRAPPED = 100  # characters: an edition with longer lines has a paragraph in each
SLACK = 4  # characters that a typist left free at the end of a line
WRAPPED_SHARE = 0.4  # of the breaks between two full lines: a text is hard-wrapped if more of them are wraps
FEWEST_STANZAS, STANZAS_SHARE, STANZA_LINE = 10, 0.8, 0.7  # and the shortest line, as a share of the longest
LONG_BLOCK = 5  # lines: in a longer block, a smaller share that begins in mid-sentence shows a paragraph
CENTRED = 9  # spaces: lines whose indentation differs by so many or more are centred, not indented
DEEPEST = 4  # spaces of indentation that a line of verse keeps, at most
BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
WORDS_JOINED = "{word} joined that the end of a line had cut"


@dataclass(frozen=True)
class Cleaned:
    """A text in the form in which it is learned, and the changes that led to it."""

    text: str
    typography: Typography
    language: str  # the likeliest one's ISO 639-1 code, "" where there are no letters
    layout: Layout
    changes: tuple[Change, ...]


def clean(text: str, form: Form = "book", language: str = "") -> Cleaned:
    r"""Return `text`, which has \n as line ends, in the form to learn; a text that is not prose keeps its lines.

    Without the code of its language, that is guessed.
    """
    changes: Changes = []
    if form != "as it is":
        text = without_licence(text, changes)
    language, layout = language or guessed_language(text), guessed_layout(text)
    if layout == "lines" or form != "book":
        return Cleaned(text, "as it is", language, layout, tuple(changes))
    text = re.sub(r"^[ \t]+$", "", text.replace("\f", "\n"), flags=re.MULTILINE)  # a form feed ends a page
    for rule in RULES:
        text = rule(text, changes)
    text = joined(text, changes) if layout == "wrapped" else text
    text = spaced(text, changes)
    typography = TYPOGRAPHY.get(language, "as it is")
    if typography != "as it is":
        pointed = 2 * len(POINTED.findall(text)) if typography == "German" else 0
        note(changes, "quotes and apostrophes set as in print: {mark}", len(MARK.findall(text)) + pointed)
        note(changes, "dashes set as in print: {dash}", len(TYPED_DASH.findall(text)))
    return Cleaned(typeset(text, typography), typography, language, layout, tuple(changes))


# ---- how the text is laid out ----------------------------------------------------------------------------------------


def guessed_layout(text: str) -> Layout:
    """Whether the lines of `text` are wrapped prose, whole paragraphs, or lines that are meant as lines."""
    lines = text.split("\n")
    width = line_width(lines)
    if width > LONGEST_WRAPPED:
        long = [line.rstrip() for line in lines if len(line) > LONGEST_WRAPPED]
        ended = sum(bool(re.search(rf"[.!?:;…—–-][{QUOTES})]*$", line)) for line in long)
        letters = sum(c.isalpha() or c in " ,.’'" for line in long for c in line)
        most = 2 * sum(map(len, long)) > sum(map(len, lines))
        prose = ended > 0.7 * len(long) and letters > 0.9 * sum(map(len, long))
        return "paragraphs" if most and prose else "lines"
    if width < NARROWEST_WRAPPED:
        return "lines"
    breaks = [(a, b) for a, b in pairwise(lines) if a.strip() and b.strip() and indent(b) <= indent(a)]
    wraps = [(a, b) for a, b in breaks if is_wrap(a, b, width)]
    # A wrapped line ends anywhere in a sentence; lines that are meant as lines begin with a capital or a mark.
    within = sum(b.lstrip()[0].islower() for _, b in wraps)
    wrapped = len(wraps) > WRAPPED_SHARE * len(breaks) and 2 * within > len(wraps) > 0
    return "wrapped" if wrapped and not is_in_stanzas(text) else "lines"


def is_in_stanzas(text: str) -> bool:
    """Whether nearly all blocks of several lines have the same number of lines, none of them short."""
    blocks = [[len(line.strip()) for line in block.strip().split("\n")] for block in BLANK_LINES.split(text)]
    several = [lengths for lengths in blocks if len(lengths) > 1]
    stanzas = Counter(len(lengths) for lengths in several if min(lengths) > STANZA_LINE * max(lengths))
    return len(several) >= FEWEST_STANZAS and max(stanzas.values(), default=0) > STANZAS_SHARE * len(several)


def indent(line: str) -> int:
    """How many spaces stand before a line."""
    return len(line) - len(line.lstrip())


def line_width(lines: Sequence[str]) -> int:
    """The width to which an edition was wrapped: the 97th percentile of the lengths of its longer lines."""
    lengths = sorted(len(line.rstrip()) for line in lines if len(line.rstrip()) > SHORT_LINE)
    return lengths[int(0.97 * (len(lengths) - 1))] if lengths else 0


def is_wrap(line: str, following: str, width: int) -> bool:
    """Whether the break between two lines is there only because the next word did not fit."""
    word = re.match(r"\s*(\S+)", following)
    return word is not None and bool(line.strip()) and len(line.rstrip()) + 1 + len(word[1]) > width - SLACK


def is_prose(lines: Sequence[str]) -> bool:
    """Whether consecutive lines are a paragraph that was wrapped to its own width: most begin in mid-sentence."""
    within = sum(line.lstrip(" (\"'“‘—-")[:1].islower() for line in lines[1:])
    shortest = SHORT_LINE if len(lines) > 2 else 2 * SHORT_LINE
    most = 0.5 if len(lines) > LONG_BLOCK else 0.7
    return len(lines) > 1 and within > most * (len(lines) - 1) and min(map(len, lines[:-1])) > shortest


# ---- from lines to paragraphs ----------------------------------------------------------------------------------------


def joined(text: str, changes: Changes) -> str:
    """Return `text` with its wrapped lines joined.

    A line break stays before an indented line and, outside a paragraph (`is_prose`), where the next word would have
    fitted. No word is lost. A word hyphenated at a line end is joined if it occurs whole in the text.
    """
    lines = text.split("\n")
    width = max(line_width(lines), NARROWEST_WRAPPED)
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))
    compounds = set(re.findall(r"(?<![^\W\d_])[^\W\d_]+-[^\W\d_]+", text.casefold()))

    def is_cut(head: str, tail: str) -> bool:
        """Whether a hyphen between these parts of a word stands there only because the line ended."""
        return (head + tail).casefold() in words and f"{head}-{tail}".casefold() not in compounds

    blocks: list[str] = []
    joins = paragraphs = cuts = 0
    for block in BLANK_LINES.split(text):
        block_lines = [line.rstrip() for line in block.split("\n") if line.strip()]
        if block_lines:
            block_text, its_joins, its_paragraphs, its_cuts = _paragraphs(block_lines, width, is_cut)
            blocks.append(block_text)
            joins += its_joins
            paragraphs += its_paragraphs
            cuts += its_cuts
    note(changes, "{line end} joined into {paragraph}", joins, paragraphs)
    note(changes, WORDS_JOINED, cuts)
    return "\n\n".join(blocks)


def _paragraphs(lines: Sequence[str], width: int, is_cut: Callable[[str, str], bool]) -> tuple[str, int, int, int]:
    """Join the wraps of consecutive lines.

    Return the text, the number of wraps, of paragraphs that were made by joining, and of wraps that cut a word.
    """
    indents = [indent(line) for line in lines]
    margin = min(indents)
    deepest = DEEPEST if max(indents) - margin < CENTRED else 0
    parts = [" " * min(indents[0] - margin, deepest) + lines[0].strip()]
    prose = is_prose(lines)
    joins = paragraphs = cuts = 0
    joining = False
    for (line, following), depth in zip(pairwise(lines), indents[1:], strict=True):
        if depth > margin or not (prose or is_wrap(line, following, width)):
            parts.append("\n" + " " * min(depth - margin, deepest) + following.strip())
            joining = False
            continue
        joins += 1
        paragraphs += not joining
        joining = True
        following = following.strip()
        head, tail = re.search(r"(?<![^\W\d_])([^\W\d_]+)-$", parts[-1]), re.match(r"[^\W\d_]+", following)
        if head and tail and is_cut(head[1], tail[0]):
            parts[-1] = parts[-1][:-1]
            cuts += 1
        no_space = (head and tail) or re.search(r"(?:--|—)$", parts[-1])
        parts.append(following if no_space else " " + following)
    return "".join(parts), joins, paragraphs, cuts


def spaced(text: str, changes: Changes) -> str:
    """`text` with one space between words and sentences, and one blank line between paragraphs."""
    text, count = re.subn(r"(?<=\S)[ \u00a0]{2}(?=\S)|(?<=[^\W\d][.!?;])[ \u00a0]{3,}(?=\S)", " ", text)
    note(changes, "wide spaces between words made one: {place}", count)
    text = re.sub(r"(?<![ \t])[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
