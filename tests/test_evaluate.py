"""The evaluation command: a table for people, then one line of JSON for programs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.checkpoint import load, save
from model.loaded import Model
from tests.conftest import TALE
from training.corpus import read, read_again
from training.evaluate import main
from training.evaluation import context_loss, evaluate, evaluate_adapting


def tale(characters: int) -> str:
    """Return a text whose small letters the tiny model knows, but not its capitals and exclamation marks."""
    words = TALE.replace("\n", " ").split()
    return " ".join(words[i * i % 31 % len(words)].capitalize() for i in range(characters)).replace(". ", "! ", 99)[
        :characters
    ]


def figures_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return figures


def test_it_prints_the_held_out_figures_and_statistics_of_samples_and_real_text(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tale(4_000))
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


def test_only_the_samples_that_were_written_are_counted(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write(tale(3_000)))
    for length, counts in (("50", "10 texts of 50 characters"), ("5000", "1 text of ")):
        assert main([str(directory), path, "--samples", "10", "--length", length]) == 0
        assert f"\n{counts}" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_figures(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for seed in ("1", "1", "2"):
        main([str(directory), str(write(tale(3_000))), "--samples", "2", "--length", "50", "--seed", seed])
        outputs.append(json.loads(capsys.readouterr().out.splitlines()[-1])["samples"])
    assert outputs[0] == outputs[1] != outputs[2]


@pytest.mark.parametrize("context", ["carried", "window"])
@pytest.mark.parametrize("length", [1, 50, 250, 5_000])
def test_samples_of_any_length_are_measured_in_either_context(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str], length: int, context: str
) -> None:
    arguments = [str(directory), str(write(tale(3_000))), "--samples", "2", "--context", context]
    assert main([*arguments, "--length", str(length)]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    written = figures["settings"]["length"]
    assert written == length if length < 100 else 100 < written < 200, "never longer than the real text beside it"
    assert figures["samples"]["own_bits_per_character"] > 0
    assert figures["held_out"]["own_bits_per_character"] > 0


@pytest.mark.parametrize("stop", [["sentence"], ["text", "--until", "E"]], ids=str)
def test_samples_that_end_early_are_compared_with_real_text_of_the_same_length(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str], stop: list[str]
) -> None:
    path = write(tale(3_000))
    assert main([str(directory), str(path), "--samples", "3", "--length", "90", "--stop", *stop]) == 0
    figures = figures_of(capsys)
    assert figures["samples"]["own_bits_per_character"] > 0
    assert figures["held_out"]["own_bits_per_character"] > 0


@pytest.mark.parametrize("letters", ["Αυτό το βιβλίο. ", "Эта книга. ", "這是一本書 "])
def test_a_book_in_letters_that_the_model_does_not_know_is_refused(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str], letters: str
) -> None:
    assert main([str(directory), str(write(letters * 400))]) == 2
    error = capsys.readouterr().err
    assert error.endswith("% of the text's characters are unknown to the model: give a text in its letters\n")
    assert int(error.removeprefix("training.evaluate: ").split("%")[0]) > 80


def test_the_text_is_saved_as_it_is_measured(
    directory: Path, write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tale(4_000).replace(" ", "\r\n", 50))
    assert main([str(directory), str(path), "--samples", "1", "--save-text", str(tmp_path / "new" / "text")]) == 0
    model, figures = load(directory), figures_of(capsys)
    training, held_out = (
        (tmp_path / "new" / "text" / f"{name}.txt").read_bytes().decode() for name in ("training", "held_out")
    )
    corpus = read_again(model.training, [path])
    assert training == model.vocabulary.repair(corpus.training).text
    measured = evaluate(model.network, model.vocabulary.encode(held_out))
    assert figures["characters"] == len(held_out) - 1 == measured.characters
    assert figures["nats"] == pytest.approx(measured.nats)


def test_whole_books_can_be_measured_in_place_of_the_last_tenth(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    books = [str(write(tale(3_000), "a.txt")), str(write(tale(2_500)[::-1], "b.txt"))]
    assert main([str(directory), books[0], "--samples", "1", "--hold-out", books[1]]) == 0
    corpus = read_again(load(directory).training, [Path(books[0])], [Path(books[1])])
    assert figures_of(capsys)["characters"] + 1 == len(load(directory).vocabulary.repair(corpus.held_out).text)
    assert main([str(directory), books[0], "--hold-out", str(write("a tale", "c.txt"))]) == 2
    assert "are held out, but more than 100 are needed" in capsys.readouterr().err


def test_a_text_that_the_model_was_trained_on_is_not_measured(
    model: Model, write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = [write(tale(3_000), "a.txt"), write(tale(2_500)[::-1], "b.txt")]
    corpus = read(books[:1], True, "lines", books[1:])
    record = {"files": list(corpus.files), "held_out_files": list(corpus.held_out_files)}
    save(replace(model, training={"corpus": record}), tmp_path / "held")
    command = [str(tmp_path / "held"), str(books[0]), "--samples", "1"]
    assert main(command) == 2
    assert capsys.readouterr().err == ("training.evaluate: held was trained on all of a.txt: give --hold-out b.txt\n")
    assert main([*command, "--hold-out", str(books[0])]) == 2
    assert main([*command, "--hold-out", str(books[1])]) == 0


def test_a_model_is_measured_on_the_text_in_its_own_form(
    model: Model, write: Callable[..., Path], tmp_path: Path
) -> None:
    words = tale(6_000).replace("! ", ". ")
    path = write("\n".join(words[i : i + 60] for i in range(0, len(words), 60)))
    characters = []
    for form in ("book", "as it is"):
        save(replace(model, training={"recipe": {"form": form}}), tmp_path / form)
        assert main([str(tmp_path / form), str(path), "--samples", "1", "--save-text", str(tmp_path / "text")]) == 0
        characters.append((tmp_path / "text" / "held_out.txt").read_text("utf-8").count("\n"))
    assert characters[0] < characters[1]


def test_adapting_is_measured_beside_the_static_figure_where_it_is_asked_for(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tale(4_000))
    for adapt in ([], ["--adapt"]):
        assert main([str(directory), str(path), "--samples", "1", "--length", "50", *adapt]) == 0
        printed = capsys.readouterr().out
        figures = json.loads(printed.splitlines()[-1])
        assert ("adapting as it reads" in printed) == bool(adapt)
        assert bool(figures["adapting"]) == bool(adapt)
        assert figures["settings"]["adapt"] == bool(adapt)
    model = load(directory)
    ids = model.vocabulary.encode(model.vocabulary.repair(read_again(model.training, [path]).held_out).text)
    assert figures["adapting"]["nats"] == pytest.approx(evaluate_adapting(model.network, ids).nats)
    assert figures["nats"] == pytest.approx(evaluate(model.network, ids).nats)


def test_the_cost_of_less_context_is_printed_if_the_text_is_long_enough(
    directory: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for characters, told in ((4_000, False), (25_000, True)):
        path = write(tale(characters))
        assert main([str(directory), str(path), "--samples", "1", "--length", "50"]) == 0
        printed = capsys.readouterr().out
        assert ("bits lost" in printed) == told
        context = json.loads(printed.splitlines()[-1])["context"]
        assert list(context.get("bits_lost", {})) == ["25", "50", "100", "200", "400", "800"] * told
    model = load(directory)
    ids = model.vocabulary.encode(model.vocabulary.repair(read_again(model.training, [path]).held_out).text)
    assert context["bits_lost"] == pytest.approx(context_loss(model.network, ids)["bits_lost"], abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "book.txt"], "there is no checkpoint directory"),
        (["tiny", "nobody.txt"], "cannot be read"),
        (["tiny", "book.txt", "--samples", "0"], "--samples is 0"),
        (["tiny", "book.txt", "--temperature", "-1"], "temperature is -1.0"),
        (["tiny", "book.txt", "--adapt", "--context", "window"], "adapt is for context carried"),
        (["tiny", "book.txt", "--save-text", "book.txt"], "book.txt"),
    ],
)
def test_an_error_is_printed_in_one_line(
    arguments: list[str],
    message: str,
    directory: Path,
    write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tale(3_000))
    monkeypatch.chdir(directory.parent)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
