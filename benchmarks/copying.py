"""Are all copies found, and nothing else? `python -m benchmarks.copying CHECKPOINT BOOK OTHER`."""

import argparse
import json
import random
import sys
from pathlib import Path

from benchmarks.timing import table
from model.copying import LETTERS, RUN, Copies
from model.hub import load
from training.corpus import read_again

CUTS = 3000  # passages of the book that are looked for
LONGEST = 200  # most characters of such a passage
TRIED = 100_000  # most characters of another text, in which only passages of the book should be found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.copying", description=__doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="a checkpoint with its copies")
    parser.add_argument("book", type=Path, metavar="BOOK", nargs="+", help="the text that it was trained on")
    parser.add_argument("other", type=Path, metavar="OTHER", help="a text that it was not trained on")
    asked = parser.parse_args(arguments)
    try:
        model = load(asked.checkpoint)
        book = read_again(model.training, asked.book).training
        other = model.vocabulary.repair(read_again(model.training, [asked.other]).text).text[:TRIED]
    except (OSError, ValueError) as error:
        print(f"benchmarks.copying: {error}", file=sys.stderr)
        return 2
    own = model.copies.sources[0] if model.copies else None
    if own is None or own.characters != len(book):
        print("benchmarks.copying: the checkpoint was not trained on this text", file=sys.stderr)
        return 2
    copies = Copies((own,))

    chance, missed, cuts = random.Random(0), 0, 0
    while cuts < CUTS:
        length = chance.randint(own.surely_found, LONGEST)
        begin = chance.randrange(len(book) - length)
        cut = book[begin : begin + length]
        if sum(map(str.isalnum, cut)) < LETTERS:
            continue
        cuts += 1
        place = chance.randrange(len(other) - 400)
        before = other[place : place + 200]
        runs = copies.runs(before + cut + other[place + 200 : place + 400])
        near = own.stride - 1  # most characters at either end that a run may lack
        missed += not any(r.start <= 200 + near and r.end >= 200 + length - near for r in runs)

    runs = copies.runs(other)
    false = sum(
        other[start : start + RUN] not in book
        for run in runs
        for start in range(run.start, run.end - RUN + 1, own.stride)
    )
    figures = {
        "surely found": own.surely_found,
        "copies looked for": cuts,
        "copies missed": missed,
        "characters of another text": len(other),
        "passages found there": len(runs),
        "windows of them that are not in the book": false,
    }
    print(table((model.name, "count"), [(name, f"{figure:,}") for name, figure in figures.items()]))
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
