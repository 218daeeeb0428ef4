"""The evaluation command: a table for people, then one line of JSON for programs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from model.checkpoint import load
from tests.conftest import book
from training.corpus import read
from training.evaluate import main
from training.evaluation import evaluate


def test_it_prints_the_held_out_figures_and_statistics_of_samples_and_real_text(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(book(4_000))
    assert main([str(directory), str(path), "--samples", "3", "--length", "70"]) == 0
    output = capsys.readouterr().out.strip()
    figures = json.loads(output.splitlines()[-1])

    model = load(directory)
    ids = model.vocabulary.encode(model.vocabulary.repair(read([path], True).held_out).text)
    expected = evaluate(model.network, ids)
    assert figures["characters"] == expected.characters == len(ids) - 1
    assert figures["bits_per_character"] == pytest.approx(expected.bits_per_character)
    assert figures["nats"] == pytest.approx(expected.nats)
    assert "left out" in output, "characters that the model does not know must be told"

    # The book repeats its few words, the untrained network makes up its own.
    assert figures["held_out"]["known_words"] > figures["samples"]["known_words"]
    assert figures["settings"]["length"] == 70
    assert figures["settings"]["top_k"] == 9, "what is not typed is the checkpoint's own setting"


def test_the_same_seed_gives_the_same_figures(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for seed in ("1", "1", "2"):
        main([str(directory), str(write(book(3_000))), "--samples", "2", "--length", "50", "--seed", seed])
        outputs.append(json.loads(capsys.readouterr().out.splitlines()[-1])["samples"])
    assert outputs[0] == outputs[1] != outputs[2]


@pytest.mark.parametrize("context", ["carried", "window"])
@pytest.mark.parametrize("length", [1, 50, 250, 5_000])
def test_samples_of_any_length_are_measured_in_either_context(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str], length: int, context: str
) -> None:
    arguments = [str(directory), str(write(book(3_000))), "--samples", "2", "--context", context]
    assert main([*arguments, "--length", str(length)]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    written = figures["settings"]["length"]
    assert written == length if length < 100 else 100 < written < 200, "never longer than the real text beside it"
    assert figures["samples"]["own_bits_per_character"] > 0
    assert figures["held_out"]["own_bits_per_character"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "book.txt"], "there is no checkpoint directory"),
        (["tiny", "nobody.txt"], "cannot be read"),
        (["tiny", "book.txt", "--samples", "0"], "--samples is 0"),
        (["tiny", "book.txt", "--temperature", "-1"], "temperature is -1.0"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str],
    message: str,
    directory: Path,
    write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(book(3_000))
    monkeypatch.chdir(directory.parent)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
