"""Measure a checkpoint on a book: `python -m training.evaluate DIR BOOK [BOOK ...]`."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import torch

from model import hardware
from model.generation import GenerationConfig, defaults, generate
from model.hub import load
from model.lstm import WINDOW
from model.options import add_options, chosen
from training.corpus import read
from training.evaluation import evaluate, evaluate_each
from training.statistics import measure

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
        description="Measure a checkpoint on the held-out tenth of a book, and its samples beside that tenth.",
    )
    parser.add_argument("checkpoint", metavar="DIR", help="a checkpoint, or its user/name on the Hugging Face Hub")
    parser.add_argument("books", nargs="+", type=Path, metavar="BOOK", help="the text files it was trained on")
    parser.add_argument("--samples", type=int, default=10, metavar="N", help="how many texts to write (default 10)")
    add_options(parser, GenerationConfig)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        hardware.prepare("cpu")
        if not 1 <= options.samples <= 1000:
            raise ValueError(f"--samples is {options.samples}, but must be a whole number from 1 to 1,000")
        checkpoint = load(options.checkpoint)
        config = GenerationConfig(**{**defaults(checkpoint), **chosen(GenerationConfig, options)})
        corpus = read(options.books, checkpoint.vocabulary.lowercase)
        held_out = checkpoint.vocabulary.repair(corpus.held_out)
    except (ValueError, OSError) as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return 2
    for note in (*corpus.notes, *([f"{corpus.name}: {held_out.report}"] if held_out.report else [])):
        print(note)

    # Real text in pieces of a sample's length, and samples that go on from as many places in it.
    length = min(config.length, len(held_out.text) - WINDOW)
    config = dataclasses.replace(config, length=length)
    step = max(1, (len(held_out.text) - WINDOW - length) // options.samples)
    places = range(WINDOW, len(held_out.text) - length + 1, step)[: options.samples]
    prompts = [held_out.text[place - WINDOW : place] for place in places]
    pieces = [held_out.text[place : place + length] for place in places]
    samples = [
        "".join(generate(checkpoint, prompt, dataclasses.replace(config, seed=seed)))
        for seed, prompt in enumerate(prompts, config.seed)
    ]

    def surprise(texts: list[str]) -> float:
        prompted = zip(prompts, texts, strict=True)
        ids = torch.stack([checkpoint.vocabulary.encode(prompt + text) for prompt, text in prompted])
        return evaluate_each(checkpoint.network, ids, checkpoint.context).bits_per_character

    whole = evaluate(checkpoint.network, checkpoint.vocabulary.encode(held_out.text), checkpoint.context)
    columns = [
        dataclasses.asdict(measure(texts, corpus.training)) | {"own_bits_per_character": surprise(texts)}
        for texts in (samples, pieces)
    ]

    print(f"\nheld out: {whole.characters:,} characters, {whole.nats:.4f} nats, {whole.bits_per_character:.4f} bits ")
    print(f"per character, perplexity {whole.perplexity:.3f}\n")
    print(f"{len(samples)} texts of {config.length:,} characters{'samples':>22}{'held out':>12}")
    for key, (name, form) in ROWS.items():
        print(f"{name:36}" + "".join(f"{form.format(column[key]):>12}" for column in columns))
    print()
    print(json.dumps(whole.figures | {"samples": columns[0], "held_out": columns[1], "settings": vars(config)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
