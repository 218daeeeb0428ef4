"""A visitor's text, with its report and the state of its training."""

import json
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from training.limits import Plan

POINTS = 400  # of the training curve that are kept, at most
SAMPLES = 40  # that are kept, the latest

State = Literal["reading", "refused", "read", "waiting", "training", "stopped", "broken", "done"]


@dataclass
class Job:
    """A visitor's text, with its report and the state of its training."""

    key: str
    directory: Path
    names: tuple[str, ...]  # of the files of text
    plan: Plan
    state: State = "reading"
    error: str = ""  # why the text was refused, or why the training broke off or was stopped
    words: str = ""  # the report as a person reads it
    report: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)  # the latest line of the training command
    training_curve: list[tuple[int, float]] = field(default_factory=list)  # step, bits per character
    held_out_curve: list[tuple[int, float]] = field(default_factory=list)
    samples: list[tuple[int, str]] = field(default_factory=list)  # step, text
    seen: float = field(default_factory=time.monotonic)
    began: float = 0.0  # when its process began
    stopping: bool = False
    turn: int = 0  # counts reports, trainings and their ends, so that a late result of an earlier one is ignored
    process: "subprocess.Popen[str] | None" = None

    @property
    def texts(self) -> Path:
        return self.directory / "texts"

    @property
    def model(self) -> Path:
        """The directory of the checkpoint, which exists from the first measurement on."""
        return self.directory / "model"

    @property
    def can_go_on(self) -> bool:
        return self.model.with_name("model.unfinished").exists()

    @property
    def title(self) -> str:
        return str(self.report.get("name") or Path(self.names[0]).stem)

    @property
    def choices(self) -> list[str]:
        """The arguments that both commands get, except `--minutes`."""
        return [
            *self.names,
            "--init",
            self.plan.begin,
            "--threads",
            "1",
            *([] if self.plan.capitals else ["--lowercase"]),
        ]

    def note(self, line: str) -> None:
        """Add a line of progress, in JSON, from the training command."""
        told = json.loads(line)
        step = told["step"]
        for curve in (self.training_curve, self.held_out_curve):  # points after the last saved state
            while curve and curve[-1][0] >= step:
                curve.pop()
        self.training_curve = thinned([*self.training_curve, (step, told["training_bits"])])
        if not self.held_out_curve or told["measured"] > self.held_out_curve[-1][0]:
            self.held_out_curve.append((told["measured"], told["held_out_bits"]))
        if told["sample"] is not None:
            self.samples = [*(each for each in self.samples if each[0] < step), (step, told["sample"])][-SAMPLES:]
        self.progress = told


def thinned(curve: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The curve with at most `POINTS` points; in a longer one each pair becomes its mean, at the later step."""
    if len(curve) <= POINTS:
        return curve
    pairs = zip(curve[::2], curve[1::2], strict=False)
    return [(later[0], (earlier[1] + later[1]) / 2) for earlier, later in pairs] + curve[len(curve) // 2 * 2 :]


def safe_names(texts: Mapping[str, bytes]) -> tuple[str, ...]:
    """A different name for each file, safe on any disk and in any command."""
    names: list[str] = []
    for typed in texts:
        last = typed.replace("\\", "/").rpartition("/")[2]
        name = re.sub(r"[^\w .,()’'-]+", " ", last)[-80:].strip(" .-") or "text.txt"
        stem, end = Path(name).stem, Path(name).suffix
        number = 1
        while name.lower() in (other.lower() for other in names):
            number += 1
            name = f"{stem} {number}{end}"
        names.append(name)
    return tuple(names)
