"""Text that does not look like prose: markup, tables, lists, wrong encodings, and words that a scanner misread."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """Something that does not look like prose, and what to do about it."""

    name: str
    line: re.Pattern[str]  # finds a line of this kind
    advice: str
    together: int = 1  # lines of this kind in a row, at least
    share: float = 0.0  # of the text's lines, at least
    languages: tuple[str, ...] = ()  # in which it is looked for; none: in all


FEWEST = 3  # lines of a kind that are reported
MISREAD = "correct the text, or find a proofread edition: the model learns each mistake"
KINDS = (
    Kind(
        "lines with markup",
        re.compile(r"</?[a-zA-Z][^<>\n]*>|&(?:[a-z]{2,8}|#\d+);|\{\{|\[\[|\\[a-z]+\{|^#{1,6} |\*\*\w"),
        "save the text without its markup, or the model writes it, too",
    ),
    Kind(
        "lines of tables",
        re.compile(
            r"\S(?: {4,}|\t)\S.*(?<=\S)(?: {4,}|\t)\S|\|\s*[^|\s][^|]*\|"
            r"|^\S(?:.*\S)? {4,}[\d.,]+$|(?<!\.)\.{4,} *\d+$"
        ),
        "leave tables out: their columns teach nothing of sentences",
        together=3,
    ),
    Kind(
        "lines of lists",
        re.compile(r"^ *(?:[-*•·] |\(?\d{1,3}[.)]\)? )\S"),
        "leave long lists out unless the model should write lists",
        together=6,
    ),
    Kind(
        "lines with web addresses",
        re.compile(r"https?://|\bwww\.\w"),
        "take addresses out: no model of this size can learn them",
    ),
    Kind(
        "lines with letters in a wrong encoding",
        re.compile(r"\ufffd|Ã[\u0080-\u00bf©ª«¼¤¶Ÿ§]|â€|Â[\u00a0-\u00bf]"),
        "save the file as UTF-8 from the program that shows it rightly",
    ),
    Kind(
        "lines with words that a scanner may have misread",
        re.compile(r"\b[a-z]+\d+[a-z]*\b|[a-z][|¦¬^~\\]|[■□▪►¤¦¬]"),
        MISREAD,
        share=0.002,
    ),
    Kind(
        "lines with single letters that a scanner may have left of words",
        re.compile(r"(?<=[a-z] )[b-hj-nqrtvwxz](?= [a-z])"),
        MISREAD,
        share=0.002,
        languages=("en", "de", "fr"),  # in others, such as Italian and Polish, some of these are words
    ),
)


@dataclass(frozen=True)
class Finding:
    """The number of lines of a kind in a text, and the first of these lines: its start in the text, and its words."""

    kind: Kind
    count: int
    start: int
    line: str


def unlike_prose(text: str, language: str) -> list[Finding]:
    """The lines of `text`, in the language with that code, that do not look like prose; one finding for each kind."""
    lines = list(_lines(text))
    found = []
    for kind in KINDS:
        if kind.languages and language not in kind.languages:
            continue
        hits = _together([bool(kind.line.search(line)) for _, line in lines], kind.together)
        if len(hits) >= max(FEWEST, kind.share * len(lines)):
            found.append(Finding(kind, len(hits), *lines[hits[0]]))
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of `text` that are not blank, and where they begin."""
    start = 0
    for line in text.split("\n"):
        if line.strip():
            yield start, line
        start += len(line) + 1


def _together(matches: list[bool], least: int) -> list[int]:
    """The indices of the lines that match, where at least `least` of them follow each other."""
    hits: list[int] = []
    run: list[int] = []
    for i, match in enumerate([*matches, False]):
        if match:
            run.append(i)
            continue
        hits += run if len(run) >= least else []
        run = []
    return hits
