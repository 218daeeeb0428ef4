"""The progress lines of a training, for another program: the step, and the most seconds that are left."""

import io
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest

from training import progress
from training.trainer import Progress


def test_the_time_left_is_told_before_and_after_the_number_of_steps_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "OFTEN", 0)
    record = SimpleNamespace(curve=[{"step": 0}])
    trainer: Any = SimpleNamespace(step=0, minutes=100, started=time.perf_counter(), record=record, sample=lambda: "a")
    file = io.StringIO()
    with progress.lines(trainer, file) as show:
        for step, steps in ((1, None), (2, 2)):
            show(Progress(step, steps, loss=1.0, bits_per_character=2.0, characters_per_second=3.0, sample="so"))
    first, last = map(json.loads, file.getvalue().splitlines())
    assert 3_000 < first["seconds_left"] <= 6_000
    assert first["steps"] is None
    assert (last["seconds_left"], last["steps"]) == (0, 2)
