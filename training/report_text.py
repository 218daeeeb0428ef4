"""The report on a text in words, and the command that prints it: `python -m training.corpus BOOK [BOOK ...]`."""

import argparse
import dataclasses
import json
import sys
import unicodedata
from collections import Counter
from pathlib import Path

from model import hardware
from training.bases import begin
from training.changes import counted
from training.corpus import read
from training.recipes import RECIPES, check_minutes, fitted
from training.report import RARE, Report, report
from training.stopping import stoppable
from training.timing import characters_per_second, in_words

LISTED = 12  # files and characters that are listed


def summary(told: Report) -> str:
    """The text in one line."""
    return (
        f"{told.name}: {told.characters:,} characters, {counted(told.words, 'word')}, "
        f"{counted(told.paragraphs, 'paragraph')}, {told.language}"
    )


def short(told: Report) -> list[str]:
    """The report in a few lines, for the training command."""
    changes = "; ".join(told.changes) or "nothing"
    problems = f"{counted(len(told.advice), 'problem')}: see python -m training.corpus with the same files"
    lines = {"changed": changes, **({"check": problems} if told.advice else {}), **told.plan}
    return [summary(told), *(f"{name:10}{text}" for name, text in lines.items())]


def full(told: Report) -> str:
    """The report as a person reads it."""
    parts = [summary(told), ""]
    encodings = Counter(file.encoding for file in told.files)
    if len(told.files) == 1:
        parts.append(f"Encoding: {told.files[0].encoding}. Lines: {told.files[0].layout}.")
    else:
        parts.append("Encoding: " + ", ".join(f"{name} ({counted(n, 'file')})" for name, n in encodings.items()))
        parts += [f"  {f.name:40.40}{f.characters:>12,}  {f.language}, {f.layout}" for f in told.files[:LISTED]]
        parts += _more(len(told.files))
    common = [f"{_visible(c)} {n:,}" for c, n in told.alphabet.items() if n >= RARE]
    rare = len(told.alphabet) - len(common)
    parts += ["", f"{counted(len(told.alphabet), 'character')} and how often each occurs:"]
    parts += [f"  {line}" for line in _wrapped(common)]
    if told.rare:
        parts += ["", f"{counted(rare, 'character')} with fewer than {RARE} occurrences:"]
        for character, place in list(told.rare.items())[:LISTED]:
            name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
            parts.append(f"  {_visible(character)} {told.alphabet[character]}  {name}  {place}")
        parts += _more(rare)
    parts += ["", "What was changed:", *(f"  {change}" for change in told.changes or ("nothing",))]
    if told.passages:
        parts += ["", f"{told.repeated:,} characters stand in passages that occurred before, the longest of them:"]
        for passage in told.passages:
            parts += [f"  {counted(passage.characters, 'character')}: {passage.here}", f"      and {passage.earlier}"]
    parts += [f"  {same.share:.0%} of {same.file} stands in {same.other}" for same in told.same_files]
    if told.unusual:
        parts += ["", "What does not look like prose:"]
        parts += [f"  {each.lines:,} {each.what}, the first in {each.first}" for each in told.unusual]
    parts += ["", "How it would be trained:", *(f"  {name:10}{text}" for name, text in told.plan.items())]
    if told.seconds and told.characters_per_second:
        speed = f"{told.characters_per_second:,.0f} characters a second on {told.machine}"
        parts.append(f"  {'time':10}at most {in_words(told.seconds)} ({speed})")
    parts += ["", "Advice:", *(f"  {sentence}" for sentence in told.advice or ("None: the text is ready.",))]
    return "\n".join(parts)


def _more(count: int) -> list[str]:
    return [f"  and {count - LISTED:,} more"] if count > LISTED else []


def _visible(character: str) -> str:
    names = {" ": "space", "\n": "line end", "\t": "tab", "\u00a0": "no-break space", "\u202f": "narrow no-break space"}
    return names.get(character, character if character.isprintable() else f"U+{ord(character):04X}")


def _wrapped(items: list[str], width: int = 110) -> list[str]:
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) > width:
            lines.append("")
        lines[-1] += item + "   "
    return [line.rstrip() for line in lines]


# ---- the command -----------------------------------------------------------------------------------------------------


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.corpus", description="Report what is in a text, before a model is trained on it."
    )
    parser.add_argument("books", nargs="+", type=Path, metavar="BOOK", help="a text file, or gutenberg:NUMBER")
    parser.add_argument("--hold-out", nargs="+", default=[], type=Path, metavar="BOOK", help="books to be held out")
    parser.add_argument("--as-it-is", action="store_true", help="change nothing in the text")
    parser.add_argument("--recipe", choices=RECIPES, default="modern", help="modern (default) or classic")
    parser.add_argument("--init", default="auto", metavar="DIR", help="as for training.train")
    parser.add_argument("--lowercase", action="store_true", help="as for training.train")
    parser.add_argument("--minutes", type=float, metavar="X", help="as for training.train")
    parser.add_argument("--threads", type=int, metavar="N", help="as for training.train")
    return parser.parse_args(arguments)


@stoppable("training.corpus")
def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        check_minutes(options.minutes)
        device = hardware.prepare("cpu", options.threads)
        recipe = RECIPES[options.recipe]
        if options.lowercase:
            recipe = recipe.with_options({"lowercase": True})
        form = "as it is" if options.as_it_is else recipe.form
        corpus = read(options.books, recipe.lowercase, form, options.hold_out)
        choice = begin(options.init, corpus.training, recipe)
        recipe = fitted(recipe, corpus.split, choice.base.network.config if choice.base else None)
        speed = characters_per_second(corpus, recipe, choice.base, device)
    except (ValueError, OSError, MemoryError) as error:
        print(f"training.corpus: {error}", file=sys.stderr)
        return 2
    told = report(corpus, recipe, choice, options.minutes, speed=speed, machine=hardware.describe(device))
    print(full(told))
    print()
    print(json.dumps(dataclasses.asdict(told), ensure_ascii=False))
    return 0
