"""What belongs to an edition and not to its story, found and taken out: licence, credits, contents, notes, marks."""

import re
from collections.abc import Callable

Notes = list[str]

# ---- Project Gutenberg ------------------------------------------------------------------------------------------------

# The markers stand alone in their line, indented or not; the oldest files have only the "small print" one.
GUTENBERG_START = re.compile(
    r"^[ \t]*\*\*\*[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK"
    r"(?:(?:[^*\n]|\n(?!\n)){0,300}\*\*\*[ \t]*|[^*\n]*)$"  # a long title runs over several lines
    r"|^[ \t]*\*END[ *]*THE SMALL PRINT!.*$",
    re.IGNORECASE | re.MULTILINE,
)
GUTENBERG_END = re.compile(
    r"^[ \t]*\*\*\*[ \t]*END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK"
    r"|^[ \t]*END (?:OF )?(?:THE |THIS )?PROJECT GUTENBERG(?:'S|’S)? .*$",
    re.IGNORECASE | re.MULTILINE,
)
# Old files without these markers: a header that names itself in many lines, and the same again behind the text.
GUTENBERG_LINE = re.compile(
    r"^.*(?:Project Gutenberg|\be-?texts?\b|gutenberg\.(?:net|org)|promo\.net).*$", re.IGNORECASE | re.MULTILINE
)
LONGEST_HEADER = 25_000  # characters


def without_licence(text: str, notes: Notes) -> str:
    """`text` between Project Gutenberg's header and licence, where it has them."""
    start = next((match.end() for match in GUTENBERG_START.finditer(text[: 2 * LONGEST_HEADER])), 0)
    end = next((match.start() for match in GUTENBERG_END.finditer(text, start)), len(text))
    if not start and GUTENBERG_LINE.search(text[:500]):
        *_, last = GUTENBERG_LINE.finditer(text[: min(LONGEST_HEADER, len(text) // 2)])
        start = text.find("\n\n", last.end())
    behind = GUTENBERG_LINE.search(text, (start + end) // 2, end) if start else None
    if behind and "Gutenberg" in behind[0]:
        end = behind.start()
    cut = [part for part, found in (("header", start > 0), ("licence", end < len(text))) if found]
    if not cut:
        return text
    notes.append(f"Project Gutenberg's {' and '.join(cut)} cut off ({len(text) - end + start:,} characters)")
    return text[start:end].lstrip("\n").rstrip()


# ---- before and behind the story ---------------------------------------------------------------------------------------

WIDE_GAP = 3  # line ends behind a table of contents, from which on what follows is no part of it
FRONT_SHARE, BACK_SHARE = 0.1, 0.35  # of a text: how far from its ends front and back matter are looked for
CREDITS = re.compile(
    r"(?:^|\b)(?:Produced by|Transcribed (?:from|by)|(?:E-?text|This (?:e-?text|eBook)) (?:was )?(?:prepared|produced|scanned)"
    r"|Etext scanned by|Scanned by|Prepared by|Proofread|Distributed Proofread|\[?E-text prepared|Updated editions"
    r"|Note: (?:Project Gutenberg|Images of))",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"https?:|www\.|\w@\w+\.\w")
TRANSCRIBER = re.compile(r"^\W*Transcriber(?:['’]?s)?['’]? ?(?:Notes?|Note and Errata)?\b", re.IGNORECASE)
CONTENTS = re.compile(
    r"^\W*(?:(?:table of )?contents|(?:list of )?(?:the )?(?:(?:full[- ]page |colou?red )?illustrations|plates)|inhalt"
    r"|inhaltsverzeichnis|inhalts-verzeichnis|table(?: des mati[èe]res)?|index)\W*$",
    re.IGNORECASE,
)
THE_END = re.compile(r"^\W*(?:the end|finis|end|ende|fin)\W*$", re.IGNORECASE)
BACK_HEADING = re.compile(
    r"^\W*(?:notes?(?: and references)?|footnotes?|appendix(?: [ivx\d]+)?|index|glossary|bibliography|advertisements?"
    r"|errata|(?:other )?(?:books|works|stories|novels|volumes) by\b.{0,60}|by the same author|uniform (?:edition|with)\b.{0,40}"
    r"|new (?:books|novels)\b.{0,40}|the (?:famous )?.{0,30} (?:series|books)|anmerkungen|fußnoten)\W*$",
    re.IGNORECASE,
)


def front_matter(text: str, notes: Notes) -> str:
    """`text` without the credits of those who made the file, and without tables of contents and of illustrations."""
    blocks = _blocks(text)
    limit = FRONT_SHARE * len(text)
    kept: list[str] = []
    cut = {"credits and notes of transcribers": 0, "tables of contents": 0}
    place, i = 0, 0
    while i < len(blocks):
        block = blocks[i]
        place += len(block)
        i += 1
        if place - len(block) > limit:
            kept.append(block)
            continue
        if _is_credit(block):
            cut["credits and notes of transcribers"] += len(block)
            continue
        heading, _, rest = block.strip().partition("\n")
        if not CONTENTS.match(heading):
            kept.append(block)
            continue
        entries, i = _entries(blocks, i, rest)
        if not entries:
            kept.append(block)
            continue
        size = len(block) + sum(
            map(len, blocks[i - entries + bool(rest.strip()) : i])
        )  # the heading's block, the others
        place += size - len(block)
        cut["tables of contents"] += size
    for what, size in cut.items():
        if size:
            notes.append(f"{what} cut off ({size:,} characters)")
    return "".join(kept)


def _entries(blocks: list[str], i: int, rest: str) -> tuple[int, int]:
    """How many blocks from `i` on are entries of a table, one behind its heading included, and where they end.

    The table ends where a block is no table, where a heading repeats an entry, which is then the chapter itself, or at
    a wide gap.
    """
    if rest.strip() and not _is_table(rest):
        return 0, i
    count = int(bool(rest.strip()))
    seen = {_plain(line) for line in rest.split("\n")}
    while i < len(blocks) and _is_table(blocks[i]):
        lines = blocks[i].strip().split("\n")
        if count and _plain(lines[0]) in seen - {""}:
            break
        seen |= {_plain(line) for line in lines}
        count += 1
        i += 1
        if len(blocks[i - 1]) - len(blocks[i - 1].rstrip("\n")) > WIDE_GAP:
            break
    return count, i


def _is_table(block: str) -> bool:
    """Whether a block can be entries of a table: short lines that begin as titles do, few of which end in mid-sentence."""
    lines = [line.strip() for line in block.strip().split("\n") if line.strip()]
    if not lines:
        return True
    ended = sum(bool(re.search(r"[a-z,;][.!?]?[\"”'’]$|[a-z],$|\w[-—]$", line)) for line in lines)
    begun = sum(bool(re.match(r"[\W_]*(?:[A-ZÀ-Ý\d]|chapter)", line)) for line in lines)
    return max(map(len, lines)) < 80 and 2 * ended < len(lines) and begun > 0.6 * len(lines)


def _plain(heading: str) -> str:
    """A heading without the numbers of its chapter and page, its punctuation and its case."""
    title = re.sub(
        r"^\W*(?:(?:chapter|kapitel|chapitre)\s+)?(?:[ivxlc]+|\d+)[.:)\s]+", "", heading.strip(), flags=re.IGNORECASE
    )
    return re.sub(r"[\W_]+", "", re.sub(r"[\s.]+(?:\d+|[ivxlc]+)\s*$", "", title)).casefold()


def _is_credit(block: str) -> bool:
    first = block.strip()[:200]
    return bool(TRANSCRIBER.match(first) or CREDITS.match(first.lstrip("[_* ")) or ADDRESS.search(block[:600]))


def back_matter(text: str, notes: Notes) -> str:
    """`text` up to the end of its story: without advertisements, lists of other books, notes and indexes behind it."""
    lines = text.split("\n")
    first = _line_at(lines, (1 - BACK_SHARE) * len(text))
    whole = len(text)

    def behind(i: int) -> int:
        return sum(len(line) + 1 for line in lines[i:])

    def alone(i: int) -> bool:
        return (i == 0 or not lines[i - 1].strip()) and (i + 1 >= len(lines) or not lines[i + 1].strip())

    candidates: list[tuple[int, str]] = []
    ends = [i for i in range(first, len(lines)) if THE_END.match(lines[i])]
    everywhere = sum(bool(THE_END.match(line)) for line in lines)
    if ends and behind(ends[-1]) < (0.15 if everywhere == 1 else 0.03) * whole:
        candidates.append((ends[-1] + 1, "what stands behind the end"))
    for i in range(first, len(lines)):
        line = lines[i].strip()
        if TRANSCRIBER.match(line) and behind(i) < 0.1 * whole:
            candidates.append((i, "notes of transcribers"))
            break
        capital = line.isupper() or line.istitle()
        most = 0.1 if re.search("foot|fuß", line, re.IGNORECASE) else BACK_SHARE
        if BACK_HEADING.match(line) and capital and alone(i) and behind(i) < most * whole:
            candidates.append((i, f"from {line.strip(' .:_*[]')} on"))
            break
    if not candidates:
        return text
    i, what = min(candidates)
    # A box of hyphens and bars around a note begins before the words.
    while i and re.fullmatch(r"[\s|+\-=*_~.]*", lines[i - 1]):
        i -= 1
    size = behind(i)
    if any(re.search(r"\w", line) for line in lines[i:]):
        notes.append(f"{what} cut off at the end ({size:,} characters)")
    return "\n".join(lines[:i]).rstrip()


# ---- between the words -------------------------------------------------------------------------------------------------

BRACKETS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    (
        "illustration",
        "illustrations",
        re.compile(
            r"\[\s*_?\*?(?:Illustrations?|Picture|Image|Abbildung|Bild|Plate|Frontispiece)\b(?:[^\[\]]|\[[^\[\]]*\])*\]"
        ),
    ),
    (
        "transcriber's note",
        "transcriber's notes",
        re.compile(
            r"\[\s*_?(?:Transcriber|Transcriptor|Note of transcriber|Anmerkung(?:en)? zur Transkription)(?:[^\[\]]|\[[^\[\]]*\])*\]",
            re.IGNORECASE,
        ),
    ),
    (
        "footnote",
        "footnotes",
        re.compile(r"\[\s*_?(?:Footnotes?|Fußnote|Note)_?\s?[\dA-Z*]*\s*:(?:[^\[\]]|\[[^\[\]]*\])*\]"),
    ),
    (
        "number of a footnote or page",
        "numbers of footnotes and pages",
        re.compile(
            r"[ \t]?\[(?:\d{1,4}|[A-Z*†]|\*+|[a-z]{1,2}|(?:FN|Fn|i|Pg|p|S)[ .#_]*\d+[a-z]?|[ivxl]+)\]|[ \t]?\{(?:Pg |p\. ?)?[\divxlc]+\}"
        ),
    ),
)
EMPHASIS = re.compile(r"(?<!\w)_+(?=[^\s_])|(?<=[^\s_])_+(?!\w)")
STRONG = re.compile(r"(?<![\w=])=(?=\S)([^=\n]{1,80}?(?:\n[^=\n]{1,80}?)?)(?<=\S)=(?![\w=])")
RULE = re.compile(r"^[ \t]*(?:(?:[*•·#~=+_\-—–―o][ \t]*){3,}|\*)[ \t]*$", re.MULTILINE)
SCENE_BREAK = "* * *"


def bracketed(text: str, notes: Notes) -> str:
    """`text` without what stands in brackets for pictures, notes and numbers of pages."""
    for one, many, pattern in BRACKETS:
        text, count = pattern.subn("", text)
        note(notes, count, f"{one} taken out", f"{many} taken out")
    return text


def emphasis(text: str, notes: Notes) -> str:
    """`text` without the underscores and equal signs around emphasised words."""
    text, count = EMPHASIS.subn("", text)
    text, more = STRONG.subn(r"\1", text)
    note(notes, count // 2 + more, "mark of emphasis taken out", "marks of emphasis taken out")
    return text


def page_numbers(text: str, notes: Notes) -> str:
    """`text` without the numbers of pages that stand alone in a line, where they rise through the text."""
    pattern = re.compile(r"^[ \t]*(\d{1,4})[ \t]*$\n?", re.MULTILINE)
    numbers = [int(match[1]) for match in pattern.finditer(text)]
    rising = sum(0 < b - a < 12 for a, b in zip(numbers, numbers[1:], strict=False))
    if len(numbers) < 20 or rising < 0.8 * len(numbers) or max(numbers) < 50:
        return text
    note(notes, len(numbers), "page number taken out", "page numbers taken out")
    return pattern.sub("", text)


def rules(text: str, notes: Notes) -> str:
    """`text` with each line of stars, hyphens or the like as one form of scene break, and none behind another."""
    text, count = RULE.subn(SCENE_BREAK, text)
    text = re.sub(rf"(?:{re.escape(SCENE_BREAK)}\s*\n\s*)+(?={re.escape(SCENE_BREAK)})", "", text)
    note(notes, count, "line of stars or hyphens set as a scene break", "lines of stars or hyphens set as scene breaks")
    return text


REMOVALS: tuple[Callable[[str, Notes], str], ...] = (
    front_matter,
    back_matter,
    bracketed,
    emphasis,
    page_numbers,
    rules,
)


def note(notes: Notes, count: int, one: str, many: str) -> None:
    """Add a sentence that tells a count, where it is not 0."""
    if count:
        notes.append(f"{count:,} {one if count == 1 else many}")


def _blocks(text: str) -> list[str]:
    """`text` cut after each run of blank lines; joined again they are the text."""
    return [block for block in re.split(r"(?<=\n)(?=[^\n]*\S)(?<=\n\n)", text) if block]


def _line_at(lines: list[str], place: float) -> int:
    """The line in which the character at `place` stands."""
    for i, line in enumerate(lines):
        place -= len(line) + 1
        if place < 0:
            return i
    return len(lines)
