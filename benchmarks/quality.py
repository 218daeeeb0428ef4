"""How well is held-out text predicted? `python -m benchmarks.quality BOOK [BOOK ...] [DIR ...]` measures it in one run.

Every shipped checkpoint, and that in each DIR, is measured on the held-out part of the text it was trained on, if that
text is among the books. It is compared with compressors and an n-gram model that have read the training part. The
figure of a compressor is the compressed size of the whole text minus that of its training part, in bits: a compressor
adapts while it reads the held-out part. So does a model in the row "adapts as it reads": its output layer learns from
the held-out part (`model/adaptation.py`). All other models stay as they are. If the text of a checkpoint is not among
the books, the table has the figure of its training record. With --write the table goes into docs/quality.md, and the
figures into benchmarks/quality.json.
"""

import argparse
import bz2
import hashlib
import json
import lzma
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyppmd

from benchmarks.ngram import bits_per_character
from model import hardware
from model.hub import load
from model.loaded import Model
from model.vocabulary import Vocabulary
from training.corpus import Corpus, read_again
from training.evaluate import readable
from training.evaluation import evaluate, evaluate_adapting

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "quality.md"
FIGURES = Path(__file__).with_suffix(".json")
TABLE = re.compile(r"(?<=<!-- quality -->\n).*?(?=<!-- /quality -->)", re.DOTALL)
ORDER = 6  # of the n-gram model and of PPMd, in characters

KEYS = "files", "held_out_files"  # of the corpus in a training record

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "xz": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
    "bzip2": lambda data: bz2.compress(data, 9),
    f"PPMd, order {ORDER}": lambda data: pyppmd.Ppmd7Encoder(max_order=ORDER, mem_size=256 << 20).encode(data),
}


def compressed(corpus: Corpus, compress: Callable[[bytes], bytes]) -> float:
    """Bits per character of the held-out part, given the training part."""
    extra = len(compress(corpus.text.encode())) - len(compress(corpus.training.encode()))
    return 8 * extra / len(corpus.held_out)


def counted(corpus: Corpus) -> float:
    """Bits per character of the held-out part, by an n-gram model of the training part."""
    vocabulary = Vocabulary.of(corpus.text, corpus.lowercase)
    training, held_out = (vocabulary.encode(part).numpy() for part in (corpus.training, corpus.held_out))
    return bits_per_character(training, held_out, len(vocabulary), ORDER)


def baselines(corpus: Corpus) -> dict[str, float]:
    measured = {name: compressed(corpus, compress) for name, compress in COMPRESSORS.items()}
    return measured | {f"{ORDER}-gram, Kneser-Ney": counted(corpus)}


def recorded(model: Model) -> dict[str, Any]:
    """The row of a model, from its training record."""
    training = model.training
    return {
        "recipe": training["recipe"]["name"] + (f", from `{training['init']['name']}`" if training.get("init") else ""),
        "parameters": training["parameters"],
        "bits_per_character": training["held_out"]["bits_per_character"],
        "adapting_bits_per_character": None,
    }


def measured(model: Model, corpus: Corpus) -> dict[str, Any]:
    ids = model.vocabulary.encode(readable(model.vocabulary, corpus.held_out).text)
    row = recorded(model) | {"bits_per_character": evaluate(model.network, ids, model.context).bits_per_character}
    if model.context == "carried":
        row["adapting_bits_per_character"] = evaluate_adapting(model.network, ids).bits_per_character
    return row


def table(figures: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table: text by text, in each the best prediction last."""
    lines = [
        "| held-out characters of | predicted by | parameters | bits per character |",
        "| --- | --- | --- | --- |",
    ]
    for text in figures:
        rows = [(bits, name, "") for name, bits in text["baselines"].items()]
        rows += [
            (model["bits_per_character"], f"`{name}` ({model['recipe']})", f"{model['parameters']:,}")
            for name, model in text["models"].items()
        ]
        rows += [
            (model["adapting_bits_per_character"], f"`{name}`, adapts as it reads", "")
            for name, model in text["models"].items()
            if model.get("adapting_bits_per_character")
        ]
        case = ", lower case" if text.get("lowercase") else ""
        title = f"{text['name']}{case} ({text['held_out']:,})"
        for bits, name, parameters in sorted(rows, reverse=True):
            figure = f"**{bits:.3f}**" if parameters else f"{bits:.3f}"
            lines.append(f"| {title} | {name} | {parameters} | {figure} |")
            title = ""
    return "\n".join(lines) + "\n"


def scoreboard(places: Sequence[Path]) -> list[dict[str, Any]]:
    """The figures of each text, with texts and further checkpoints from `places`; ValueError or OSError if refused."""
    books = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in places if path.is_file()}
    directories = sorted(file.parent for file in ROOT.glob("assets/*/config.json"))
    directories += [path for path in places if path.is_dir()]
    texts: dict[tuple[Any, ...], tuple[Corpus, dict[str, Any]]] = {}  # by their files, and how these are read
    not_read: list[dict[str, Any]] = []
    for directory in directories:
        model = load(directory)
        record, recipe = model.training["corpus"], model.training["recipe"]
        wanted, held_out = (tuple(str(file["sha256"]) for file in record.get(key, ())) for key in KEYS)
        key = (wanted, held_out, recipe.get("lowercase"), recipe.get("form"))
        shown_as = f"{'assets/' if directory.parent == ROOT / 'assets' else ''}{directory.name}"
        if not {*wanted, *held_out} <= books.keys():
            print(f"{directory.name}: its recorded figure, since its text is not among the books", file=sys.stderr)
            about = {"name": record["name"], "lowercase": bool(recipe.get("lowercase"))}
            about["held_out"] = model.training["held_out"]["characters"]
            not_read.append(about | {"baselines": {}, "models": {shown_as: recorded(model)}})
            continue
        if key not in texts:
            corpus = read_again(model.training, *([books[digest] for digest in digests] for digests in key[:2]))
            print(f"{corpus.name} ...", file=sys.stderr)
            about = {"name": corpus.name, "lowercase": corpus.lowercase, "held_out": len(corpus.held_out)}
            texts[key] = corpus, about | {"baselines": baselines(corpus), "models": {}}
        corpus, text = texts[key]
        text["models"][shown_as] = measured(model, corpus)

    return [text for _, text in texts.values()] + not_read


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__.splitlines()[0])
    parser.add_argument("places", nargs="+", type=Path, metavar="BOOK or DIR", help="texts, and further checkpoints")
    parser.add_argument("--write", action="store_true", help="write docs/quality.md and benchmarks/quality.json")
    options = parser.parse_args(arguments)
    for path in options.places:
        if not path.exists():
            parser.error(f"there is no file or directory {path}")
    hardware.prepare("cpu")
    try:
        figures = scoreboard(options.places)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    lines = table(figures)
    if options.write:
        DOCUMENT.write_text(TABLE.sub(lambda _: lines, DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(lines)
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
