"""CONTRIBUTING.md names files, folders and commands that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"\b(?:model|training|interface|benchmarks|tests|docs)/[\w/]*\w(?:\.\w+)?/?", TEXT))
    assert len(named) > 25
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_folder_with_code_is_named() -> None:
    folders = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("*/**/__init__.py")}
    ours = {folder for folder in folders if folder.split("/")[0] in ("benchmarks", "interface", "model", "training")}
    assert len(ours) > 4
    assert {folder for folder in ours if f"| `{folder}/`" not in TEXT} == set()


def test_every_benchmark_has_its_question() -> None:
    scripts = [p.stem for p in (ROOT / "benchmarks").glob("*.py") if '__name__ == "__main__"' in p.read_text("utf-8")]
    assert len(scripts) > 4
    assert [name for name in scripts if f"| `python -m benchmarks.{name}" not in TEXT] == []
