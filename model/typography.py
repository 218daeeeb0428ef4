"""Typography: replace quotes, dashes and spaces as typed by those that printed books of a language have."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Typography = Literal["as it is", "English", "German", "French"]


@dataclass(frozen=True)
class Convention:
    """The marks of one language: quotes of speech, quotes within speech, the dash, and the spaces around marks."""

    speech: tuple[str, str]
    inner: tuple[str, str]
    dash: str
    spaced: bool  # whether the dash stands between spaces
    thin_spaces: bool = False  # whether a narrow no-break space stands inside « » and before ; : ! ?


CONVENTIONS = {
    "English": Convention(("“", "”"), ("‘", "’"), "—", spaced=False),
    "German": Convention(("„", "“"), ("‚", "‘"), "–", spaced=True),
    "French": Convention(("«", "»"), ("“", "”"), "—", spaced=True, thin_spaces=True),
}
APOSTROPHE = "’"
THIN_SPACE = "\u202f"  # narrow no-break space
LONG_DASH = "——"  # for a name that is left out: Mr. ——

DOUBLE = '"“”„‟«»〝〞'
SINGLE = "'‘’‚‛`´"
ALWAYS_OPEN, ALWAYS_CLOSED = "„‚〝", "”〞"  # marks that always open, or always close
# Words without their first letters, such as 'tis, and years, such as '90s: the mark before them is an apostrophe.
ELIDED = re.compile(
    r"(?:tis|twas|twere|twill|twould|twon|em|er|im|ere|gainst|neath|nuff|cause|cos|coz|bout|ud|ll|re|ve|s|d|t|m|n"
    r"|nen?|nem|ner|raus|rein|rauf|runter|rüber)\b|\d",
    re.IGNORECASE,
)
OPENING_CONTEXT = re.compile(r"[\s(\[{<—–-]")  # characters that can stand before an opening mark
CLOSING_CONTEXT = re.compile(r"[\s)\]}>—–\-.,;:!?…]")  # characters that can stand after a closing mark
MARK = re.compile(rf"''|``|,,|[{DOUBLE}{SINGLE}]")
WORD_ENDS, WORD_BEGINS = (
    re.compile(rf"[^\s(\[{{{DOUBLE}{SINGLE}]$|\S[{DOUBLE}{SINGLE}]$"),
    re.compile(rf"[^\s)\]}}.,;:!?{DOUBLE}{SINGLE}]|[{DOUBLE}{SINGLE}]\w"),
)
# Of several spaces, only all or the last one can match, so the time is proportional to the length of the text.
TYPED_DASH = re.compile(
    r"(?<![-—–])(?:---+|(?:(?<![ \t])[ \t]+|[ \t])?(?:--|[—―⸺])[ \t]*|(?<=\S) – (?=\S)"
    r"|(?<=\S) - - (?=[^\s-]))(?![-—–])"
)

# A German quotation within speech, as typed, >so<, or as some printers set it, ›so‹.
POINTED = re.compile(r"(?<![\w<>›‹])[>›](?=[^\s<>›‹])((?:[^<>›‹\n]|\n(?!\n))*)[<‹](?![\w<>›‹])")
SPACES_INSIDE = re.compile(r"(?<=«)[ \u00a0\u202f]+(?=\S)|(?<=\S)[ \u00a0\u202f]+(?=»)")
# Places of a thin space; not in 10:30, in an address, between two marks, or before a smiley.
THIN_SPACE_PLACE = re.compile(
    r"(?<=«)[ \u00a0\u202f]*(?=\S)|(?<=\S)(?=»)"
    r"|(?<=[^\s(\[“;:!?])[ \u00a0\u202f]*(?![;:]\))(?=[;:!?]+(?:[\s»”’),.…—–\]]|\Z))"
)


def typeset(text: str, typography: Typography) -> str:
    """Return `text` with dashes, quotes and spaces by a language's convention; "as it is" changes nothing.

    The characters beside a mark decide whether it opens or closes. If they do not decide, the marks that are open in
    the paragraph decide. Speech in single quotes gets the marks of speech. Letters and digits do not change.

    >>> typeset("'Don't!' said Tom--'it's the dogs' dinner.'", "English")
    '“Don’t!” said Tom—“it’s the dogs’ dinner.”'
    >>> typeset('"Ach--nein," sagte sie.', "German")
    '„Ach – nein,“ sagte sie.'
    >>> typeset('"Moi?" dit-elle.', "French").replace(THIN_SPACE, "~")
    '«~Moi~?~» dit-elle.'
    """
    if typography == "as it is":
        return text
    convention = CONVENTIONS[typography]
    if convention.thin_spaces:
        text = SPACES_INSIDE.sub("", text)
    if typography == "German":
        text = POINTED.sub(r"‚\1‘", text)
    text = _dashes(text, convention)
    single_speech = _speech_is_single(text)
    blocks = re.split(r"(\n[ \t]*\n)", text)
    text = "".join(_quotes(block, convention, single_speech) if MARK.search(block) else block for block in blocks)
    return THIN_SPACE_PLACE.sub(THIN_SPACE, text) if convention.thin_spaces else text


def _dashes(text: str, convention: Convention) -> str:
    def dash(match: re.Match[str]) -> str:
        if len(match[0].replace(" ", "").strip()) > 2:
            return LONG_DASH
        if not convention.spaced:
            return convention.dash
        before, after = text[max(0, match.start() - 2) : match.start()], text[match.end() : match.end() + 2]
        return " " * bool(WORD_ENDS.search(before)) + convention.dash + " " * bool(WORD_BEGINS.match(after))

    return TYPED_DASH.sub(dash, text)


def _speech_is_single(text: str) -> bool:
    """Return whether most speech has single quotes: more of these end a clause than there are pairs of double ones."""
    single = len(re.findall(rf"[.,!?—][{SINGLE}](?!\w)", text))
    return single > len(re.findall(rf"[{DOUBLE}]", text)) / 2


@dataclass
class _Mark:
    """A quote or an apostrophe of a paragraph: its position, and its kind by the characters beside it."""

    start: int
    end: int
    family: str  # "single", "typed", "curly" or "angle"
    kind: str  # "open", "close", "either"; single marks also "apostrophe" or "end of word" (close or apostrophe)
    letter: str = ""  # the letter before an "end of word"

    @property
    def single(self) -> bool:
        return self.family == "single"


def _quotes(text: str, convention: Convention, single_speech: bool) -> str:
    marks = [_mark(text, match) for match in MARK.finditer(text)]
    _pair_single(marks, single_speech)
    parts, last = [], 0
    open_marks: list[_Mark] = []  # the outermost first
    for mark in marks:
        parts.append(text[last : mark.start])
        last = mark.end
        if mark.kind == "apostrophe":
            parts.append(APOSTROPHE)
            continue
        # The open marks that this one can belong to: of its own family, else, if it closes, also single or double.
        own = [i for i, each in enumerate(open_marks) if each.family == mark.family]
        own = own or [i for i, each in enumerate(open_marks) if mark.kind == "close" and each.single == mark.single]
        opens = mark.kind == "open" or (mark.kind == "either" and not own)
        depth = own[-1] if own else len(open_marks)
        inner = depth > 0 or (mark.single and not single_speech)
        parts.append((convention.inner if inner else convention.speech)[0 if opens else 1])
        if opens and not own:
            open_marks.append(mark)
        elif not opens:
            del open_marks[depth:]
    return "".join(parts) + text[last:]


def _mark(text: str, match: re.Match[str]) -> _Mark:
    start, end = match.span()
    before, after = text[start - 1 : start], text[end : end + 1]
    single = len(match[0]) == 1 and match[0] in SINGLE
    family = "single" if single else "angle" if match[0] in "«»" else "curly" if match[0] in "“”„‟" else "typed"
    opens = not before or bool(OPENING_CONTEXT.match(before)) or before in DOUBLE + SINGLE
    closes = not after or bool(CLOSING_CONTEXT.match(after)) or after in DOUBLE + SINGLE
    # Of two marks in a row, the character beyond the other mark tells on which side of the words they stand.
    if opens and before and before in DOUBLE + SINGLE:
        opens = start < 2 or bool(OPENING_CONTEXT.match(text[start - 2]))
    if closes and after and after in DOUBLE + SINGLE:
        closes = end + 1 >= len(text) or bool(CLOSING_CONTEXT.match(text[end + 1]))
    if single and (before.isalnum() and after.isalnum()):
        return _Mark(start, end, family, "apostrophe")
    if single and opens and ELIDED.match(text, end):
        return _Mark(start, end, family, "apostrophe")
    if match[0] in ALWAYS_OPEN:
        kind = "open"
    elif match[0] in ALWAYS_CLOSED:
        kind = "close"
    elif opens != closes:
        kind = "open" if opens else "close"
    else:
        kind = "either"
    if single and kind == "close" and before.isalpha():
        return _Mark(start, end, family, "end of word", before)
    return _Mark(start, end, family, kind)


def _pair_single(marks: list[_Mark], single_speech: bool) -> None:
    """Decide which single marks are quotes and which are apostrophes.

    An opening mark is closed by the next mark that ends a clause. If none follows, it is closed by a mark at the end of
    a word, preferably of a word that does not end in s: a mark after s may be a genitive. All other marks are
    apostrophes, except an opening mark of speech: the speech can go on in the next paragraph, and close there.
    """
    singles = [mark for mark in marks if mark.single and mark.kind != "apostrophe"]
    # For each mark, the index of the next mark of a kind; `none` if there is none.
    none = len(singles)
    next_close = _next(mark.kind in ("close", "either") for mark in singles)
    next_open = _next(mark.kind == "open" for mark in singles)
    next_end = _next(mark.kind == "end of word" for mark in singles)
    next_end_without_s = _next(mark.kind == "end of word" and mark.letter != "s" for mark in singles)
    i = 0
    while i < none:
        close = none
        if singles[i].kind in ("open", "either"):
            close = next_close[i]
            if close == none:
                close = next_end_without_s[i] if next_end_without_s[i] < none else next_end[i]
            elif next_end_without_s[i] < next_open[i] < close:  # a word ends before another quote opens
                close = next_end_without_s[i]
        if close == none and not (single_speech and singles[i].kind == "open"):
            singles[i].kind = "apostrophe"
            i += 1
            continue
        singles[i].kind = "open"
        for mark in singles[i + 1 : close]:
            mark.kind = "apostrophe"
        if close < none:
            singles[close].kind = "close"
        i = close + 1


def _next(flags: Iterable[bool]) -> list[int]:
    """Return for each index the next higher index whose flag is set; the number of flags if there is none.

    >>> _next([True, False, True])
    [2, 2, 3]
    """
    flags = list(flags)
    places, following = [], len(flags)
    for i in reversed(range(len(flags))):
        places.append(following)
        following = i if flags[i] else following
    return places[::-1]
