"""Ctrl-C before a command has anything to keep."""

import pytest

from model import hardware
from training import evaluate, report_text, train
from training.stopping import Main


@pytest.mark.parametrize(
    ("main", "name", "arguments"),
    [
        (train.main, "training.train", ["book.txt", "--out", "run"]),
        (report_text.main, "training.corpus", ["book.txt"]),
        (evaluate.main, "training.evaluate", ["run", "book.txt"]),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_ctrl_c_ends_a_command_with_one_line(
    main: Main,
    name: str,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(hardware, "prepare", interrupted)
    assert main(arguments) == 130
    assert capsys.readouterr() == ("", f"\n{name}: stopped\n")
