"""The data of a visitor's training: its curves, its samples and safe file names."""

import json
from pathlib import Path
from typing import Any

from training.job import POINTS, SAMPLES, Job, safe_names, thinned
from training.limits import Plan


def line(step: int, **values: Any) -> str:
    told = {
        "step": step,
        "steps": 9,
        "training_bits": 5 - step / 9,
        "held_out_bits": 4.0,
        "measured": 0,
        "sample": None,
    }
    return json.dumps(told | values)


def test_steps_that_are_repeated_after_a_kill_replace_the_earlier_ones() -> None:
    job = Job("key", Path("place"), ("my tale.txt",), Plan())
    for each in (
        line(1),
        line(4, measured=4, sample="four"),
        line(7, measured=4, sample="seven"),
        line(5, sample="five"),
    ):
        job.note(each)
    assert [step for step, _ in job.training_curve] == [1, 4, 5]
    assert job.held_out_curve == [(0, 4.0), (4, 4.0)]
    assert job.samples == [(4, "four"), (5, "five")]
    assert job.progress["step"] == 5
    assert job.title == "my tale"


def test_a_long_training_keeps_a_limited_number_of_points_and_samples() -> None:
    job = Job("key", Path("place"), ("a.txt",), Plan())
    for step in range(1, 3 * POINTS):
        job.note(line(step, sample=str(step)))
    assert POINTS / 2 <= len(job.training_curve) <= POINTS
    assert job.training_curve[-1][0] == 3 * POINTS - 1
    assert len(job.samples) == SAMPLES
    assert thinned([(1, 2.0)]) == [(1, 2.0)]


def test_names_are_safe_and_all_different() -> None:
    typed = ("../../etc/passwd", "C:\\torch.py", "--out", ".hidden", "Torch.py", "\0/", "Ça va (1).txt")
    names = ("passwd", "torch.py", "out", "hidden", "Torch 2.py", "text.txt", "Ça va (1).txt")
    assert safe_names(dict.fromkeys(typed, b"")) == names


def test_a_long_name_that_is_cut_does_not_begin_as_an_option_does() -> None:
    end = "o" * 74 + ".txt"
    assert safe_names({f"a long tale --{end}": b""}) == (end,)
