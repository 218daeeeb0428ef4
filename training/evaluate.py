"""Measure a checkpoint on a book: `python -m training.evaluate DIR BOOK [BOOK ...]`."""

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model import hardware
from model.generation import GenerationConfig, defaults, generate
from model.hub import load
from model.loaded import Model
from model.lstm import WINDOW
from model.options import add_options, chosen
from model.vocabulary import Repair, Vocabulary
from training.changes import counted
from training.corpus import Corpus, read_again
from training.evaluation import context_loss, evaluate, evaluate_adapting, evaluate_each
from training.statistics import measure
from training.stopping import stoppable

MOST_UNKNOWN = 0.1  # of the characters that are not spaces: if more are left out, the measured text is another one
ROWS = {
    "known_words": ("words that the training text has", "{:.1%}"),
    "distinct_4grams": ("four-word phrases said once", "{:.1%}"),
    "looping": ("texts that end in a loop", "{:.0%}"),
    "longest_copy": ("longest copied run, characters", "{:,}"),
    "copied": ("characters in copied runs of 50", "{:.1%}"),
    "own_bits_per_character": ("bits per character", "{:.3f}"),
}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description="Measure a checkpoint on the held-out tenth of a book, and compare its samples with that tenth.",
    )
    parser.add_argument("checkpoint", metavar="DIR", help="a checkpoint, its zip, or its user/name on the Hub")
    parser.add_argument("books", nargs="+", type=Path, metavar="BOOK", help="the text files it was trained on")
    parser.add_argument(
        "--hold-out", nargs="+", default=[], type=Path, metavar="BOOK", help="measure these books, not the last tenth"
    )
    parser.add_argument("--samples", type=int, default=10, metavar="N", help="how many texts to write (default 10)")
    parser.add_argument(
        "--save-text", type=Path, metavar="DIR", help="write training.txt and held_out.txt as the model reads them"
    )
    add_options(parser, GenerationConfig)
    return parser.parse_args(arguments)


@stoppable("training.evaluate")
def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        hardware.prepare("cpu")
        if not 1 <= options.samples <= 1000:
            raise ValueError(f"--samples is {options.samples}, but must be a whole number from 1 to 1,000")
        model = load(options.checkpoint)
        config = GenerationConfig(**{**defaults(model), **chosen(GenerationConfig, options)})
        corpus = reread(model, options.books, options.hold_out)
        held_out = readable(model.vocabulary, corpus.held_out)
        if len(held_out.text) <= WINDOW:
            raise ValueError(f"{len(held_out.text):,} characters are held out, but more than {WINDOW} are needed")
        if options.save_text:
            save(options.save_text, readable(model.vocabulary, corpus.training).text, held_out.text)
    except (ValueError, OSError) as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return 2
    for note in (*corpus.notes, *([f"{corpus.name}: {held_out.report}"] if held_out.report else [])):
        print(note)

    ids = model.vocabulary.encode(held_out.text)
    whole = evaluate(model.network, ids, model.context)
    adapting = evaluate_adapting(model.network, ids) if config.adapt else None
    context = context_loss(model.network, ids) if model.context == "carried" else {}
    columns, texts, length = sampled(model, config, corpus.training, held_out.text, options.samples)

    print(f"\nheld out: {whole.characters:,} characters, {whole.nats:.4f} nats, {whole.bits_per_character:.4f} bits ")
    print(f"per character, perplexity {whole.perplexity:.3f}")
    if adapting:
        print(f"adapting as it reads: {adapting.nats:.4f} nats, {adapting.bits_per_character:.4f} bits per character")
    if context:
        title = f"characters of context, against {context['against']:,}"
        print(f"\n{title:36}{'bits lost':>12}")
        for characters, lost in context["bits_lost"].items():
            print(f"{characters:36}{lost:>z12.3f}")
    title = f"{counted(texts, 'text')} of {counted(length, 'character')}"
    print(f"\n{title:36}{'samples':>12}{'held out':>12}")
    for key, (name, form) in ROWS.items():
        print(f"{name:36}" + "".join(f"{form.format(column[key]):>12}" for column in columns))
    print()
    figures = {**whole.figures, "adapting": adapting.figures if adapting else None, "context": context}
    settings = {**vars(config), "length": length}
    print(json.dumps({**figures, "samples": columns[0], "held_out": columns[1], "settings": settings}))
    return 0


def reread(model: Model, books: Sequence[Path], hold_out: Sequence[Path]) -> Corpus:
    """Read `books` as the model's own text was read; ValueError if the model was trained on the text to be measured."""
    corpus = read_again(model.training, books, hold_out)
    record = model.training.get("corpus", {})
    own = record.get("held_out_files", [])
    trained_on = {file["sha256"] for file in record.get("files", [])} if own or hold_out else set()
    for file in corpus.held_out_files if hold_out else corpus.files:
        if file["sha256"] in trained_on:
            instead = f"give --hold-out {' '.join(held['name'] for held in own)}" if own else "leave out --hold-out"
            raise ValueError(f"{model.name} was trained on all of {file['name']}: {instead}")
    return corpus


def readable(vocabulary: Vocabulary, text: str) -> Repair:
    """`text` as a model with this vocabulary reads it; ValueError where more than `MOST_UNKNOWN` of it is left out."""
    if vocabulary.ids.keys() >= set(text):
        return Repair(text, "")
    counts = Counter(character for character in text if not character.isspace())
    unknown = sum(count for character, count in counts.items() if not vocabulary.repair(character).text)
    if unknown > MOST_UNKNOWN * counts.total():
        share = unknown / counts.total()
        raise ValueError(f"{share:.0%} of the text's characters are unknown to the model: give a text in its letters")
    return vocabulary.repair(text)


def save(directory: Path, training: str, held_out: str) -> None:
    """Write both parts of a text, UTF-8 with line ends as they are; OSError where the disk refuses."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in (("training.txt", training), ("held_out.txt", held_out)):
        (directory / name).write_text(text, encoding="utf-8", newline="")


def sampled(
    model: Model, config: GenerationConfig, training: str, held_out: str, samples: int
) -> tuple[list[dict[str, Any]], int, int]:
    """Statistics of samples and of as many pieces of the held-out text, their number, and their most characters.

    There are fewer than `samples` if the held-out text is too short. Each sample continues it from one place. The piece
    compared with the sample is the held-out text from the same place on, as long as the sample.
    """
    length = min(config.length, len(held_out) - WINDOW)
    step = max(1, (len(held_out) - WINDOW - length) // samples)
    places = range(WINDOW, len(held_out) - length + 1, step)[:samples]
    prompts = [held_out[place - WINDOW : place] for place in places]
    written = [
        "".join(generate(model, prompt, dataclasses.replace(config, length=length, seed=seed)))
        for seed, prompt in enumerate(prompts, config.seed)
    ]
    pieces = [held_out[place : place + len(text)] for place, text in zip(places, written, strict=True)]

    def surprise(texts: list[str]) -> float:
        prompted = zip(prompts, texts, strict=True)
        ids = [model.vocabulary.encode(prompt + text) for prompt, text in prompted]
        return evaluate_each(model.network, ids, model.context).bits_per_character

    columns = [
        dataclasses.asdict(measure(texts, training)) | {"own_bits_per_character": surprise(texts)}
        for texts in (written, pieces)
    ]
    return columns, len(written), length


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
