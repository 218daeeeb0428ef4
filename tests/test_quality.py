"""The scoreboard: its table, its figures and the README agree, and the compressors are measured as it says."""

import json
import lzma
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import quality
from benchmarks.quality import FIGURES, TABLE, compressed, counted, main, table
from tests.conftest import book
from training.corpus import Corpus

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
STORED: list[dict[str, Any]] = json.loads(FIGURES.read_text(encoding="utf-8"))


def test_the_readme_shows_the_table_of_the_stored_figures() -> None:
    [shown] = TABLE.findall(README)
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


def corpus(text: str) -> Corpus:
    split = int(0.9 * len(text))
    return Corpus("tales", text, split, "lines", False, "as it is", "en", (), (), ())


def test_a_compressor_is_charged_for_what_the_held_out_part_adds() -> None:
    tales = corpus(book(30_000))
    whole, known = (len(lzma.compress(part.encode())) for part in (tales.text, tales.training))
    assert compressed(tales, lzma.compress) == 8 * (whole - known) / 3_000
    assert 0.5 < compressed(tales, lzma.compress) < 8


def test_the_n_gram_model_has_learned_from_the_training_part_alone() -> None:
    text = "the cat sat on the mat. " * 200
    assert counted(corpus(text)) < 0.1
    assert counted(corpus(text[: len(text) * 9 // 10] + "xyzzy" * 96)) > 3


def test_a_checkpoint_whose_text_is_not_given_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quality, "ROOT", tmp_path)
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    (tmp_path / "tales.txt").write_text(book(3_000), encoding="utf-8")
    assert main([str(tmp_path / "tales.txt")]) == 0
    printed, errors = capsys.readouterr()
    assert json.loads(printed.splitlines()[-1]) == []
    assert len(re.findall("left out, since its text is not among the books", errors)) >= 4
