"""The command that writes a text: its output and its error sentences."""

import re
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from model.checkpoint import load
from model.generate import main
from model.generation import GenerationConfig, defaults, generate
from tests.conftest import CHARACTERS, book

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.usefixtures("own_process")


def written(directory: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """Standard output without its last new line, and standard error."""
    assert main([str(directory), *arguments]) == 0
    out, err = capsys.readouterr()
    assert out.endswith("\n")
    return out[:-1], err


@pytest.mark.parametrize("length", [1, 250])
def test_it_prints_exactly_the_given_number_of_characters(
    directory: Path, capsys: pytest.CaptureFixture[str], length: int
) -> None:
    out, _ = written(directory, capsys, "--prompt", "the old tale", "--length", str(length))
    assert len(out) == length
    assert set(out) <= set(CHARACTERS)


def test_without_an_option_it_writes_a_thousand_characters(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = written(directory, capsys)
    assert len(out) == 1000


def test_it_writes_what_generate_writes_with_the_checkpoints_own_settings(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = written(directory, capsys, "--prompt", "the old tale", "--length", "80", "--seed", "5")
    model = load(directory)
    config = GenerationConfig(**{**defaults(model), "length": 80, "seed": 5})
    assert out == "".join(generate(model, "the old tale", config))


def test_typed_options_take_the_place_of_the_checkpoints_own(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["--temperature", "0", "--context", "window", "--top-k", "3", "--top-p", "0.5", "--min-p", "0.1"]
    texts = {written(directory, capsys, "--length", "150", *typed, "--seed", seed)[0] for seed in "12"}
    model = load(directory)
    config = GenerationConfig(length=150, temperature=0, context="window")
    assert texts == {"".join(generate(model, "", config))}


def test_the_drawn_seed_is_printed_and_gives_the_same_text_again(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = written(directory, capsys, "--length", "80")
    found = re.search(r"^seed (\d+)$", err, re.MULTILINE)
    assert found
    assert written(directory, capsys, "--length", "80", "--seed", found[1])[0] == out
    others = {written(directory, capsys, "--length", "80")[0] for _ in range(3)}
    assert len(others | {out}) > 1


def test_the_repair_of_the_prompt_is_described_on_standard_error(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = written(directory, capsys, "--prompt", "Thé 😀", "--length", "9", "--seed", "1")
    assert err == "seed 1, prompt: capitals→small letters, é→e, 😀 left out\n"
    assert len(out) == 9


def test_without_a_prompt_it_begins_from_an_excerpt_of_a_corpus_and_shows_it(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = book(3_000)
    (tmp_path / "book.txt").write_text(text, encoding="utf-8")
    readable = load(directory).vocabulary.repair(text).text
    prompts = set()
    for seed in "123":
        arguments = ["--length", "40", "--seed", seed]
        out, err = written(directory, capsys, "--corpus", str(tmp_path / "book.txt"), *arguments)
        prompt = err.removeprefix("prompt: ").removesuffix(f"\nseed {seed}\n")
        assert len(prompt) == 100
        assert prompt in readable
        assert out == written(directory, capsys, "--prompt", prompt, *arguments)[0]
        prompts.add(prompt)
    assert len(prompts) == 3


def test_a_typed_prompt_has_precedence_over_the_corpus_even_if_it_is_empty(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "book.txt").write_text(book(3_000), encoding="utf-8")
    options = ["--corpus", str(tmp_path / "book.txt"), "--length", "40", "--seed", "1"]
    assert written(directory, capsys, "--prompt", "", *options) == written(
        directory, capsys, "--prompt", "", *options[2:]
    )


def test_a_corpus_shorter_than_a_window_is_the_whole_prompt(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "note.txt").write_bytes(b"\xef\xbb\xbfthe old tale")
    _, err = written(directory, capsys, "--corpus", str(tmp_path / "note.txt"), "--length", "5", "--seed", "1")
    assert err == "prompt: the old tale\nseed 1\n"


def test_a_corpus_of_another_encoding_is_read_as_for_training(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "the élan, the hall and the hat: “had” – ha! " * 40
    for encoding in ("utf-8", "cp1252"):
        (tmp_path / f"{encoding}.txt").write_bytes(text.encode(encoding))
    arguments = ["--length", "5", "--seed", "1", "--corpus"]
    told = [written(directory, capsys, *arguments, str(tmp_path / f"{each}.txt"))[1] for each in ("utf-8", "cp1252")]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--temperature", "-1"], "temperature is -1.0"),
        (["--temperature", "nan"], "temperature is nan"),
        (["--temperature", "inf"], "temperature is inf"),
        (["--top-p", "1.5"], "top p is 1.5"),
        (["--length", "0"], "length is 0"),
        (["--length", "1000000000"], "length is 1000000000"),
        (["--seed", "-1"], "seed is -1"),
        (["--top-k", "-3"], "top k is -3"),
        (["--stop", "text"], "text to stop at is empty"),
        (["--stop", "text", "--until", "😀"], "text to stop at is empty"),
        (["--until", "e"], "until is 'e', but stop is length"),
        (["--corpus", "nowhere.txt"], "nowhere.txt"),
        (["--corpus", "."], "."),
    ],
    ids=str,
)
def test_a_bad_value_is_refused_in_one_line(
    directory: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    assert main([str(directory), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"model\.generate: .+\n", err)
    assert word in err


@pytest.mark.parametrize("arguments", [["--length", "ten"], ["--top-k", "1.5"], ["--context", "all"], ["--heat", "1"]])
def test_an_option_that_cannot_be_parsed_is_refused_by_its_name(
    directory: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(directory), *arguments])
    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err.splitlines()[-1]


def test_a_directory_that_is_not_there_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"model\.generate: .*nowhere.*\n", err)


def test_a_damaged_checkpoint_is_refused_in_one_line(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "config.json").write_text("{")
    assert main([str(directory)]) == 2
    assert re.fullmatch(r"model\.generate: .*config\.json is damaged.*\n", capsys.readouterr().err)


def test_an_unknown_decoder_routine_is_refused_in_one_line(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECODER", "abacus")
    assert main([str(directory)]) == 2
    assert capsys.readouterr().err == "model.generate: DECODER is 'abacus', but must be one of int8, int7, float32\n"


def test_a_character_that_the_output_cannot_hold_is_replaced(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = TextIOWrapper(BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", narrow)
    monkeypatch.setattr("model.generate.generate", lambda *_: "“Ah…”")
    assert main([str(directory)]) == 0
    narrow.seek(0)
    assert narrow.read() == "?Ah??\n"


def test_a_closed_pipe_ends_the_command_without_an_error(directory: Path) -> None:
    # As in `python -m model.generate DIR --length 100000 | head -c 100`.
    command = [sys.executable, "-m", "model.generate", str(directory), "--length", "100000", "--seed", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    assert len(process.stdout.read(100)) == 100
    process.stdout.close()
    with process.stderr as errors:
        assert errors.read() == b"seed 1\n"
    assert process.wait(timeout=60) == 0
