"""How well is a book's last tenth predicted? `python -m benchmarks.quality BOOK`: compressors and shipped checkpoints.

The compressors have read the first nine tenths too: their figure is what the whole book takes in bits, less what its
first nine tenths take. They go on adapting while they read the last tenth; the networks do not.
"""

import bz2
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path

import pyppmd

from model.checkpoint import load
from training import hardware
from training.corpus import Corpus, read
from training.evaluation import evaluate

ASSETS = Path(__file__).parent.parent / "assets"
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "xz": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
    "bzip2": lambda data: bz2.compress(data, 9),
    "PPMd order 6": lambda data: pyppmd.Ppmd7Encoder(max_order=6, mem_size=64 << 20).encode(data),
}


def compressed(corpus: Corpus, compress: Callable[[bytes], bytes]) -> float:
    """Bits for each character of the held-out part, given the training part."""
    extra = len(compress(corpus.text.encode())) - len(compress(corpus.training.encode()))
    return 8 * extra / len(corpus.held_out)


def main(books: list[str]) -> int:
    if len(books) != 1:
        print("usage: python -m benchmarks.quality BOOK", file=sys.stderr)
        return 2
    hardware.prepare("cpu")
    corpus = read([Path(books[0])], lowercase=True)
    figures = {name: compressed(corpus, compress) for name, compress in COMPRESSORS.items()}
    for directory in sorted(file.parent for file in ASSETS.glob("*/config.json")):
        checkpoint = load(directory)
        if checkpoint.training["corpus"]["files"] == list(corpus.files):
            ids = checkpoint.vocabulary.encode(corpus.held_out)
            measured = evaluate(checkpoint.network, ids, checkpoint.context)
            figures[f"assets/{directory.name}"] = measured.bits_per_character
    print(f"{len(corpus.held_out):,} characters held out of {corpus.name}\n")
    for name, bits in sorted(figures.items(), key=lambda item: -item[1]):
        print(f"{name:24}{bits:8.3f} bits per character")
    print(json.dumps({"book": corpus.name, "bits_per_character": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
