"""The scoreboard: its table, its figures and the document agree, and the compressors are measured as documented."""

import json
import lzma
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import quality
from benchmarks.quality import DOCUMENT, FIGURES, TABLE, compressed, counted, main, table
from model.checkpoint import load, save
from model.loaded import Model
from model.lstm import CharLSTM, LSTMConfig
from model.vocabulary import Vocabulary
from tests.conftest import E, H, book
from training.corpus import Corpus, read_again
from training.evaluation import evaluate

ROOT = Path(__file__).parent.parent
STORED: list[dict[str, Any]] = json.loads(FIGURES.read_text(encoding="utf-8"))


def test_the_document_shows_the_table_of_the_stored_figures() -> None:
    [shown] = TABLE.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert shown == table(STORED)


@pytest.mark.parametrize("record", sorted(ROOT.glob("assets/*/training.json")), ids=lambda path: path.parent.name)
def test_every_shipped_checkpoint_is_in_the_table_with_its_own_figure(record: Path) -> None:
    training = json.loads(record.read_text(encoding="utf-8"))
    models = {name: model for text in STORED for name, model in text["models"].items()}
    model = models[f"assets/{record.parent.name}"]
    assert model["parameters"] == training["parameters"]
    assert model["bits_per_character"] == pytest.approx(training["held_out"]["bits_per_character"], abs=0.0005)


def test_the_rows_of_a_text_go_from_the_worst_prediction_to_the_best() -> None:
    models = {"assets/a": {"recipe": "modern", "parameters": 1234, "bits_per_character": 1.75}}
    rows = table([{"name": "tales", "held_out": 2000, "baselines": {"xz": 2.5, "PPMd": 1.5}, "models": models}])
    assert rows.splitlines()[2:] == [
        "| tales (2,000) | xz |  | 2.500 |",
        "|  | `assets/a` (modern) | 1,234 | **1.750** |",
        "|  | PPMd |  | 1.500 |",
    ]


def test_a_model_that_adapts_as_it_reads_has_a_second_row() -> None:
    model = {"recipe": "modern", "parameters": 1234, "bits_per_character": 1.75, "adapting_bits_per_character": 1.7}
    classic = {"recipe": "classic", "parameters": 99, "bits_per_character": 3.5, "adapting_bits_per_character": None}
    models = {"assets/a": model, "assets/b": classic}
    text = {"name": "tales", "lowercase": True, "held_out": 2000, "baselines": {"xz": 2.5}, "models": models}
    assert table([text]).splitlines()[2:] == [
        "| tales, lower case (2,000) | `assets/b` (classic) | 99 | **3.500** |",
        "|  | xz |  | 2.500 |",
        "|  | `assets/a` (modern) | 1,234 | **1.750** |",
        "|  | `assets/a`, adapts as it reads |  | 1.700 |",
    ]


def corpus(text: str) -> Corpus:
    split = int(0.9 * len(text))
    return Corpus("tales", text, split, "lines", False, "as it is", "en", (), (), ())


def test_a_compressor_is_measured_by_the_bytes_that_the_held_out_part_adds() -> None:
    tales = corpus(book(30_000))
    whole, known = (len(lzma.compress(part.encode())) for part in (tales.text, tales.training))
    assert compressed(tales, lzma.compress) == 8 * (whole - known) / 3_000
    assert 0.5 < compressed(tales, lzma.compress) < 8


def test_the_n_gram_model_learns_from_the_training_part_only() -> None:
    text = "the cat sat on the mat. " * 200
    assert counted(corpus(text)) < 0.1
    assert counted(corpus(text[: len(text) * 9 // 10] + "xyzzy" * 96)) > 3


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Model) -> Callable[..., list[str]]:
    """A function that makes two books and a checkpoint recorded as trained on the first; returns the three paths."""

    def made(hold_out: bool, **recipe: Any) -> list[str]:
        monkeypatch.setattr(quality, "ROOT", tmp_path)
        books = []
        for seed, name in enumerate(("tales", "more")):
            books.append(tmp_path / f"{name}.txt")
            books[-1].write_text(book(9_000, seed), encoding="utf-8")
        again: dict[str, Any] = {"recipe": {"name": "modern", **recipe}, "parameters": 5}
        again["held_out"] = {"bits_per_character": 2.5, "characters": 77}
        read = read_again(again, books[:1], books[1:] if hold_out else [])
        record = {"name": "tales", "files": list(read.files), "held_out_files": list(read.held_out_files)}
        vocabulary = Vocabulary.of(read.text, read.lowercase, read.typography)
        network = CharLSTM(LSTMConfig(embedding_size=E, hidden_size=H), len(vocabulary))
        trained = replace(model, network=network, vocabulary=vocabulary, training=again | {"corpus": record})
        save(trained, tmp_path / "trained")
        return [str(path) for path in (*books, tmp_path / "trained")]

    return made


@pytest.mark.parametrize("recipe", [{"form": "book"}, {"form": "book", "lowercase": True}, {"lowercase": True}, {}])
@pytest.mark.parametrize("hold_out", [False, True])
def test_a_model_is_measured_on_its_own_held_out_text_read_as_in_its_training(
    places: Callable[..., list[str]], capsys: pytest.CaptureFixture[str], hold_out: bool, recipe: dict[str, Any]
) -> None:
    given = places(hold_out, **recipe)
    assert main(given) == 0
    [text] = json.loads(capsys.readouterr().out.splitlines()[-1])
    trained = load(Path(given[-1]))
    held_out = read_again(trained.training, [Path(given[0])], [Path(given[1])] if hold_out else []).held_out
    ids = trained.vocabulary.encode(held_out)
    figures = text["models"]["trained"]
    assert text["held_out"] == len(held_out)
    assert held_out.islower() == recipe.get("lowercase", False)
    assert figures["bits_per_character"] == pytest.approx(evaluate(trained.network, ids).bits_per_character)
    assert figures["adapting_bits_per_character"] < figures["bits_per_character"]


def test_without_its_books_a_model_has_the_figure_of_its_record(
    places: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    training, _, directory = places(hold_out=True)
    assert main([training, directory]) == 0
    printed, errors = capsys.readouterr()
    [text] = json.loads(printed.splitlines()[-1])
    assert "trained: its recorded figure, since its text is not among the books" in errors
    row = text["models"]["trained"]
    assert (text["name"], text["held_out"], text["baselines"]) == ("tales", 77, {})
    assert (row["bits_per_character"], row["adapting_bits_per_character"]) == (2.5, None)
