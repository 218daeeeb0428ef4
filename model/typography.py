"""Quotes and dashes by one convention: what a typewriter wrote becomes what a printed book of that language has."""

import re
from dataclasses import dataclass
from typing import Literal

Typography = Literal["as it is", "English", "German", "French"]


@dataclass(frozen=True)
class Convention:
    """The marks of one language: of speech, of a quotation within speech, and the dash with what stands around it."""

    speech: tuple[str, str]
    inner: tuple[str, str]
    dash: str
    spaced: bool  # whether the dash stands between spaces


CONVENTIONS = {
    "English": Convention(("“", "”"), ("‘", "’"), "—", spaced=False),
    "German": Convention(("„", "“"), ("‚", "‘"), "–", spaced=True),
    "French": Convention(("«", "»"), ("“", "”"), "—", spaced=True),
}
APOSTROPHE = "’"
LONG_DASH = "——"  # in place of a name that is not told: Mr. ——

DOUBLE = '"“”„‟«»〝〞'
SINGLE = "'‘’‚‛`´"
ALWAYS_OPEN, ALWAYS_CLOSED = "„‚〝", "”〞"  # marks that tell their side by themselves in every language
# Words that lost their beginning, as most apostrophes before a letter mean; a year such as '90s is the other case.
ELIDED = re.compile(
    r"(?:tis|twas|twere|twill|twould|twon|em|er|im|ere|gainst|neath|nuff|cause|cos|coz|bout|ud|ll|re|ve|s|d|t|m|n"
    r"|nen?|nem|ner|raus|rein|rauf|runter|rüber)\b|\d",
    re.IGNORECASE,
)
OPENING_CONTEXT = re.compile(r"[\s(\[{<—–-]")  # what an opening mark can stand behind
CLOSING_CONTEXT = re.compile(r"[\s)\]}>—–\-.,;:!?…]")  # what a closing mark can stand before
MARK = re.compile(rf"''|``|,,|[{DOUBLE}{SINGLE}]")
WORD_ENDS, WORD_BEGINS = (
    re.compile(rf"[^\s(\[{{{DOUBLE}{SINGLE}]$|\S[{DOUBLE}{SINGLE}]$"),
    re.compile(rf"[^\s)\]}}.,;:!?{DOUBLE}{SINGLE}]|[{DOUBLE}{SINGLE}]\w"),
)
TYPED_DASH = re.compile(r"(?<![-—–])(?:---+|[ \t]*(?:--|[—―⸺])[ \t]*|(?<=\S) – (?=\S))(?![-—–])")


def typeset(text: str, typography: Typography) -> str:
    """`text` with its dashes and quotes by the convention of a language; "as it is" changes nothing.

    Opening and closing marks are told apart by what stands beside them and, where that leaves a doubt, by what is open
    in the paragraph. Speech in single quotes becomes speech in the marks of speech. Letters and digits stay untouched.

    >>> typeset("'Don't!' said Tom--'it's the dogs' dinner.'", "English")
    '“Don’t!” said Tom—“it’s the dogs’ dinner.”'
    >>> typeset('"Ach--nein," sagte sie.', "German")
    '„Ach – nein,“ sagte sie.'
    """
    if typography == "as it is":
        return text
    convention = CONVENTIONS[typography]
    text = _dashes(text, convention)
    single_speech = _speech_is_single(text)
    blocks = re.split(r"(\n[ \t]*\n)", text)
    return "".join(_quotes(block, convention, single_speech) if MARK.search(block) else block for block in blocks)


def _dashes(text: str, convention: Convention) -> str:
    def dash(match: re.Match[str]) -> str:
        if len(match[0].strip()) > 2:
            return LONG_DASH
        if not convention.spaced:
            return convention.dash
        before, after = text[max(0, match.start() - 2) : match.start()], text[match.end() : match.end() + 2]
        return " " * bool(WORD_ENDS.search(before)) + convention.dash + " " * bool(WORD_BEGINS.match(after))

    return TYPED_DASH.sub(dash, text)


def _speech_is_single(text: str) -> bool:
    """Whether most speech stands in single quotes: more of them end a clause than there are pairs of double ones."""
    single = len(re.findall(rf"[.,!?—][{SINGLE}](?!\w)", text))
    return single > len(re.findall(rf"[{DOUBLE}]", text)) / 2


@dataclass
class _Mark:
    """A mark of a paragraph: where it stands, and what its place says that it is."""

    start: int
    end: int
    family: str  # "single", "typed", "curly" or "angle"
    kind: str  # "open", "close", "either", or of single marks "apostrophe", or "end of word": a close or an apostrophe
    letter: str = ""  # before an end of word

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
        # The open mark that this one belongs to: of its own kind, else at least as single or double.
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
    # Of two marks in a row, the outer one tells on which side of the words they stand.
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
    """Settle which single marks are quotes and which apostrophes.

    An opening mark belongs to the next mark that ends a clause or, where none follows, to the end of a word, one
    without s rather than one with it, which may be a genitive. What is left over are apostrophes; but speech can run
    on into the next paragraph, which leaves its first mark alone.
    """
    singles = [mark for mark in marks if mark.single and mark.kind != "apostrophe"]
    i = 0
    while i < len(singles):
        if singles[i].kind not in ("open", "either"):
            singles[i].kind = "apostrophe"
            i += 1
            continue
        rest = range(i + 1, len(singles))
        close = next((k for k in rest if singles[k].kind in ("close", "either")), None)
        ends = [k for k in rest if singles[k].kind == "end of word"]
        if close is None:
            close = next((k for k in ends if singles[k].letter != "s"), ends[0] if ends else None)
        else:  # unless another quote opens before that, and a word has ended in between
            opening = next((k for k in rest if singles[k].kind == "open"), close)
            close = next((k for k in ends if k < opening < close and singles[k].letter != "s"), close)
        if close is None and not (single_speech and singles[i].kind == "open"):
            singles[i].kind = "apostrophe"
            i += 1
            continue
        singles[i].kind = "open"
        until = len(singles) if close is None else close
        for k in range(i + 1, until):
            singles[k].kind = "apostrophe"
        if close is not None:
            singles[close].kind = "close"
        i = until + 1
