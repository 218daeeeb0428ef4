"""The arguments of the benchmarks: a wrong one is refused in a sentence."""

from pathlib import Path

import pytest

from benchmarks import distributed, generation, quality
from training.stopping import Main


@pytest.mark.parametrize(
    ("main", "sentence"),
    [
        (generation.main, "benchmarks.generation: there is no checkpoint directory"),
        (distributed.main, "benchmarks.distributed: nowhere cannot be read"),
    ],
    ids=["generation", "distributed"],
)
def test_a_path_to_nothing_is_refused(
    main: Main, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["nowhere"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(sentence)


def test_a_directory_without_a_checkpoint_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quality, "ROOT", tmp_path)  # there is no shipped checkpoint
    with pytest.raises(SystemExit) as end:
        quality.main([str(tmp_path)])
    assert end.value.code == 2
    assert "model.safetensors is missing" in capsys.readouterr().err.splitlines()[-1]
