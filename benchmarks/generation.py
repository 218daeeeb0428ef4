"""How fast one writer writes: `python -m benchmarks.generation [CHECKPOINT ...]`.

For each checkpoint, side by side in one run: the tutorials' loop, `nn.LSTM` called one step at a time, this project's
decoder in both contexts, and the floor, which is `torch.mv` over the decoder's own matrices and nothing else.
"""

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from benchmarks.timing import table, take_turns
from model import hardware
from model.generation import GenerationConfig, Request
from model.hub import load
from model.loaded import Model
from model.lstm import WINDOW
from model.serving.batch import Batch

ASSETS = Path(__file__).parent.parent / "assets"
DEFAULT = ["alice", "alice-classic", "pooh-classic"]
TURN = 200  # characters written in one turn
SLOW_TURN = 20
TUTORIALS, STEPS, CARRIED, WINDOWED, FLOOR = (
    "the tutorials' loop",
    "nn.LSTM, step by step",
    "carried context",
    "window context",
    "torch.mv alone",
)
PROMPT = (
    "alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once"
)[:WINDOW]


def tutorial(model: Model) -> Callable[[int], None]:
    """The tutorials' loop: the last 100 characters through the network, for every new one."""
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
    """`nn.LSTM` called for a single step, its state carried."""
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
    """This project's own way."""
    batch = Batch(model)
    batch.join(Request(model, PROMPT, GenerationConfig(length=100_000, **options)))  # type: ignore[arg-type]
    for _ in range(WINDOW):
        batch.step()

    def write(characters: int) -> None:
        for _ in range(characters):
            batch.step()

    return write


def floor(model: Model) -> Callable[[int], None]:
    """The matrix products of a step alone."""
    weights = model.decoder.weights
    operands = [torch.zeros(matrix.size(1), dtype=matrix.dtype) for matrix in weights]

    @torch.inference_mode()
    def write(characters: int) -> None:
        for _ in range(characters):
            for matrix, operand in zip(weights, operands, strict=True):
                torch.mv(matrix, operand)

    return write


def measure(model: Model) -> dict[str, float]:
    """Milliseconds for a character, by method."""
    own = vars(model.sampling)
    methods = {STEPS: stepwise(model), CARRIED: batched(model, **own), FLOOR: floor(model)}
    if model.context == "window":
        methods |= {TUTORIALS: tutorial(model), WINDOWED: batched(model, context="window", **own)}
    turns = {name: SLOW_TURN if name in (TUTORIALS, WINDOWED) else TURN for name in methods}
    seconds = take_turns({name: partial(method, turns[name]) for name, method in methods.items()})
    times = {name: 1000 * seconds[name] / turns[name] for name in methods}
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description="How fast one writer writes.")
    parser.add_argument("checkpoints", nargs="*", default=[ASSETS / name for name in DEFAULT], metavar="CHECKPOINT")
    print(hardware.use(hardware.writing_threads()))
    figures = {}
    for model in map(load, parser.parse_args(arguments).checkpoints):
        figures[model.name] = times = measure(model)
        slowest, lowest = max(times.values()), times[FLOOR]
        rows = [
            (name, f"{time:.4f}", f"{1000 / time:,.0f}", f"{slowest / time:.1f}", f"{time / lowest:.2f}")
            for name, time in times.items()
        ]
        header = (model.name, "ms a character", "characters/s", "times the slowest", "of torch.mv's time")
        print("\n" + table(header, rows))
    print(json.dumps({"threads": torch.get_num_threads(), "milliseconds": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
