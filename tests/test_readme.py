"""The README agrees with the code: its options, its links, the version of Gradio and the test line."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from model import generate
from training import publish, train

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = README + "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("command", [train, generate, publish])
def test_every_option_of_a_command_is_in_the_documents(command: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.parse(["--help"])
    printed = capsys.readouterr().out
    options = {option.replace("--no-", "--") for option in re.findall(r"--[a-z][a-z-]+", printed)} - {"--help"}
    assert len(options) > 5
    assert {option for option in options if option not in DOCUMENTS} == set()


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    assert len(README.splitlines()) < 180
    links = re.findall(r"\]\(([^)#:]+)\)", DOCUMENTS)
    assert links
    assert [link for link in links if not (ROOT / link).exists() and not (ROOT / "docs" / link).exists()] == []


def test_the_space_gets_the_version_of_gradio_that_is_pinned() -> None:
    [pinned] = re.findall(r"^gradio==(.+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert f"sdk_version: {pinned}\n" in README


def test_ci_runs_the_test_line_of_the_readme() -> None:
    lines = [line for line in README.splitlines() if line.endswith("pytest")]
    assert len(lines) == 1
    assert "pytest$" in (ROOT / ".ci/run").read_text()
