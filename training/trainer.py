"""The training loop: one run from a corpus to a checkpoint, which can be stopped and resumed."""

import copy
import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from model import checkpoint as checkpoints
from model import hardware
from model.about import entry
from model.copying import Copies, Source
from model.generation import GenerationConfig, generate
from model.loaded import Model
from model.lstm import WINDOW, CharLSTM, State
from model.vocabulary import Vocabulary
from training import memory
from training.batches import Streams, Windows
from training.card import card
from training.corpus import Corpus
from training.distributed import ALONE, END, SAVE, STEP, Processes
from training.evaluation import Evaluation, context_loss, evaluate
from training.optimization import learning_rate, optimizers
from training.recipes import Recipe
from training.record import Record
from training.resume import Unfinished
from training.transfer import transfer

TIMED_STEPS = 20  # steps that a run with a time limit times before it sets its number of steps
SAVE_EVERY = 300  # seconds between two saves of the state that the run needs to resume, at most
SAMPLE_LENGTH = 200  # characters
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a step."""

    step: int
    steps: int | None  # None until a run with a time limit knows its own speed
    loss: float  # nats, of the last batch
    bits_per_character: float  # held out, as last measured
    characters_per_second: float
    sample: str | None  # newly written, if the held-out part has just been measured


class Loss(nn.Module):
    """The summed loss of a network over a batch, in one forward call, as `DistributedDataParallel` needs it."""

    def __init__(self, network: CharLSTM) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        """The summed nats of `targets`, (B, T) or (B, 1), at the last steps of `inputs` (B, T), and the new state."""
        hidden, state = self.network.read(inputs, state)  # (B, T, H), (L, B, H) twice
        logits = self.network.output(hidden[:, -targets.size(1) :])
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="sum"), state


class Trainer:
    """One training run; the best weights so far are always in `directory`.

    With `minutes`, the first steps are timed, and the number of steps follows from their speed. The state of an
    unfinished run is kept in a file beside `directory` (`Unfinished`). A run with the same identity (`Record.identity`:
    corpus, recipe and seed, among others) resumes from this file and ends with the weights of an uninterrupted run.

    With several processes, each learns from its part of the streams. The first process calls `run`, the others call
    `follow`. Without dropout the weights are those of a single process, except for the rounding of sums. With dropout
    each process drops other numbers, so the weights depend on the number of processes.
    """

    # The attributes that are saved, beside the state of torch's objects, so that a resumed run goes on exactly.
    KEPT = ("step", "steps", "seconds", "losses", "best", "best_nats")

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
        overwrite: bool = False,
        processes: Processes = ALONE,
    ) -> None:
        """Prepare the run, or resume an unfinished one unless `overwrite`; nothing is written yet.

        ValueError if the recipe does not suit the text or the machine, or if the unfinished run is another one.
        MemoryError if the memory does not suffice.
        """
        check_window(recipe, corpus)
        if recipe.batch_size % processes.size:
            raise ValueError(
                f"{recipe.batch_size} streams cannot be divided among {processes.size} processes: "
                f"give a --batch-size that is a multiple of {processes.size}"
            )
        self.processes, own_streams = processes, recipe.batch_size // processes.size
        self.recipe, self.directory, self.seed, self.minutes = recipe, Path(directory).absolute(), seed, minutes
        self.vocabulary = Vocabulary.of(corpus.text, corpus.lowercase, corpus.typography)
        memory.check(replace(recipe, batch_size=own_streams), len(self.vocabulary), device)
        with memory.explained():
            self._prepare_text(corpus, device, init)
            self._prepare_network(device, init)
        self.evaluate_every = recipe.evaluate_every or self.batches.steps_per_epoch
        about: dict[str, Any] = {"seed": seed, "command": command, "init": init, "minutes": minutes}
        self.record = Record(corpus, recipe, self.network, device=device, precision=self.precision, **about)

        self.step = 0
        self.steps = None if minutes else recipe.steps or math.ceil(recipe.epochs * self.batches.steps_per_epoch)
        self.state = self.network.zero_state(own_streams)
        self.seconds = 0.0
        self.losses: list[float] = []  # nats, since the last measurement
        self.best: dict[str, Tensor] = {}  # a copy, since the network's own weights go on changing
        self.best_nats = math.inf
        self.unfinished = Unfinished(self.directory)
        if self.unfinished.path.exists() and not overwrite:
            self._restore()

    def _prepare_text(self, corpus: Corpus, device: torch.device, init: Model | None) -> None:
        training = self.vocabulary.encode(corpus.training).to(device)
        self.held_out = self.vocabulary.encode(corpus.held_out).to(device)
        batches = Streams if self.recipe.context == "carried" else Windows
        self.batches = batches(training, self.recipe.batch_size, self.recipe.window, self.seed)
        self.copies = _read_before(init, corpus).and_then(Source.of(corpus.name, corpus.training))

    def _prepare_network(self, device: torch.device, init: Model | None) -> None:
        recipe = self.recipe
        torch.manual_seed(self.seed)
        network = CharLSTM(recipe.network, len(self.vocabulary))
        self.transfer = transfer(init.network, init.vocabulary, network, self.vocabulary) if init else None
        self.network = network.to(device)
        if not self.processes.first:
            torch.manual_seed(self.seed + self.processes.rank)  # else all would drop the same numbers
        self.optimizers = optimizers(self.network, recipe)
        # The running average of the weights predicts better than the weights of any one step, so the average is kept.
        ema = get_ema_multi_avg_fn(recipe.ema_decay)
        self.average = AveragedModel(self.network, multi_avg_fn=ema) if recipe.ema_decay else None
        bfloat16 = recipe.precision == "bfloat16" and hardware.has_bfloat16(device)
        self.precision = "bfloat16" if bfloat16 else "float32"
        self.autocast = torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)

    @cached_property
    def loss(self) -> nn.Module:
        """The loss over all processes. Each process makes it at its first step, and waits there for the others."""
        return self.processes.parallel(Loss(self.network))

    @property
    def complete(self) -> bool:
        """Whether all steps are made, or the last `patience` measurements brought no new best."""
        out_of_patience = self.recipe.patience and self.record.since_best >= self.recipe.patience
        return self.step == self.steps or bool(out_of_patience)

    def run(self) -> Generator[Progress]:
        """Train to the end, yielding after every step; closing the iterator keeps what was reached until then.

        After any error the last complete files stay, and the message is a sentence: ValueError if another run trains to
        the same directory; OSError if the disk refuses; MemoryError; FloatingPointError if the loss is no longer a
        finite number.
        """
        with self.unfinished.locked(), memory.explained():
            self.saved = time.perf_counter()
            self.started = self.saved - self.seconds
            if not self.record.curve:
                self._save()  # before there is a checkpoint, so that a run that is killed here can resume, too
                self._measure()
                self._save()
            try:
                yield from self._steps()
            except GeneratorExit:
                self._save()  # before a measurement that an uninterrupted run would not make
                self.processes.order(END)
                if self.record.curve[-1]["step"] != self.step:
                    self._measure()
                self._finish()
                raise
            self.processes.order(END)
            self._finish()
            self.unfinished.remove()

    def speed(self, seconds: float, fewest: int) -> float:
        """The speed of training in characters per second, by `fewest` steps or more, until they have taken `seconds`.

        Nothing is measured or written, and the steps are not undone.
        """
        self.network.train()
        durations: list[float] = []
        with memory.explained():
            while len(durations) < fewest or sum(durations) < seconds:
                before = time.perf_counter()
                characters = self._step()
                durations.append(time.perf_counter() - before)
        return characters / median(durations)

    def follow(self) -> None:
        """Follow the orders of the first process until it ends the run; RuntimeError if that process is gone."""
        self.network.train()
        with memory.explained():
            while (order := self.processes.order())[0] != END:
                if order[0] == STEP:
                    self._learn(order[1])
                else:
                    self._gather()

    def _steps(self) -> Iterator[Progress]:
        """Make all steps, with measurements and saves; yield the progress after each step."""
        self.network.train()
        durations: list[float] = []
        while not self.complete:
            # ---- one step --------------------------------------------------------------------------------------------
            before = time.perf_counter()
            characters = self._step()
            durations = [*durations[1 - TIMED_STEPS :], time.perf_counter() - before]
            loss = self.losses[-1]
            if not math.isfinite(loss):
                self._finish()
                self.unfinished.remove()
                raise FloatingPointError(f"at step {self.step:,} the loss is {loss}: try a lower --learning-rate")
            if self.steps is None and len(durations) == TIMED_STEPS:
                self.steps = self._affordable_steps(median(durations))

            # ---- measure, write a sample, keep the best; save --------------------------------------------------------
            measured = self.step % self.evaluate_every == 0 or self.step == self.steps
            if measured:
                self._measure()
            if measured or time.perf_counter() - self.saved > SAVE_EVERY:
                self._save()

            # ---- report ----------------------------------------------------------------------------------------------
            yield Progress(
                step=self.step,
                steps=self.steps,
                loss=loss,
                bits_per_character=self.record.curve[-1]["held_out_nats"] / math.log(2),
                characters_per_second=characters / median(durations),
                sample=self.record.samples[-1]["text"] if measured else None,
            )

    def _step(self) -> int:
        """Learn from the next batch, in all processes; return how many characters it has."""
        rate = learning_rate(self.recipe, self.step, self.steps)
        self.processes.order(STEP, rate)
        loss, characters = self._learn(rate)
        self.losses.append(loss)
        return characters

    def _learn(self, rate: float) -> tuple[float, int]:
        """Learn from this process's part of the next batch; return the mean loss and the size of the whole batch."""
        batch = self.batches.batch(self.step)  # (B, T), and (B, T) or (B, 1)
        inputs, targets = map(self.processes.share, batch)
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["lr"] = rate
        with self.autocast:
            nats, (h, c) = self.loss(inputs, targets, self._state_for(len(inputs)))
        self.network.zero_grad()
        # The gradients are then averaged over the processes. With this factor they are those of the batch's mean loss.
        (nats * self.processes.size / batch[1].numel()).backward()
        if self.recipe.clip_norm:
            clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.average:
            self.average.update_parameters(self.network)
        if self.batches.carried:
            self.state = (h.detach().float(), c.detach().float())
        self.step += 1
        return self.processes.sum(nats.detach()) / batch[1].numel(), batch[0].numel()

    def _state_for(self, B: int) -> State:
        """The state from which `B` streams read: zero with window context, else carried, some reset at random."""
        if not self.batches.carried:
            return self.network.zero_state(B)
        if not self.recipe.state_reset:
            return self.state
        # The draws depend on seed and step alone, so the same streams are reset with any number of processes.
        chance = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
        draws = self.processes.share(torch.rand(self.recipe.batch_size, generator=chance)).to(self.held_out.device)
        kept = (draws >= self.recipe.state_reset)[:, None]  # (B, 1)
        hidden, cell = self.state
        return hidden * kept, cell * kept

    def _affordable_steps(self, seconds_per_step: float) -> int:
        """The number of steps in all for which the steps and their measurements take the time that is given."""
        assert self.minutes is not None
        seconds_per_measurement = self.record.curve[0]["seconds"]  # the first, made before the first step
        left = 60 * self.minutes - (time.perf_counter() - self.started)
        return self.step + max(1, int(left / (seconds_per_step + seconds_per_measurement / self.evaluate_every)))

    # ---- measuring and keeping the best ------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Measure the held-out part, write a sample, note both, and keep the weights if they are the best."""
        with self.autocast:
            measured = evaluate(self._candidate, self.held_out, self.recipe.context)
        sample = self.sample()
        self.seconds = time.perf_counter() - self.started
        training_nats = sum(self.losses) / len(self.losses) if self.losses else None
        self.record.add(self.step, self.seconds, training_nats, measured, sample)
        self.losses = []
        if measured.nats < self.best_nats:
            self.best_nats = measured.nats
            self.best = {name: tensor.clone() for name, tensor in self._candidate.state_dict().items()}
            self._write(measured)

    @property
    def _candidate(self) -> CharLSTM:
        """The network that would be kept at this step."""
        candidate: CharLSTM = self.average.module if self.average else self.network  # type: ignore[assignment]
        return candidate

    def sample(self) -> str:
        """A text that the network writes at this step, without a prompt; writing it does not change the training."""
        model = Model(copy.deepcopy(self._candidate).to(CPU).eval(), self.vocabulary)
        own = {**vars(self.recipe.sampling), "context": self.recipe.context, "seed": self.seed}
        return "".join(generate(model, "", GenerationConfig(length=SAMPLE_LENGTH, **own)))

    def _best_network(self) -> CharLSTM:
        network = copy.deepcopy(self.network)  # a new one would draw random numbers and change those of the training
        network.load_state_dict(self.best)
        return network

    def _write(self, measured: Evaluation, context: dict[str, Any] | None = None) -> None:
        """Write the best weights, whose figures are `measured`, with the record so far."""
        training = self.record.content(self.step, self.seconds, measured, context)
        own: dict[str, Any] = {"sampling": self.recipe.sampling, "context": self.recipe.context}
        model = Model(self._best_network(), self.vocabulary, training=training, copies=self.copies, **own)
        checkpoints.save(model, self.directory, card(training, copies=True))

    def _finish(self) -> None:
        """Write the best weights once more, with the figures of the weights as stored, which are quantized."""
        stored = checkpoints.as_stored(self._best_network()).to(self.held_out.device)
        carried = self.complete and self.recipe.context == "carried"
        context = context_loss(stored, self.held_out) if carried else None
        self._write(evaluate(stored, self.held_out, self.recipe.context), context)

    # ---- stopping and resuming ---------------------------------------------------------------------------------------

    def _save(self) -> None:
        """Save the state that the run needs to resume from this step."""
        self.seconds = time.perf_counter() - self.started
        self.processes.order(SAVE)
        state = {name: getattr(self, name) for name in self.KEPT} | self._gather()
        state |= {"curve": self.record.curve, "samples": self.record.samples}
        state |= {"network": self.network.state_dict()}
        state |= {"average": self.average.state_dict() if self.average else {}}
        state |= {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}
        self.unfinished.save(self.record.identity, state)
        self.saved = time.perf_counter()

    def _gather(self) -> dict[str, Any]:
        """The states of all streams, and of the random numbers of each process."""
        own = {"random": torch.get_rng_state()[None]}
        if self.held_out.is_cuda:
            own["cuda_random"] = torch.cuda.get_rng_state()[None]
        random = {name: self.processes.gather(each) for name, each in own.items()}
        return {"state": tuple(self.processes.gather(each, 1) for each in self.state), **random}

    def _restore(self) -> None:
        """Resume from the saved state of an unfinished run."""
        state = self.unfinished.load(self.record.identity, self.held_out.device)
        self.network.load_state_dict(state["network"])
        if self.average:
            self.average.load_state_dict(state["average"])
        for optimizer, own in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
        hidden, cell = (self.processes.share(each, 1) for each in state["state"])
        self.state = hidden, cell
        setters = {"random": torch.set_rng_state, "cuda_random": torch.cuda.set_rng_state}
        for name in setters.keys() & state.keys():
            random = state[name].view(-1, state[name].shape[-1]).cpu()  # older files have those of one process
            if self.processes.rank < len(random):
                setters[name](random[self.processes.rank].clone())  # torch reads a view from the wrong place
        self.record.curve, self.record.samples = state["curve"], state["samples"]
        for name in self.KEPT:
            setattr(self, name, state[name])


def check_window(recipe: Recipe, corpus: Corpus) -> None:
    """Raise ValueError, in one sentence, if the window does not suit its context or is too long for the text."""
    if recipe.context == "window" and recipe.window != WINDOW:
        raise ValueError(
            f"window is {recipe.window:,}, but a model with window context always reads {WINDOW} characters: "
            "leave out --window, or choose --recipe modern"
        )
    if recipe.context == "window" and len(corpus.held_out) <= WINDOW:
        raise ValueError(
            f"{len(corpus.held_out):,} characters are held out, but window context needs more than {WINDOW}: "
            "hold out a longer text, or choose --recipe modern"
        )
    if recipe.window >= corpus.split:
        raise ValueError(f"window is {recipe.window:,}, but only {corpus.split:,} characters train: give a shorter one")


def _read_before(init: Model | None, corpus: Corpus) -> Copies:
    """The hashed texts that `init` was trained on, without its own text if `corpus` has the same files again."""
    if init is None:
        return Copies(())
    if not init.copies:
        return Copies((), unknown=init.name)
    files = entry(init.training, "corpus", "files")
    digests = {str(entry(file, "sha256")) for file in files} if isinstance(files, list) else set()
    # Files are compared, not texts: their order or their cleaning may have changed.
    again = digests == {file["sha256"] for file in corpus.files}
    return Copies(init.copies.sources[1:], init.copies.unknown) if again else init.copies
