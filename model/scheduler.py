"""Many writers at once: a thread that advances all of them by one character at a time."""

import atexit
import logging
import threading

import torch

from model.generation import Batch, GenerationConfig, Writer
from model.memory import Memory
from model.mixture import Model

PLACES = 64  # texts that are written at the same time; others wait in line


class Scheduler:
    """Continuous batching: texts come and go between two steps, and a long prompt holds up nobody.

    A prompt is read as a text is written, a character a step, beside the others. `Batch` says which texts share a step
    and why each is the same as alone. Texts grow whether or not anybody reads them, so a slow reader holds up nobody
    either. After Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models", 2022, 4.1.
    """

    def __init__(self, places: int = PLACES) -> None:
        self.places = places
        self._line: list[Writer] = []
        self._batches: list[Batch] = []
        self._memory = Memory()
        self._work = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # Python would tear the thread out of the midst of a product, and abort

    def write(self, model: Model, prompt: str, config: GenerationConfig) -> Writer:
        """Begin a text, which grows until it is done or cancelled; where all places are taken it waits in line."""
        writer = Writer(model, prompt, config)
        with self._work:
            self._line.append(writer)
            self._work.notify()
        return writer

    def close(self) -> None:
        """End every text; return once nothing is computed any more."""
        with self._work:
            self._closed = True
            self._work.notify()
        self._thread.join()
        for writer in (*self._line, *(writer for batch in self._batches for writer in batch.everyone)):
            writer.cancel()

    def place(self, writer: Writer) -> int:
        """Its place in the line of those who wait: 1 comes next, 0 waits no more."""
        with self._work:
            return self._line.index(writer) + 1 if writer in self._line else 0

    @property
    def writing(self) -> int:
        """How many places are taken."""
        return sum(batch.writing for batch in self._batches)

    @property
    def crowd(self) -> int:
        """How many write or wait."""
        return self.writing + len(self._line)

    def _run(self) -> None:
        torch.set_flush_denormal(True)  # each thread has that for itself
        while not self._closed:
            with self._work:
                self._work.wait_for(lambda: self._line or self._batches or self._closed)
                self._line = [writer for writer in self._line if not writer.done]
                free = self.places - self.writing
                coming, self._line = self._line[:free], self._line[free:]
            for writer in coming:
                self._seat(writer)
            for batch in self._batches:
                self._step(batch)
            self._batches = [batch for batch in self._batches if batch.everyone]  # who is done goes with the next step

    def _seat(self, writer: Writer) -> None:
        welcoming = [batch for batch in self._batches if batch.welcomes(writer)]
        if not welcoming:
            welcoming = [Batch(writer.model, self._memory)]
            self._batches += welcoming
        welcoming[0].join(writer)

    def _step(self, batch: Batch) -> None:
        try:
            batch.step()
        except Exception:  # whatever it was, the texts of other batches go on
            logging.exception("%d texts were broken off", batch.writing)
            for writer in batch.everyone:
                writer.failed = not writer.done
                writer.cancel()
            batch.writers, batch.joining = [], []
