"""The record of a run, which becomes the `training.json` of its checkpoint."""

import dataclasses
import json
import platform
from typing import Any

import numpy as np
import torch

from model import hardware
from model.loaded import Model
from model.lstm import CharLSTM
from training.corpus import Corpus
from training.evaluation import Evaluation
from training.recipes import Recipe


class Record:
    """The settings of a run, and its measurements so far, each with one point of the curve and one sample."""

    def __init__(
        self,
        corpus: Corpus,
        recipe: Recipe,
        network: CharLSTM,
        *,
        seed: int,
        device: torch.device,
        precision: str,
        command: str = "",
        init: Model | None = None,
        minutes: float | None = None,
    ) -> None:
        self.curve: list[dict[str, Any]] = []  # step, seconds, training_nats (None at first), held_out_nats
        self.samples: list[dict[str, Any]] = []  # step, text
        self.made: dict[str, Any] = {
            "corpus": {
                "name": corpus.name,
                "characters": len(corpus.text),
                "language": corpus.language,
                "files": list(corpus.files),
                "held_out_files": list(corpus.held_out_files),
            },
            "split": {"training": corpus.split, "held_out": len(corpus.text) - corpus.split},
            "recipe": dataclasses.asdict(recipe),
            "init": {"name": init.name, "sha256": init.digest} if init else None,
            "seed": seed,
            "command": command,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "precision": precision,
            "machine": hardware.describe(device),
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        }
        decisive = ("corpus", "recipe", "init", "seed", "precision")
        self.identity = json.dumps([*(self.made[key] for key in decisive), minutes])  # equal only for the same run

    def add(self, step: int, seconds: float, training_nats: float | None, held_out: Evaluation, sample: str) -> None:
        """Add one measurement, and the sample written at that step."""
        self.curve.append(
            {
                "step": step,
                "seconds": round(seconds, 2),
                "training_nats": training_nats,
                "held_out_nats": held_out.nats,
            }
        )
        self.samples.append({"step": step, "text": sample})

    @property
    def best_step(self) -> int:
        """The step of the first of the best measurements."""
        best: int = min(self.curve, key=lambda point: point["held_out_nats"])["step"]
        return best

    @property
    def since_best(self) -> int:
        """How many measurements have been made since the best one."""
        return sum(point["step"] > self.best_step for point in self.curve) if self.curve else 0

    def content(
        self, step: int, seconds: float, held_out: Evaluation, context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The record as JSON values, at step `step`; `held_out` has the figures of the weights that are kept."""
        return {
            **self.made,
            "steps": step,
            "best_step": self.best_step,
            "seconds": round(seconds, 1),
            "held_out": held_out.figures,
            "context": context or {},  # the result of `context_loss`, known at the end of a run
            "curve": self.curve,
            "samples": self.samples,
        }
