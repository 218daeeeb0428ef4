"""The training loop: one run from a corpus to a checkpoint, which can be stopped and taken up again."""

import copy
import dataclasses
import json
import math
import platform
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from model import checkpoint as checkpoints
from model import hardware
from model.copying import Copies, Source
from model.generation import GenerationConfig, generate
from model.loaded import Model
from model.lstm import CharLSTM, State
from model.vocabulary import Vocabulary
from training.batches import Streams, Windows
from training.card import card
from training.corpus import Corpus
from training.evaluation import Evaluation, evaluate
from training.optimization import learning_rate, optimizers
from training.recipes import Recipe
from training.transfer import transfer

TIMED_STEPS = 20  # how many steps a run with a time limit takes before it settles how many there will be
SAMPLE_LENGTH = 200
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a step."""

    step: int
    steps: int | None  # None until a run with a time limit knows its own speed
    loss: float  # nats, of the last batch
    bits_per_character: float  # held out, as last measured
    characters_per_second: float
    sample: str | None  # newly written, where the held-out part has just been measured


class Trainer:
    """One training run; the best weights so far are always in `directory`.

    With `minutes`, the first steps are timed and the number of steps follows from that. What an unfinished run needs to
    go on is kept in a file beside `directory`: a run of the same corpus, recipe and seed goes on from there and ends
    with the weights of an unbroken one. Raises ValueError where the file is another run's.
    """

    # All that a run must remember to go on as if it had never been stopped, beside its network and optimizer.
    MEMORY = ("step", "steps", "state", "seconds", "losses", "curve", "samples", "best", "best_nats")

    def __init__(
        self,
        corpus: Corpus,
        recipe: Recipe,
        directory: Path,
        *,
        seed: int = 0,
        minutes: float | None = None,
        device: torch.device = CPU,
        command: str = "",
        init: Model | None = None,
    ) -> None:
        if recipe.window >= corpus.split:
            raise ValueError(
                f"window is {recipe.window:,}, but only {corpus.split:,} characters train: give a shorter one"
            )
        torch.manual_seed(seed)
        self.recipe, self.directory, self.seed, self.minutes = recipe, Path(directory).absolute(), seed, minutes
        self.vocabulary = Vocabulary.of(corpus.text, corpus.lowercase, corpus.typography)
        training = self.vocabulary.encode(corpus.training).to(device)
        self.held_out = self.vocabulary.encode(corpus.held_out).to(device)
        before = (init.copies or Copies((), unknown=init.name)) if init else Copies(())
        self.copies = before.and_then(Source.of(corpus.name, corpus.training))
        network = CharLSTM(recipe.network, len(self.vocabulary))
        self.transfer = transfer(init.network, init.vocabulary, network, self.vocabulary) if init else None
        self.network = network.to(device)
        self.optimizers = optimizers(self.network, recipe)
        # The average of the weights on their way predicts better than the weights of any one step: it is what is kept.
        self.average = (
            AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay))
            if recipe.ema_decay
            else None
        )
        reader = Streams if recipe.context == "carried" else Windows
        self.batches = reader(training, recipe.batch_size, recipe.window, seed)
        self.evaluate_every = recipe.evaluate_every or self.batches.steps_per_epoch
        bfloat16 = recipe.precision == "bfloat16" and hardware.has_bfloat16(device)
        self.autocast = torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)

        self.step = 0
        self.steps = None if minutes else recipe.steps or math.ceil(recipe.epochs * self.batches.steps_per_epoch)
        self.state = self.network.zero_state(recipe.batch_size)
        self.seconds = 0.0
        self.losses: list[float] = []  # nats, since the last measurement
        self.curve: list[dict[str, Any]] = []
        self.samples: list[dict[str, Any]] = []
        self.best: dict[str, Tensor] = {}  # a copy, since the network's own weights go on changing
        self.best_nats = math.inf

        self.about = {
            "corpus": {
                "name": corpus.name,
                "characters": len(corpus.text),
                "language": corpus.language,
                "files": list(corpus.files),
                "held_out_files": list(corpus.held_out_files),
            },
            "split": {"training": len(training), "held_out": len(self.held_out)},
            "recipe": dataclasses.asdict(recipe),
            "init": {"name": init.name, "sha256": init.digest} if init else None,
            "seed": seed,
            "command": command,
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "precision": "bfloat16" if bfloat16 else "float32",
            "machine": hardware.describe(device),
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        }
        own = ("corpus", "recipe", "init", "seed", "precision")
        self.identity = json.dumps([*(self.about[key] for key in own), minutes])
        if self.unfinished(self.directory).exists():
            self._restore()

    @staticmethod
    def unfinished(directory: Path) -> Path:
        """The file that holds what an unfinished run needs to go on."""
        return directory.with_name(directory.name + ".unfinished")

    @property
    def complete(self) -> bool:
        """Whether all steps are taken, or the last measurements were worse than the best before them."""
        best = min(range(len(self.curve)), key=lambda i: self.curve[i]["held_out_nats"], default=0)
        out_of_patience = self.recipe.patience and len(self.curve) - 1 - best >= self.recipe.patience
        return self.step == self.steps or bool(out_of_patience)

    def run(self) -> Generator[Progress]:
        """Train to the end, yielding after every step; closing the iterator keeps what was reached until then.

        Raises FloatingPointError where the loss is no longer a number, with the best weights before that kept.
        """
        self.started = time.perf_counter() - self.seconds
        if not self.curve:
            self._measure()
            self._save()
        self.network.train()
        durations: list[float] = []
        try:
            while not self.complete:
                # ---- one step ----------------------------------------------------------------------------------------
                before = time.perf_counter()
                characters = self._step()
                durations = [*durations[1 - TIMED_STEPS :], time.perf_counter() - before]
                if self.steps is None and len(durations) == TIMED_STEPS:
                    self.steps = self._affordable_steps(median(durations))

                # ---- measure, write a sample, keep the best ----------------------------------------------------------
                measured = self.step % self.evaluate_every == 0 or self.step == self.steps
                loss = self.losses[-1]
                if not math.isfinite(loss):
                    self._finish()
                    self.unfinished(self.directory).unlink(missing_ok=True)
                    raise FloatingPointError(f"at step {self.step:,} the loss is {loss}: try a lower --learning-rate")
                if measured:
                    self._measure()
                    self._save()

                # ---- tell --------------------------------------------------------------------------------------------
                yield Progress(
                    step=self.step,
                    steps=self.steps,
                    loss=loss,
                    bits_per_character=self.curve[-1]["held_out_nats"] / math.log(2),
                    characters_per_second=characters / median(durations),
                    sample=self.samples[-1]["text"] if measured else None,
                )
        except GeneratorExit:
            self.seconds = time.perf_counter() - self.started
            self._save()  # before a measurement that an unbroken run would not make
            if self.curve[-1]["step"] != self.step:
                self._measure()
            self._finish()
            raise
        self._finish()
        self.unfinished(self.directory).unlink(missing_ok=True)

    def _step(self) -> int:
        """Learn from the next batch; return how many characters it read."""
        inputs, targets = self.batches.batch(self.step)  # (B, T), and (B, T) or (B, 1)
        state = self._state_for(len(inputs))
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["lr"] = learning_rate(self.recipe, self.step, self.steps)
        with self.autocast:
            hidden, (h, c) = self.network.read(inputs, state)
            logits = self.network.output(hidden[:, -targets.size(1) :])  # those steps that have a target
        loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        self.network.zero_grad()
        loss.backward()
        if self.recipe.clip_norm:
            clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.average:
            self.average.update_parameters(self.network)
        self.state = (h.detach().float(), c.detach().float())
        self.step += 1
        self.losses.append(loss.item())
        return inputs.numel()

    def _state_for(self, B: int) -> State:
        """The state from which `B` streams read on: zero where none is carried, or where it is reset by chance."""
        if not self.batches.carried:
            return self.network.zero_state(B)
        if not self.recipe.state_reset:
            return self.state
        kept = torch.rand(1, B, 1, device=self.held_out.device) >= self.recipe.state_reset
        hidden, cell = self.state
        return hidden * kept, cell * kept

    def _affordable_steps(self, seconds_per_step: float) -> int:
        assert self.minutes is not None
        seconds_per_measurement = self.curve[0]["seconds"]  # the first, made before the first step
        left = 60 * self.minutes - (time.perf_counter() - self.started)
        return self.step + max(1, int(left / (seconds_per_step + seconds_per_measurement / self.evaluate_every)))

    # ---- measuring and keeping -----------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Measure the held-out part, write a sample, note both, and keep the weights if they are the best."""
        with self.autocast:
            measured = evaluate(self._candidate(), self.held_out, self.recipe.context)
        self.samples.append({"step": self.step, "text": self._sample()})
        self.seconds = time.perf_counter() - self.started
        self.curve.append(
            {
                "step": self.step,
                "seconds": round(self.seconds, 2),
                "training_nats": sum(self.losses) / len(self.losses) if self.losses else None,
                "held_out_nats": measured.nats,
            }
        )
        self.losses = []
        if measured.nats < self.best_nats:
            self.best_nats = measured.nats
            self.best = {name: tensor.clone() for name, tensor in self._candidate().state_dict().items()}
            self._write(measured)

    def _candidate(self) -> CharLSTM:
        """The network that would be kept at this step."""
        candidate: CharLSTM = self.average.module if self.average else self.network  # type: ignore[assignment]
        return candidate

    def _sample(self) -> str:
        copied = Model(copy.deepcopy(self._candidate()).to(CPU).eval(), self.vocabulary)
        config = GenerationConfig(
            **vars(self.recipe.sampling), context=self.recipe.context, length=SAMPLE_LENGTH, seed=self.seed
        )
        return "".join(generate(copied, "", config))

    def _write(self, measured: Evaluation) -> None:
        """Write the best weights, with the record so far."""
        training = {
            **self.about,
            "steps": self.step,
            "best_step": min(self.curve, key=lambda point: point["held_out_nats"])["step"],
            "seconds": round(self.seconds, 1),
            "held_out": measured.figures,
            "curve": self.curve,
            "samples": self.samples,
        }
        kept = Model(
            self._best_network(),
            self.vocabulary,
            self.recipe.sampling,
            self.recipe.context,
            training,
            copies=self.copies,
        )
        checkpoints.save(kept, self.directory, card(training, copies=True))

    def _best_network(self) -> CharLSTM:
        network = CharLSTM(self.recipe.network, len(self.vocabulary))
        network.load_state_dict(self.best)
        return network

    def _finish(self) -> None:
        """Write the best weights once more, with the figure they have as they are stored and read again."""
        stored = checkpoints.as_stored(self._best_network()).to(self.held_out.device)
        self._write(evaluate(stored, self.held_out, self.recipe.context))

    # ---- stopping and going on -------------------------------------------------------------------------------------

    def _save(self) -> None:
        content = {name: getattr(self, name) for name in self.MEMORY}
        content |= {"network": self.network.state_dict()}
        content |= {"average": self.average.state_dict() if self.average else {}}
        content |= {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}
        content |= {"identity": self.identity, "random": torch.get_rng_state()}
        if self.held_out.is_cuda:
            content["cuda_random"] = torch.cuda.get_rng_state()
        path = self.unfinished(self.directory)
        fresh = path.with_name(path.name + ".new")
        torch.save(content, fresh)
        fresh.replace(path)

    def _restore(self) -> None:
        path = self.unfinished(self.directory)
        try:
            content = torch.load(path, map_location=self.held_out.device, weights_only=True)
            identity = content["identity"]
        except Exception as error:  # torch.load raises a dozen kinds for a damaged file
            raise ValueError(f"{path} is damaged: add --overwrite to begin afresh") from error
        if identity != self.identity:
            raise ValueError(
                f"{path} belongs to a run with another text, recipe, seed or time: "
                "repeat that command to go on with it, or add --overwrite to begin afresh"
            )
        self.network.load_state_dict(content["network"])
        if self.average:
            self.average.load_state_dict(content["average"])
        for optimizer, state in zip(self.optimizers, content["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        torch.set_rng_state(content["random"].cpu())
        if "cuda_random" in content:
            torch.cuda.set_rng_state(content["cuda_random"].cpu())
        for name in self.MEMORY:
            setattr(self, name, content[name])
