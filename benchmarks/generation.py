"""How fast one text is written: `python -m benchmarks.generation [CHECKPOINT ...]`.

For each checkpoint, side by side in one run: the tutorials' loop, `nn.LSTM` called one step at a time, this project's
decoder in both contexts, the decoder with float32 products, and reading a prompt. The floor is the least time that a
character can take: that of reading as many bytes from memory as the decoder's weights have.
"""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import torch

from benchmarks.timing import table, take_turns
from model import hardware, product
from model.generation import GenerationConfig, Request
from model.hub import load
from model.loaded import Model
from model.lstm import WINDOW
from model.serving.batch import Batch

ASSETS = Path(__file__).parent.parent / "assets"
DEFAULT = ["alice", "alice-classic", "pooh-classic"]
TURN = 200  # characters written in one turn
SLOW_TURN = 20
TUTORIALS, STEPS, CARRIED, FLOAT32, WINDOWED, PREFILL, FLOOR = (
    "the tutorials' loop",
    "nn.LSTM, step by step",
    "carried context",
    "carried, DECODER=float32",
    "window context",
    "reading a prompt",
    "reading the weights alone",
)
PROMPT = (
    "alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once"
)[:WINDOW]


def tutorial(model: Model) -> Callable[[int], None]:
    """The tutorials' loop: for every new character, the network reads the last 100 characters again."""
    network, pattern = model.network, model.vocabulary.encode(PROMPT)

    @torch.no_grad()
    def write(characters: int) -> None:
        nonlocal pattern
        for _ in range(characters):
            hidden, _ = network.read(pattern[None], network.zero_state(1))
            next_id = network.output(hidden[:, -1]).argmax()
            pattern = torch.cat((pattern[1:], next_id[None]))

    return write


def stepwise(model: Model) -> Callable[[int], None]:
    """`nn.LSTM`, called for one step at a time with carried state."""
    network = model.network
    state, next_id = network.zero_state(1), model.vocabulary.encode(PROMPT)[:1]

    @torch.inference_mode()
    def write(characters: int) -> None:
        nonlocal state, next_id
        for _ in range(characters):
            logits, state = network(next_id[None], state)
            next_id = logits[0].argmax(dim=-1)

    return write


def batched(model: Model, **options: object) -> Callable[[int], None]:
    """This project's decoder, by the steps of a `Batch` with one request."""
    batch = Batch(model)
    batch.join(Request(model, PROMPT, GenerationConfig(length=100_000, **options)))  # type: ignore[arg-type]
    for _ in range(WINDOW):
        batch.step()

    def write(characters: int) -> None:
        for _ in range(characters):
            batch.step()

    return write


def by_float32(model: Model) -> Model:
    """A copy of `model` whose decoder computes its products in float32."""
    copied = dataclasses.replace(model)
    with mock.patch.dict(os.environ, DECODER="float32"):
        _ = copied.decoder  # made at the first use
    return copied


def prefill(model: Model) -> Callable[[int], None]:
    """The prefill of a prompt, in pieces of 50 characters."""
    streams, ids = model.decoder.streams(1), model.vocabulary.encode(PROMPT).numpy()

    def read(characters: int) -> None:
        for _ in range(characters // 50):
            streams.prefill(0, ids[:50])

    return read


def floor(model: Model) -> Callable[[int], None]:
    """For each character, read as many bytes as the weights of a step have, from memory or from a cache."""
    sizes = {name: each.numel() for name, each in model.network.named_parameters() if "layers" in name}
    sizes.pop("layers.0.weight_ih_l0")  # the decoder has a table in its place
    numbers = torch.ones(2, sum(sizes.values()) * (1 if model.decoder.exact else 4) // 8)  # float32

    def read(characters: int) -> None:
        for _ in range(characters):
            torch.dot(numbers[0], numbers[1])

    return read


def measure(model: Model) -> dict[str, float]:
    """Milliseconds for a character, by method."""
    own = vars(model.sampling)
    methods = {STEPS: stepwise(model), CARRIED: batched(model, **own), FLOOR: floor(model)}
    if model.decoder.exact:
        methods |= {FLOAT32: batched(by_float32(model), **own), PREFILL: prefill(model)}
    if model.context == "window":
        methods |= {TUTORIALS: tutorial(model), WINDOWED: batched(model, context="window", **own)}
    turns = {name: SLOW_TURN if name in (TUTORIALS, WINDOWED) else TURN for name in methods}
    seconds = take_turns({name: partial(method, turns[name]) for name, method in methods.items()})
    times = {name: 1000 * seconds[name] / turns[name] for name in methods}
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description="How fast a text is written.")
    parser.add_argument("checkpoints", nargs="*", default=[ASSETS / name for name in DEFAULT], metavar="CHECKPOINT")
    checkpoints = parser.parse_args(arguments).checkpoints
    try:
        models = [load(checkpoint) for checkpoint in checkpoints]
    except (OSError, ValueError) as error:
        print(f"benchmarks.generation: {error}", file=sys.stderr)
        return 2
    print(f"{hardware.use(hardware.writing_threads())}, decoding by {product.choice()}")
    figures = {}
    for model in models:
        figures[model.name] = times = measure(model)
        slowest, lowest = max(times.values()), times[FLOOR]
        rows = [
            (name, f"{time:.4f}", f"{1000 / time:,.0f}", f"{slowest / time:.1f}", f"{time / lowest:.2f}")
            for name, time in times.items()
        ]
        header = (model.name, "ms a character", "characters/s", "times the slowest", "times the floor")
        print("\n" + table(header, rows))
    about = {"processor": hardware.describe(torch.device("cpu")), "seconds": product.timed()}
    print(json.dumps({**about, "milliseconds": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
