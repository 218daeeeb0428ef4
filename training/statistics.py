"""Statistics of samples, for comparison with real text: known words, variety, looping, copies of the training text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from model.copying import Copies, Source, pieces

COPIED = 50  # characters: a run of this length that stands in the training text was learned by heart


@dataclass(frozen=True)
class Statistics:
    """Figures of a set of texts; shares are from 0 to 1."""

    known_words: float  # share of words that the training text has too
    distinct_4grams: float  # share of four-word phrases that are new within their text
    looping: float  # share of texts that end in one phrase over and over
    longest_copy: int  # characters of the longest run that stands in the training text; 0 below `RUN`
    copied: float  # share of characters in runs of `COPIED` or more that stand there


def measure(texts: Sequence[str], training_text: str) -> Statistics:
    """The figures of `texts`, summed over all of them and divided once."""
    known = set(_words(training_text))
    copies = Copies((Source.of("", training_text, most=len(training_text)),))  # all windows: every run has its length
    runs = [copies.runs(text) for text in texts]
    long_runs = [[run for run in of_text if run.end - run.start >= COPIED] for of_text in runs]
    words = [_words(text) for text in texts]
    phrases = [list(zip(*(spoken[i:] for i in range(4)), strict=False)) for spoken in words]
    return Statistics(
        known_words=_share(sum(word in known for spoken in words for word in spoken), sum(map(len, words))),
        distinct_4grams=_share(sum(len(set(phrase)) for phrase in phrases), sum(map(len, phrases))),
        looping=_share(sum(map(loops, texts)), len(texts)),
        longest_copy=max((run.end - run.start for of_text in runs for run in of_text), default=0),
        copied=_share(sum(end - start for own in long_runs for start, end in pieces(own)), sum(map(len, texts))),
    )


def loops(text: str, shortest: int = 5) -> bool:
    """Whether `text` ends in one phrase of `shortest` characters or more, three times or more in a row.

    After Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020, section 4, with characters for words.
    """
    return any(text.endswith(text[-length:] * 3) for length in range(shortest, len(text) // 3 + 1))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text.lower())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
