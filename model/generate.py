"""Write with a checkpoint from the command line: `python -m model.generate DIR --prompt TEXT`."""

import argparse
import random
import sys
from io import TextIOWrapper
from pathlib import Path

from model import hardware, product
from model.generation import GenerationConfig, defaults, generate
from model.hub import load
from model.loaded import Model
from model.lstm import WINDOW
from model.options import add_options, chosen
from model.text_file import read_text_file


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m model.generate", description="Continue a prompt, one character at a time."
    )
    parser.add_argument("checkpoint", metavar="DIR", help="a checkpoint, its zip, or its user/name on the Hub")
    parser.add_argument("--prompt", metavar="TEXT", help="the text to continue")
    parser.add_argument(
        "--corpus", type=Path, metavar="FILE", help="without --prompt: begin from an excerpt of this text"
    )
    add_options(parser, GenerationConfig)
    return parser.parse_args(arguments)


def excerpt(model: Model, corpus: Path, seed: int) -> str:
    """Return a random excerpt of `WINDOW` characters from a text file, repaired for the model."""
    text = model.vocabulary.repair(read_text_file(corpus).text).text
    start = random.Random(seed).randrange(max(1, len(text) - WINDOW + 1))
    return text[start : start + WINDOW]


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    hardware.use(hardware.writing_threads())
    try:
        model = load(options.checkpoint)
        product.chosen()  # raises ValueError for a wrong DECODER now, not at the first character
        config = GenerationConfig(
            **{**defaults(model), "seed": random.randrange(2**31), **chosen(GenerationConfig, options)}
        )
        if config.until and config.stop != "text":
            raise ValueError(f"until is {config.until!r}, but stop is {config.stop}: add --stop text or omit --until")
        config.endings(model.vocabulary)  # refuses an empty text to stop at before the seed is printed
        prompt = options.prompt or ""
        if options.prompt is None and options.corpus:
            prompt = excerpt(model, options.corpus, config.seed)
            print(f"prompt: {prompt}", file=sys.stderr)
    except (ValueError, OSError) as error:
        print(f"model.generate: {error}", file=sys.stderr)
        return 2
    report = model.vocabulary.repair(prompt).report
    print(f"seed {config.seed}" + (f", prompt: {report}" if report else ""), file=sys.stderr)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # ? for a character that its encoding does not have
    try:
        for character in generate(model, prompt, config):
            print(character, end="", flush=True)
        print()
    except (KeyboardInterrupt, BrokenPipeError):  # Ctrl+C, or the output was closed
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
