"""The model card: metadata that the Hub can read, and the figures of the record."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from training.card import card

ROOT = Path(__file__).parent.parent
RECORD: dict[str, Any] = {
    "corpus": {"name": "pooh", "characters": 120_000, "files": [{"name": "pooh.txt", "bytes": 1, "sha256": "ab12"}]},
    "split": {"training": 108_000, "held_out": 12_000},
    "recipe": {"name": "modern", "sampling": {"temperature": 0.9, "top_k": 0}, "context": "carried"},
    "seed": 7,
    "parameters": 1_234_567,
    "held_out": {"nats": 1.3, "bits_per_character": 1.87654321},
    "samples": [
        {"step": 0, "text": "xqz"},
        {"step": 9, "text": "said pooh.\n\n“so,” said he\n---\n# no heading"},
        {"step": 12, "text": "by heart"},
    ],
    "best_step": 9,
    "command": "python -m training.train pooh.txt --out pooh",
    "seconds": 90.0,
    "machine": "A Processor, 2 threads",
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
}


def test_the_metadata_is_yaml_that_the_hub_can_read() -> None:
    data: Any = ModelCard(card(RECORD)).data
    assert data.library_name == "pytorch"
    assert data.pipeline_tag == "text-generation"
    assert data.tags == ["lstm", "character-level"]
    [result] = data.eval_results
    assert result.dataset_name == "pooh"
    assert result.metric_type == "bits_per_character"
    assert result.metric_value == 1.8765
    assert result.dataset_split == "held out"
    assert (data.license, data.language, data.base_model) == (None, None, None)


def test_the_metadata_has_the_licence_and_the_language_if_they_are_known() -> None:
    data: Any = ModelCard(card(RECORD, licence="cc0-1.0", language="en")).data
    assert (data.license, data.language) == ("cc0-1.0", "en")


def test_the_language_is_that_of_the_corpus_unless_another_is_given() -> None:
    record = copy.deepcopy(RECORD)
    for recognized, given, told in (("de", None, "de"), ("de", "fr", "fr"), ("", None, None)):
        record["corpus"]["language"] = recognized
        data: Any = ModelCard(card(record, language=given)).data
        assert data.language == told


def test_the_text_names_the_corpus_the_figures_the_command_and_the_machine() -> None:
    text = ModelCard(card(RECORD)).text
    for part in (
        "# pooh\n",
        "`pooh.txt`, SHA-256 `ab12`",
        "modern recipe",
        "1,234,567 parameters",
        "108,000 characters",
        "12,000 characters held out, which follow them",
        "**1.877 bits per character**",
        "    python -m training.train pooh.txt --out pooh\n",
        "1.5 minutes on A Processor, 2 threads, with python 3.11.7, torch 2.13.0.",
        "in the manner of this one text, and knows nothing else.",
        "must not be used as information",
        "at step 9, whose weights these are, without a prompt (temperature 0.9, top_k 0, context carried, seed 7)",
    ):
        assert part in text


def test_the_card_names_the_books_that_are_held_out() -> None:
    record = copy.deepcopy(RECORD)
    record["corpus"]["held_out_files"] = [{"name": "owl.txt"}, {"name": "roo.txt"}]
    told = "On the 12,000 characters held out, from the beginning of `owl.txt`, `roo.txt`, it needs\n"
    assert told in card(record)
    assert "which follow them" not in card(record)


def test_the_card_names_the_base_model() -> None:
    assert "beginning from" not in card(RECORD)
    text = card(RECORD | {"init": {"name": "storyteller", "sha256": "ef56"}})
    assert "beginning from `storyteller` (SHA-256 of its weights `ef56`)" in text
    assert "of this one text and of those that `storyteller` had read, and knows nothing else." in text
    data: Any = ModelCard(card(RECORD | {"init": {"name": "ann/teller@0123456", "sha256": "ef56"}})).data
    assert data.base_model == "ann/teller"


def test_a_card_says_what_the_copies_are_only_where_there_are_any() -> None:
    assert "copies.npz" not in card(RECORD)
    assert "`copies.npz` holds hashes of what it has read, not the text.\n\n## How it was made" in card(
        RECORD, copies=True
    )


@pytest.mark.parametrize(
    "directory", sorted(path.parent for path in ROOT.glob("assets/*/README.md")), ids=lambda p: p.name
)
def test_each_shipped_card_is_made_from_its_record_and_names_the_licence(directory: Path) -> None:
    training = json.loads((directory / "training.json").read_text(encoding="utf-8"))
    with_licence = card(training, copies=True).replace("library_name", "license: mit\nlibrary_name", 1)
    assert (directory / "README.md").read_text(encoding="utf-8") == with_licence


def test_the_sample_at_the_best_step_is_shown_unchanged_as_plain_text() -> None:
    text = card(RECORD)
    # Markdown shows a line that is indented by four spaces unchanged.
    assert "\n    said pooh.\n    \n    “so,” said he\n    ---\n    # no heading\n" in text
    assert "xqz" not in text
    assert "by heart\n" not in text.split("## A sample")[1]


def test_a_card_with_a_name_on_the_hub_says_how_to_load_it() -> None:
    assert "Use it" not in card(RECORD)
    assert 'checkpoint = load("ann/pooh")\n' in card(RECORD, "ann/pooh")


@pytest.mark.parametrize("record", sorted((ROOT / "assets").glob("*/training.json")), ids=lambda path: path.parent.name)
def test_each_shipped_record_makes_a_card(record: Path) -> None:
    training = json.loads(record.read_text(encoding="utf-8"))
    data: Any = ModelCard(card(training, "ann/shipped")).data
    assert data.eval_results[0].metric_value == round(training["held_out"]["bits_per_character"], 4)


def test_every_file_of_the_corpus_is_named_with_its_digest() -> None:
    record = copy.deepcopy(RECORD)
    record["corpus"]["files"].append({"name": "house.txt", "bytes": 2, "sha256": "cd34"})
    text = card(record)
    assert "- `pooh.txt`, SHA-256 `ab12`\n- `house.txt`, SHA-256 `cd34`\n" in text
    assert "in the manner of these 2 texts," in text


@pytest.mark.parametrize(
    "name", ["a: b", "# so", "“quoted” 'and' \"so\"", "- item", "안녕 😀", "yes", "1984", "{x}", "a + b"]
)
def test_any_name_of_a_corpus_makes_valid_metadata(name: str) -> None:
    record = copy.deepcopy(RECORD)
    record["corpus"]["name"] = name
    data: Any = ModelCard(card(record)).data
    assert data.model_name == name
    assert data.eval_results[0].dataset_name == name
    assert f"# {name}\n" in card(record)
