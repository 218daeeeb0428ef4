"""Hidden units with a meaning: features of a text, such as word starts, and the units correlated with them."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

BLOCK = 100  # characters in a row that belong to the same half of a text: see `find_units`

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
PARAGRAPH = re.compile(r"(?:(?!\n\s*\n).)+", re.DOTALL)
# From the opening mark to the closing one, or to the end of the paragraph: speech that continues in the next paragraph
# has an opening mark there again. A single mark may be an apostrophe. So it opens a quotation only before a word, and
# only if a closing mark follows: one without a letter after it and, if straight ('tis, o' the), after punctuation.
QUOTATION = re.compile(
    r"""(“[^”]* | "[^"]* | „[^“”]* | «[^»]*
    | ‘(?=\S) .*? (?=’(?!\w)) | (?<![\w'])'(?=["“(_]*\w) .*? (?<=[.,;:!?…—"”)_-])(?='(?!\w))).?""",
    re.DOTALL | re.VERBOSE,
)
BRACKET = re.compile(r"([(\[{][^)\]}]*)")
SENTENCE_END = re.compile(r"""[.!?…]+(?:\u202f?»|["'’‘”“)\]])*(?=\s|\Z)\s{0,2}""")

# ---- features --------------------------------------------------------------------------------------------------------


def within(spans: Iterable[tuple[int, int]], length: int) -> list[float]:
    """A list of `length` numbers: 1 inside the spans, elsewhere 0.

    >>> within([(1, 3)], 4)
    [0.0, 1.0, 1.0, 0.0]
    """
    marked = [0.0] * length
    for begin, end in spans:
        marked[begin:end] = [1.0] * (min(end, length) - begin)
    return marked


def matched(pattern: re.Pattern[str], text: str) -> list[float]:
    """1 inside the matches of `pattern`, elsewhere 0."""
    return within((match.span() for match in pattern.finditer(text)), len(text))


def in_paragraphs(pattern: re.Pattern[str], text: str) -> list[float]:
    """1 inside the first group of each match, elsewhere 0; a match ends at a blank line at the latest.

    >>> in_paragraphs(QUOTATION, 'a "b" c')
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    """
    spans = (
        match.span(1)
        for paragraph in PARAGRAPH.finditer(text)
        for match in pattern.finditer(text, paragraph.start(), paragraph.end())
    )
    return within(spans, len(text))


def counted(conditions: Iterable[bool]) -> list[float]:
    """For each element, the number of true elements in a row that ends with it.

    >>> counted([True, True, False, True])
    [1.0, 2.0, 0.0, 1.0]
    """
    return list(accumulate(conditions, lambda count, holds: count + 1.0 if holds else 0.0, initial=0.0))[1:]


def word_starts(text: str) -> list[float]:
    return within(((match.start(), match.start() + 1) for match in WORD.finditer(text)), len(text))


def word_positions(text: str) -> list[float]:
    return counted(inside > 0 for inside in matched(WORD, text))


def capital_words(text: str) -> list[float]:
    words = (match for match in WORD.finditer(text) if len(match.group()) > 1 and match.group().isupper())
    return within((match.span() for match in words), len(text))


def vowels(text: str) -> list[float]:
    return [float(unicodedata.normalize("NFD", character)[0] in "aeiouAEIOU") for character in text]


FEATURES: dict[str, Callable[[str], list[float]]] = {
    "inside quotes": lambda text: in_paragraphs(QUOTATION, text),
    "inside brackets": lambda text: in_paragraphs(BRACKET, text),
    "position in the line": lambda text: counted(character != "\n" for character in text),
    "position in the word": word_positions,
    "start of a word": word_starts,
    "words in capitals": capital_words,
    "capital letters": lambda text: [float(character.isupper()) for character in text],
    "vowels": vowels,
    "digits": lambda text: [float(character.isdigit()) for character in text],
    "spaces and new lines": lambda text: [float(character.isspace()) for character in text],
    "start of a line": lambda text: [float(0 < position <= 3) for position in counted(c != "\n" for c in text)],
    "just after a comma": lambda text: matched(re.compile(r",.{0,2}", re.DOTALL), text),
    "end of a sentence": lambda text: matched(SENTENCE_END, text),
}


def features(text: str) -> dict[str, Tensor]:
    """The features of a text by name: a value for each character, float32 (T,). Those that never vary are left out.

    >>> features("ab, c")["start of a word"].tolist()
    [1.0, 0.0, 0.0, 0.0, 1.0]
    """
    found = {name: torch.tensor(measure(text)) for name, measure in FEATURES.items()}
    return {name: values for name, values in found.items() if len(text) and (values != values[0]).any()}


# ---- units -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """The unit, counted from 0, that is most correlated with a feature; chosen on one half of a text."""

    feature: str
    layer: int
    unit: int
    correlation: float  # Pearson's, from -1 to 1, on the other half


def find_units(hidden: Tensor, named: Mapping[str, Tensor]) -> list[Finding]:
    """For each feature (T,) the unit of `hidden` (T, L, H) that is most correlated with it; the strongest first.

    The unit is chosen on one half of the text, and its correlation is measured on the other half, because the best of a
    thousand units has some correlation with anything by chance. The halves are alternate blocks of `BLOCK` characters,
    so that both have all parts of the text; alternate characters would make the halves too similar. A feature or a unit
    that does not vary in one of the halves is left out; a text of only one block gives an empty list.
    After Radford, Jozefowicz, Sutskever, "Learning to Generate Reviews and Discovering Sentiment", 2017, section 4.2.
    """
    T, _, H = hidden.shape
    chosen_on = torch.arange(T) // BLOCK % 2 == 0
    if not named or chosen_on.all():
        return []
    halves = []
    for half in (chosen_on, ~chosen_on):
        units = standardised(hidden[half].flatten(1))  # (n, L * H)
        halves.append(standardised(torch.stack(list(named.values()), 1)[half]).T @ units)  # (F, L * H)
    chosen, reported = halves
    best = chosen.abs().argmax(1)
    figures = [half.gather(1, best[:, None])[:, 0].clamp(-1, 1).tolist() for half in (chosen, reported)]
    found = [
        Finding(feature, unit // H, unit % H, correlation)
        for feature, unit, chosen_by, correlation in zip(named, best.tolist(), *figures, strict=True)
        if chosen_by and correlation
    ]
    return sorted(found, key=lambda finding: -abs(finding.correlation))


def standardised(values: Tensor) -> Tensor:
    """The columns of `values` (T, n), each with mean 0 and length 1, float64; a column that does not vary is all 0."""
    centred = values.double() - values.double().mean(0)
    lengths = centred.norm(dim=0)
    # A column that never varies leaves only rounding errors, far below the resolution of float32.
    return centred / lengths.where(lengths > 1e-6 * len(values) ** 0.5, torch.inf)
