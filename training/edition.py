"""Remove the parts of a text that belong to its edition, not to its story: licence, credits, contents, notes, marks.

A rule is a function that takes a text, notes its changes, and returns the changed text. Blank lines separate blocks.
"""

import re
from collections.abc import Callable
from itertools import groupby, pairwise, takewhile

from training.changes import Changes, note

Rule = Callable[[str, Changes], str]

# ---- Project Gutenberg -----------------------------------------------------------------------------------------------

# Each marker is alone on its line, which may be indented. The oldest files have only the "small print" marker.
GUTENBERG_START = re.compile(
    r"^[ \t]*\*\*\*[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK"
    r"(?:(?:[^*\n]|\n(?!\n)){0,300}\*\*\*[ \t]*|[^*\n]*)$"  # a long title runs over several lines
    r"|^[ \t]*\*END[ *]*THE SMALL PRINT!.*$",
    re.IGNORECASE | re.MULTILINE,
)
GUTENBERG_END = re.compile(
    r"^[ \t]*\*\*\*[ \t]*END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK"
    r"|^[ \t]*END (?:OF )?(?:THE |THIS )?PROJECT GUTENBERG(?:'S|’S)? .*$"
    r"|^[ \t]*ENDE DIESES PROJEKT GUTENBERG .*$",
    re.IGNORECASE | re.MULTILINE,
)
# Old files without these markers have a header with many lines such as these, and its first line again after the text.
GUTENBERG_LINE = re.compile(
    r"^.*(?:Project Gutenberg|\be-?texts?\b|gutenberg\.(?:net|org)|promo\.net).*$", re.IGNORECASE | re.MULTILINE
)
LONGEST_HEADER = 25_000  # characters
FEWEST_LINES = 3  # of a header without a marker


def without_licence(text: str, changes: Changes) -> str:
    """`text` without Project Gutenberg's headers and licences, of which a text of several books has several."""
    first = GUTENBERG_START.search(text[: 2 * LONGEST_HEADER])
    start, end = (first.end(), len(text)) if first else _unmarked(text)
    header, licence = start > 0, end < len(text)
    stories: list[str] = []
    while start < end:
        found = GUTENBERG_END.search(text, start, end)
        following = GUTENBERG_START.search(text, found.end()) if found else None
        stories.append(text[start : found.start() if found else end])
        header, licence = header or bool(following), licence or bool(found)
        start = following.end() if following else len(text)
    cut = [part for part, is_cut in (("header", header), ("licence", licence)) if is_cut]
    if not cut:
        return text
    left_out = len(text) - sum(map(len, stories))
    note(changes, f"Project Gutenberg's {' and '.join(cut)} left out: {{character}}", left_out)
    return "\n\n".join(story.lstrip("\n").rstrip() for story in stories if story.strip())


def _unmarked(text: str) -> tuple[int, int]:
    """Where the story of a file without markers begins and ends; the whole text if it has no header."""
    top = text.lstrip().partition("\n")[0]
    found = list(GUTENBERG_LINE.finditer(text[: min(LONGEST_HEADER, len(text) // 2)]))
    if "Project Gutenberg" not in top or len(found) < FEWEST_LINES:
        return 0, len(text)
    start = max(0, text.find("\n\n", found[-1].end()))
    end = text.find(f"\n{top}\n", start) if start else -1
    return start, end if end > 0 else len(text)


# ---- before the story ------------------------------------------------------------------------------------------------

QUOTES = "\"'’”“«»"  # those that can follow the mark at the end of a sentence
FRONT_SHARE = 0.1  # of a text, from its beginning: the part in which front matter is searched
MAKERS = re.compile(  # the first words of credits, or of a story's own paragraph
    r"^[\W_]*(?:(?:Produced|Prepared|Scanned|Transcribed) (?:by|from|and)|(?:Distributed )?Proofread|Title: )",
    re.IGNORECASE,
)
CREDITS = re.compile(
    r"^[\W_]*(?:Updated editions|Special thanks are due|Note: (?:Project Gutenberg|Images of))"
    r"|\be-?texts?\b|Project Gutenberg|Gutenberg Projekt|\b(?:pgdp\.net|gutenberg\.(?:net|org)|archive\.org)\b"
    r"|\be-?book (?:was|is) (?:prepared|produced)|\b(?:livre|version|édition) (?:électronique|numérisée)\b"
    r"|\borthographe (?:d.origine )?a été conservée\b|\bponctuation n.a pas été modifiée\b|\btacitement remplacé",
    re.IGNORECASE,
)
TRANSCRIBER = re.compile(
    r"^\W*(?:(?:original )?transcriber\S* notes?\b|note (?:du|de la) transcri\w+"
    r"|(?:anmerkungen?|hinweise?) (?:zur|des|der) (?:transkription|transkribent|bearbeiter)\w*"
    r"|bemerkungen zur textgestalt\b)",
    re.IGNORECASE,
)
OF_A_FILE = re.compile(r"proofread|https?://|\w@\w", re.IGNORECASE)
OF_A_NOTE = re.compile(r"transkri|transcri|original", re.IGNORECASE)
CREDITS_WITHIN = 5_000  # characters
IMPRINT = re.compile(
    r"\bcopyright\b|all rights reserved|alle rechte vorbehalten|\bprinted in\b|\bpublishers?$|\bpublished by\b"
    r"|\bverlag\b|^[^\w\n]*\w\S* auflage\b"
    r"|^[^\w\n]*(?:first|second|third|\w+(?:th|st|nd|rd)) (?:printing|impression|edition)\b"
    r"|\bby the same author\b|^[^\w\n]*druck(?: von\b|:)|\b(?:tous droits|droits de (?:reproduction|traduction))\b"
    r"|^[^\w\n]*(?:[aà] la )?librairie\b|\béditeurs?$|\bdu même auteur\b|\bexemplaires\b.{0,60}\bnumérotés\b"
    r"|^[^\w\n]*achevé d.imprimer\b|^[^\w\n]*1[5-9]\d\d[^\w\n]*$|\bgebunden \d+ (?:pf|mk?)\b",
    re.IGNORECASE | re.MULTILINE,
)
PROSE = re.compile(rf".{{100,}}[^\W\d_A-Z] ?[.!?…。！？]+[ {QUOTES}]*")  # ends as a sentence does, in any script
CONTENTS = re.compile(
    r"^[\W_]*(?:(?:table of )?contents|list of chapters|(?:list of )?(?:the )?plates"
    r"|(?:list of )?(?:the )?(?:full[- ]page |colou?red )?illustrations"
    r"|inhalt(?:s-?verzeichni(?:s|ss|ß))?|table(?: des (?:mati[èe]res|chapitres))?|index)[\W_]*$",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"[\W_]*(?:(?:chapter|kapitel|chapitre|part|teil)\s+)?(?:[ivxlc]+|\d+)\b[.:)\s]", re.IGNORECASE)
PAGED = re.compile(r"(?:\s{2,}|\. ?\.\s*|page )_?(?:\d+|[ivxlc]+|frontispiece)_?$", re.IGNORECASE)
LONGEST_ENTRY = 4  # lines
WIDE_GAP = 3  # line ends: if more of them follow an entry, the table of contents ends there


def credits(text: str, changes: Changes) -> str:
    """`text` without the paragraphs near its beginning that credit the makers of the file."""
    front, rest = _front(text)
    kept: list[str] = []
    place = cut = 0
    heading = False  # whether the last block was no more than the heading of a note
    for block in front:
        first, _, more = block.strip().partition("\n")
        transcriber = bool(TRANSCRIBER.match(first))
        credit = transcriber or CREDITS.search(block[:600]) or (heading and OF_A_NOTE.search(block))
        credit = credit or (MAKERS.match(block) and (OF_A_FILE.search(block) or not _is_prose(block)))
        if credit and place < CREDITS_WITHIN:
            cut += len(block)
        else:
            kept.append(block)
        heading = (heading and bool(credit)) or (transcriber and not more)
        place += len(block)
    note(changes, "credits of those who made the file left out: {character}", cut)
    return "".join(kept) + rest


def title_page(text: str, changes: Changes) -> str:
    """`text` without its title page: everything up to the last publisher's imprint before the first prose."""
    front, rest = _front(text)
    last = 0
    for i, block in enumerate(front):
        if _is_prose(block):
            break
        if IMPRINT.search(block):
            last = i + 1
    note(changes, "title page left out: {character}", sum(map(len, front[:last])))
    return "".join(front[last:]) + rest


def contents(text: str, changes: Changes) -> str:
    """`text` without tables of contents and lists of illustrations in its beginning."""
    front, rest = _front(text)
    kept: list[str] = []
    cut = i = 0
    while i < len(front):
        heading, _, lines = re.sub(r"\A[\W_]+\n", "", front[i]).strip().partition("\n")  # without a rule above it
        end = _end_of_table(front, i + 1, lines) if CONTENTS.match(heading) else i
        if end == i:
            kept.append(front[i])
        cut += sum(map(len, front[i:end]))
        i = max(end, i + 1)
    note(changes, "tables of contents left out: {character}", cut)
    return "".join(kept) + rest


def _end_of_table(blocks: list[str], i: int, lines: str) -> int:
    """The index of the first block after a table; block `i` - 1 has the heading, with `lines` below it.

    A table ends before a block that is not an entry, before a block that repeats one of the first entries (the chapter
    itself), and after a wide gap. A heading without any entry is not a table; then the index is that of the heading.
    """
    if lines.strip() and not _is_table(lines):
        return i - 1
    first = i
    entries = [_plain(line) for line in lines.split("\n") if _plain(line)]
    while i < len(blocks) and _is_table(blocks[i]):
        if entries and _plain(blocks[i].strip().split("\n")[0]) in entries[:5]:
            break
        entries += [_plain(line) for line in blocks[i].split("\n") if _plain(line)]
        i += 1
        if len(blocks[i - 1]) - len(blocks[i - 1].rstrip("\n")) > WIDE_GAP:
            break
    return i if i > first or lines.strip() else i - 1


def _is_table(block: str) -> bool:
    """Whether a block can be table entries: with chapter or page numbers, or short lines that begin as titles do."""
    lines = [line.strip() for line in block.split("\n") if line.strip()]
    if max(map(len, lines), default=0) >= 80:
        return False
    if len(lines) <= LONGEST_ENTRY and lines and (NUMBERED.match(lines[0]) or PAGED.search(lines[-1])):
        return True
    ended = sum(bool(re.search(r"[a-z,;][.!?]?[\"”'’]$|[a-z],$|\w[-—]$", line)) for line in lines)
    begun = sum(bool(re.match(r"[\W_]*(?:[A-ZÀ-Ý\d]|chapter)", line)) for line in lines)
    return not lines or (2 * ended < len(lines) and begun > 0.6 * len(lines))


def _plain(heading: str) -> str:
    """A heading without the numbers of its chapter and page, its punctuation and its case."""
    title = re.sub(r"[\s.]+_?(?:\d+|[ivxlc]+)_?\s*$", "", heading.strip())
    if (number := NUMBERED.match(title)) and number.end() < len(title):
        title = title[number.end() :]
    return re.sub(r"[\W_]+", "", title).casefold()


# ---- after the story -------------------------------------------------------------------------------------------------

BACK_SHARE = 0.35  # of a text, up to its end: the part in which back matter is searched
THE_END = re.compile(r"^\W*(?:the end|finis|end|ende|fin)\W*$", re.IGNORECASE)
BACK_HEADING = re.compile(
    r"^\W*(?:notes?(?: and references)?|footnotes?|appendix(?: [ivx\d]+)?|index|glossary|bibliography|advertisements?"
    r"|errata|(?:other )?(?:books|works|stories|novels|volumes) by\b.{0,60}|by the same author"
    r"|uniform (?:edition|with)\b.{0,40}|new (?:books|novels)\b.{0,40}"
    r"|the (?:famous|wonderful) .{0,30} (?:series|books)"
    r"|anmerkungen|fußnoten|inhalt(?:sverzeichni(?:s|ss|ß))?|table(?: des mati[èe]res)?)\W*$",
    re.IGNORECASE,
)
# The first lines, not headings, of the printer's or the publisher's own pages, or of a list of corrections.
BACK_LINE = re.compile(
    r"^\W*(?:druck(?: von\b|:)|verlag (?:von|der)\b|(?:im gleichen|in (?:demselben|gleichem|unserem)) verlage?\b"
    r"|alphabetisches verzeichnis\b|korrekturen:|liste (?:der )?korrigierte|im folgenden werden alle geänderten\b"
    r"|(?:.{0,30}[\W_])?imprimerie\b|achevé d.imprimer\b|liste des (?:corrections|modifications)\b"
    r"|printed (?:in|by)\b|printed and bound\b)",
    re.IGNORECASE,
)
# The largest share of a text after the only "The End", after the last of several, after a heading, and such a line.
SHARE_BEHIND_ONLY_END, SHARE_BEHIND_END, SHARE_BEHIND_HEADING, SHARE_BEHIND_LINE = 0.15, 0.03, 0.1, 0.07
LONG_NOTES = re.compile(r"^\W*(?:NOTES|TABLE)\b")  # these may take more, since advertisements can follow them
SCHOLARLY = re.compile(r"^\W*NOTES AND REFERENCES\b")  # these have paragraphs of prose
LONG_RUN = 7  # paragraphs of prose, one after another, that are part of the story


def back_matter(text: str, changes: Changes) -> str:
    """`text` up to the end of its story: without advertisements, lists of other books, notes and indexes behind it."""
    lines = text.split("\n")
    begins = [0]  # the index at which each line begins
    for line in lines:
        begins.append(begins[-1] + len(line) + 1)

    def behind(i: int) -> float:
        """The share of the text from line `i` on."""
        return (begins[-1] - begins[i]) / begins[-1]

    story = _last_run(lines)
    found = [
        i
        for i in range(len(lines))
        if behind(i) < BACK_SHARE
        and (
            _is_transcriber(lines, i)
            or _is_back_line(lines, i)
            or (_is_back_heading(lines, i) and (i > story or SCHOLARLY.match(lines[i])))
        )
    ]
    cut, what = len(lines), ""
    for i in found:
        line = lines[i].strip()
        most = SHARE_BEHIND_LINE if BACK_LINE.match(line) else SHARE_BEHIND_HEADING
        most = BACK_SHARE if LONG_NOTES.match(line) else most
        if behind(i) < most:
            cut, what = i, f"the end from “{line.strip(' .:;_*=+|[]')}” on"
            break
    ends = [i for i, line in enumerate(lines) if THE_END.match(line) and _is_alone(lines, i)]
    most = SHARE_BEHIND_ONLY_END if len(ends) == 1 else SHARE_BEHIND_END
    if ends and behind(ends[-1]) < most and story < ends[-1] < cut:
        cut, what = ends[-1] + 1, "what follows the last line “The End”"
    # The upper edge of a box of hyphens and bars around a note stands above its words.
    while 0 < cut < len(lines) and re.fullmatch(r"[\s|+\-=*_~.]*", lines[cut - 1]):
        cut -= 1
    if any(re.search(r"\w", line) for line in lines[cut:]):
        note(changes, f"{what} left out: {{character}}", begins[-1] - begins[cut])
    return "\n".join(lines[:cut]).rstrip() if what else text


def _is_back_heading(lines: list[str], i: int) -> bool:
    """Whether line `i` is a heading of back matter: in capitals or title case, with blank lines around it."""
    line = lines[i].strip()
    if not BACK_HEADING.match(line) or not (line[:1].isupper() or line[1:2].isupper()):
        return False
    return _is_alone(lines, i) and (line.isupper() or line.istitle() or line.startswith("Table des"))


def _is_back_line(lines: list[str], i: int) -> bool:
    """Whether line `i`, below a blank line, begins an addition of the printer, the publisher or a corrector."""
    if not BACK_LINE.match(lines[i]) or _above(lines, i).strip():
        return False
    return not _is_prose("\n".join(takewhile(str.strip, lines[i:])))


def _is_transcriber(lines: list[str], i: int) -> bool:
    """Whether line `i`, below a line without words, begins a transcriber's note."""
    return bool(TRANSCRIBER.match(lines[i])) and not re.search(r"\w", _above(lines, i))


def _is_alone(lines: list[str], i: int) -> bool:
    """Whether there are blank lines, or none, around line `i`."""
    return not _above(lines, i).strip() and not "".join(lines[i + 1 : i + 2]).strip()


def _above(lines: list[str], i: int) -> str:
    """The line above line `i`; "" above the first."""
    return lines[i - 1] if i else ""


def _last_run(lines: list[str]) -> int:
    """The line at which the last `LONG_RUN` paragraphs of prose one after another begin; -1 if there are none."""
    begins: list[int] = []  # of the paragraphs of prose that follow each other
    i, last = 0, -1
    for blank, group in groupby(lines, lambda line: not line.strip()):
        block = list(group)
        if not blank:
            begins = [*begins, i][-LONG_RUN:] if _is_prose("\n".join(block)) else []
            last = begins[0] if len(begins) == LONG_RUN else last
        i += len(block)
    return last


# ---- between the words -----------------------------------------------------------------------------------------------

INSIDE = r"(?:[^\[\]]|\[[^\[\]]*\])*"  # the inside of brackets, which can hold other brackets
BRACKETS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "{illustration} left out",
        re.compile(
            rf"\[\s*_?\*?(?:Illustrations?|Picture|Image|Abbildung(?:en)?|Bild|\w+tafel|Plate|Frontispiece)\b{INSIDE}\]"
            r"|\{[^{}]{0,200}\.(?:jpe?g|png|gif)\}"
        ),
    ),
    (
        "{transcriber's note} left out",
        re.compile(
            rf"\[\s*_?(?:Transcriber|Transcriptor|Note of transcriber|Anmerkung(?:en)? zur Transkription){INSIDE}\]",
            re.IGNORECASE,
        ),
    ),
    (
        "{footnote} left out",
        re.compile(
            rf"\[\s*_?(?:Footnotes?|Fußnote|Note)_?\s?[\dA-Z*]*\s*:{INSIDE}\]"
            rf"|[ \t]?\[\*\s?{INSIDE}\]|[ \t]?\(\*\s?[^()]{{1,400}}\)"
        ),
    ),
    ("names of sources left out: {name}", re.compile(rf"^\[(?:From|Translated from)\s{INSIDE}\]$", re.MULTILINE)),
)
LABEL = r"\d{1,4}[a-z]?|[*†]|\*+|(?:FN|Fn|i|Pg|p|S)[ .#_]*\d+[a-z]?|[IVXL]+_\d+"
LETTERS = r"[A-Z]|[a-z]{1,2}|[ivxl]+"  # a label only where no space stands before it: “and [I] came” is no reference
NUMBER = re.compile(rf"[ \t]?\[(?:{LABEL})\](?!\w)|(?<=\S)\[(?:{LETTERS})\](?!\w)|[ \t]?\{{(?:Pg |p\. ?)?[\divxlc]+\}}")
# A star after a word refers to a note below, unless another one stands before the emphasised words.
EMPHASISED = r"(?<![\w*])\*{1,3}(?=[^\s*])(?:[^*\n]|\n(?!\n))+(?<=\S)\*{1,3}"
STAR = re.compile(rf"(?P<words>{EMPHASISED})|(?<=[^\s*]) ?\*{{1,2}}(?=[\s”\"]|$)")
REFERENCE = re.compile(rf"\S ?\[(?P<label>{LABEL})\]|\S\[(?P<letters>{LETTERS})\]|{STAR.pattern}")
FOOTNOTE = re.compile(
    rf"^[ \t]*(?:\[({LABEL}|{LETTERS})\][ \t]+\S|\*{{1,2}} ?\w(?![^*\n]*\*))(?:.|\n(?!\n))*(?:\n+|$)", re.MULTILINE
)
LIST = re.compile(r"(?:[ \t]*\* .*\n)+[ \t]*\* .*\n*")
FOOTNOTES = re.compile(r"^[ \t]*(?:footnotes?|fußnoten?)[ \t]*:?[ \t]*$\n*", re.MULTILINE | re.IGNORECASE)
WITHIN_WORD = re.compile(
    r"(?<=[^\W_])_(?:([^\W_]{1,2})_(?=[^\W_])|([^\W_]{1,30}\.?)_(?!\w))|(?<!\w)_([a-zà-ÿ][^\W_]{0,30})_(?=[^\W_])"
)
TYPED_AS_DASH = re.compile(r"(?<!\S)_(?= [^\W\d_])")
EMPHASIS = re.compile(r"(?<!\w)_+(?=[^\s_])|(?<=[^\s_])_+(?!\w)")
STRONG = re.compile(r"(?<![\w=~+*])([=~+*])(?=\w)([^=~+*\n]{1,80}?(?:\n[^=~+*\n]{1,80}?)?)(?<=\S)\1(?![\w=~+*])")
BAR = re.compile(r"^\|(?=[^\W\d_])", re.MULTILINE)  # before a large initial
BREAK = re.compile(r"^[ \t]*(?:(?:[*•·#~=+_\-—–―o][ \t]*){3,}|\*)[ \t]*$", re.MULTILINE)
SCENE_BREAK = "* * *"
RULE_BELOW = re.compile(r"(?<=\S\n)[ \t]*[-_=—–]{3,}[ \t]*\n")  # below a heading
PAGE_NUMBER = re.compile(r"(?:(?<!\n)\n+)?^[ \t]*(\d{1,4})[ \t]*$\n*", re.MULTILINE)
FEWEST_PAGES = 20


def bracketed(text: str, changes: Changes) -> str:
    """`text` without bracketed marks of pictures, notes, sources and page numbers, and without footnotes."""
    for sentence, pattern in BRACKETS:
        text, count = pattern.subn("", text)
        note(changes, sentence, count)
    text = _without_footnotes(text, changes)
    text, count = NUMBER.subn("", text)
    note(changes, "numbers of footnotes and pages left out: {number}", count)
    return text


def _without_footnotes(text: str, changes: Changes) -> str:
    """`text` without footnotes: paragraphs that begin with the bracketed label, or star, of an earlier reference."""
    referred: dict[str | None, int] = {}  # where each label, or None for a star, first follows a word
    for match in REFERENCE.finditer(text):
        if not match["words"]:
            referred.setdefault(match["label"] or match["letters"], match.start())
    count = stars = 0

    def footnote(match: re.Match[str]) -> str:
        nonlocal count, stars
        of_text = referred.get(match[1], len(text)) < match.start() and text.endswith("\n\n", 0, match.start())
        of_text = of_text and not LIST.fullmatch(match[0])
        count += of_text
        stars += of_text and match[1] is None
        return "" if of_text else match[0]

    text = FOOTNOTES.sub("", FOOTNOTE.sub(footnote, text))
    text = STAR.sub(lambda match: match["words"] or "", text) if stars else text
    note(changes, "{footnote} left out", count)
    return text


def emphasis(text: str, changes: Changes) -> str:
    """`text` without the underscores, and signs such as = or *, around emphasised words and parts of words."""
    text = TYPED_AS_DASH.sub("--", text)
    text, pairs = WITHIN_WORD.subn(lambda part: part[1] or part[2] or part[3], text)
    text, count = EMPHASIS.subn("", text)
    text, more = STRONG.subn(r"\2", text)
    text, bars = BAR.subn("", text)
    note(changes, "{emphasis mark} left out", count + bars + 2 * (pairs + more))
    return text


def page_numbers(text: str, changes: Changes) -> str:
    """`text` without page numbers: numbers alone on a line, if they rise and many of them interrupt a sentence.

    Chapter numbers rise as well, but a sentence begins after them.
    """
    numbers = list(PAGE_NUMBER.finditer(text))
    rising = sum(0 < int(b[1]) - int(a[1]) < 12 for a, b in pairwise(numbers))
    within = sum(_goes_on(number) for number in numbers)
    if len(numbers) < FEWEST_PAGES or rising < 0.8 * len(numbers) or within < 0.25 * len(numbers):
        return text
    note(changes, "{page number} left out", len(numbers))
    return PAGE_NUMBER.sub(lambda number: "\n" if _goes_on(number) else "\n\n", text)


def _goes_on(number: re.Match[str]) -> bool:
    """Whether the text after a page number begins in the middle of a sentence."""
    return number.string[number.end() : number.end() + 1].islower()


def scene_breaks(text: str, changes: Changes) -> str:
    """`text` with each line of stars, hyphens or the like as `SCENE_BREAK`, and several in a row as one."""
    text, rules = RULE_BELOW.subn("", text)
    note(changes, "{rule} below a heading left out", rules)
    text, count = BREAK.subn(SCENE_BREAK, text)
    text = re.sub(rf"(?:{re.escape(SCENE_BREAK)}[^\S\n]*\n\s*)+(?={re.escape(SCENE_BREAK)})", "", text)
    note(changes, f"{{scene break}} set as {SCENE_BREAK}", count)
    return text


RULES: tuple[Rule, ...] = (
    credits,
    title_page,
    contents,
    back_matter,
    bracketed,
    emphasis,
    page_numbers,
    scene_breaks,
)


def _front(text: str) -> tuple[list[str], str]:
    """The blocks that begin in the first `FRONT_SHARE` of `text`, and the rest; joined they are the text.

    They are looked for in twice as much. The last one found there may be cut, so it is no part of the front.
    """
    front_and_more = text[: int(2 * FRONT_SHARE * len(text))]
    blocks = [block for block in re.split(r"(?<=\n)(?=[^\n]*\S)(?<=\n\n)", front_and_more) if block][:-1]
    front: list[str] = []
    place = 0
    while place <= FRONT_SHARE * len(text) and len(front) < len(blocks):
        front.append(blocks[len(front)])
        place += len(front[-1])
    return front, text[place:]


def _is_prose(block: str) -> bool:
    """Whether a block is a paragraph of prose: long, and ending as a sentence does."""
    return bool(PROSE.fullmatch(" ".join(block.split())))
