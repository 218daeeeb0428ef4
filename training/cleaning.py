"""From an edition to its text: wrapped lines joined to paragraphs, quotes and dashes by one convention."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import py3langid

from model.typography import MARK, TYPED_DASH, Typography, typeset
from training.edition import REMOVALS, Notes, note, without_licence

Form = Literal["book", "lines", "as it is"]  # paragraphs as on a page, the lines of the file, or the file to the letter
Layout = Literal["wrapped", "paragraphs", "lines"]
TYPOGRAPHY: dict[str, Typography] = {"en": "English", "de": "German", "fr": "French"}  # by the language's code

SHORT_LINE = 20  # characters: shorter lines say nothing about where an edition breaks its lines
NARROWEST_WRAPPED = 40  # characters
LONGEST_WRAPPED = 100  # characters: an edition with longer lines has a paragraph in each
SLACK = 4  # characters that a typist left free at the end of a line
WRAPPED_SHARE = 0.4  # of the breaks between two full lines, from which on a text counts as hard-wrapped
CENTRED = 9  # spaces from line to line, from which on lines are not indented but set in the middle
DEEPEST = 4  # spaces of indentation that are kept of a line of verse


@dataclass(frozen=True)
class Cleaned:
    """A text as it is learned from, and what was done to it, a sentence each."""

    text: str
    typography: Typography
    language: str
    layout: Layout
    notes: tuple[str, ...]


def clean(text: str, form: Form = "book") -> Cleaned:
    r"""`text`, with \n as line ends, in a form to learn from; what is not prose keeps its lines in every form."""
    notes: Notes = []
    if form != "as it is":
        text = without_licence(text, notes)
    language, layout = guessed_language(text), guessed_layout(text)
    if layout == "lines" or form != "book":
        return Cleaned(text, "as it is", language, layout, tuple(notes))
    for remove in REMOVALS:
        text = remove(text, notes)
    text = joined(text, notes) if layout == "wrapped" else text
    text = spaced(text)
    typography = TYPOGRAPHY.get(language, "as it is")
    if typography != "as it is":
        note(notes, len(MARK.findall(text)), "quote or apostrophe set", "quotes and apostrophes set")
        note(notes, len(TYPED_DASH.findall(text)), "typed dash set as a dash", "typed dashes set as dashes")
    return Cleaned(typeset(text, typography), typography, language, layout, tuple(notes))


def guessed_language(text: str) -> str:
    """The likeliest language of `text` as its ISO 639-1 code, from a sample of it; "" where it has no letters."""
    middle = len(text) // 3
    sample = text[middle : middle + 20_000]
    return py3langid.classify(sample)[0] if any(map(str.isalpha, sample)) else ""


# ---- how the text is laid out ------------------------------------------------------------------------------------------


def guessed_layout(text: str) -> Layout:
    """Whether the lines of `text` are wrapped prose, whole paragraphs, or lines that are meant as lines."""
    lines = text.split("\n")
    width = line_width(lines)
    if width > LONGEST_WRAPPED:
        long = [line.rstrip() for line in lines if len(line) > LONGEST_WRAPPED]
        ended = sum(bool(re.search(r"[.!?:;…—–-][\"'’”“«»)]*$", line)) for line in long)
        letters = sum(c.isalpha() or c in " ,.’'" for line in long for c in line)
        most = 2 * sum(map(len, long)) > sum(map(len, lines))
        prose = ended > 0.7 * len(long) and letters > 0.9 * sum(map(len, long))
        return "paragraphs" if most and prose else "lines"
    if width < NARROWEST_WRAPPED:
        return "lines"
    breaks = [(a, b) for a, b in pairwise(lines) if a.strip() and b.strip()]
    wraps = [(a, b) for a, b in breaks if is_wrap(a, b, width)]
    # A wrapped line ends anywhere in a sentence; lines that are meant as lines begin with a capital or a mark.
    within = sum(b.lstrip()[0].islower() for _, b in wraps)
    return "wrapped" if len(wraps) > WRAPPED_SHARE * len(breaks) and 2 * within > len(wraps) > 0 else "lines"


def line_width(lines: Sequence[str]) -> int:
    """The width to which an edition was wrapped: the 97th percentile of the lengths of its longer lines."""
    lengths = sorted(len(line.rstrip()) for line in lines if len(line.rstrip()) > SHORT_LINE)
    return lengths[int(0.97 * (len(lengths) - 1))] if lengths else 0


def is_wrap(line: str, following: str, width: int) -> bool:
    """Whether the break between two lines is there only because the next word did not fit."""
    word = re.match(r"\s*(\S+)", following)
    return word is not None and bool(line.strip()) and len(line.rstrip()) + 1 + len(word[1]) > width - SLACK


def is_prose(lines: Sequence[str]) -> bool:
    """Whether lines without a blank one between them are a paragraph of their own width: most begin in mid-sentence."""
    within = sum(line.lstrip(" (\"'“‘—-")[:1].islower() for line in lines[1:])
    shortest = SHORT_LINE if len(lines) > 2 else 2 * SHORT_LINE
    return len(lines) > 1 and within > 0.7 * (len(lines) - 1) and min(map(len, lines[:-1])) > shortest


# ---- from lines to paragraphs ------------------------------------------------------------------------------------------


def joined(text: str, notes: Notes) -> str:
    """`text` with its wrapped lines joined; a line that is indented, or that the next one's first word fitted, stays.

    A word that is hyphenated at the end of a line loses its hyphen where it occurs without one elsewhere.
    """
    lines = text.split("\n")
    width = max(line_width(lines), NARROWEST_WRAPPED)
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))
    compounds = set(re.findall(r"[^\W\d_]+-[^\W\d_]+", text.casefold()))
    paragraphs: list[str] = []
    joins = hyphens = 0
    for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text):
        block_lines = [line.rstrip() for line in block.split("\n") if line.strip()]
        if not block_lines:
            continue
        indents = [len(line) - len(line.lstrip()) for line in block_lines]
        margin = min(indents)
        deepest = DEEPEST if max(indents) - margin < CENTRED else 0
        parts = [" " * min(indents[0] - margin, deepest) + block_lines[0].strip()]
        prose = is_prose(block_lines)
        for (line, following), indent in zip(pairwise(block_lines), indents[1:], strict=True):
            if indent > margin or not (prose or is_wrap(line, following, width)):
                parts.append("\n" + " " * min(indent - margin, deepest) + following.strip())
                continue
            joins += 1
            following = following.strip()
            head = re.search(r"([^\W\d_]+)-$", parts[-1])
            tail = re.match(r"[^\W\d_]+", following)
            if head and tail:
                compound = f"{head[1]}-{tail[0]}".casefold()
                if (head[1] + tail[0]).casefold() in words and compound not in compounds:
                    parts[-1] = parts[-1][:-1]
                    hyphens += 1
                parts.append(following)
            elif re.search(r"(?:--|—)$", parts[-1]):
                parts.append(following)
            else:
                parts.append(" " + following)
        paragraphs.append("".join(parts))
    note(
        notes,
        joins,
        f"line end joined, in {len(paragraphs):,} paragraphs",
        f"line ends joined, in {len(paragraphs):,} paragraphs",
    )
    note(notes, hyphens, "word joined that a line end had cut", "words joined that a line end had cut")
    return "\n\n".join(paragraphs)


def spaced(text: str) -> str:
    """`text` with one space between words and sentences, and one blank line between paragraphs."""
    text = re.sub(r"(?<=\S)  (?=\S)", " ", text)
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
