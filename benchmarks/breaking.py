"""Trainings that are killed, stopped or out of disk space, and damaged files, for `benchmarks.reliability`."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

from model.hub import load
from training import train
from training.corpus import read
from training.resume import Unfinished

SIZES = {"embedding-size": 8, "hidden-size": 24, "layers": 1, "batch-size": 5, "window": 13}
STEPS = {"init": "none", "steps": 60, "evaluate-every": 6, "warmup-steps": 2}
RUN = [f"--{name}={value}" for name, value in (SIZES | STEPS).items()]
WORDS = "the river carried an old boat past seven quiet houses before its owner woke"
SLOW = 10  # seconds after which a file counts as hung


def book(place: Path) -> Path:
    """Write a small book of random words, the same at each call; return its path."""
    chance, words = random.Random(1), WORDS.split()
    text = " ".join(chance.choice(words) + chance.choice(("", "", "", ",", ".\n")) for _ in range(600))
    path = place / "book.txt"
    path.write_text(text, encoding="utf-8")
    return path


class Training:
    """A training with its own directory; each start runs in a new process, forked from this one."""

    def __init__(self, place: Path, name: str) -> None:
        self.book, self.out, self.log = book(place), place / name / "run", place / f"{name}.log"
        self.log.write_text("")

    def start(self, prepare: Callable[[], object] = bool) -> int:
        """Begin or continue the training in a new process, after `prepare` there; return the id of the process."""
        sys.stdout.flush()
        # Another process writes the log, so that the file limit of `full_disk` does not apply to it.
        with self.log.open("ab") as log:
            self.logger = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)
        assert self.logger.stdin
        child = os.fork()
        if child:
            self.logger.stdin.close()
            return child
        status = 70
        try:
            os.dup2(self.logger.stdin.fileno(), 1)
            os.dup2(self.logger.stdin.fileno(), 2)
            prepare()
            status = train.main([str(self.book), "--out", str(self.out), *RUN])
        except KeyboardInterrupt:  # before the command handles it
            status = 130
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 2
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def finish(self, prepare: Callable[[], object] = bool) -> int:
        """Run to the end; return the exit status."""
        return self.wait(self.start(prepare))

    def wait(self, child: int) -> int:
        """Wait until the process has ended and its output is in the log; return its exit status."""
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.logger.wait()
        return status

    def weights(self) -> str:
        """The digest of the trained weights."""
        return load(self.out).digest

    def comes_to(self, expected: str) -> bool:
        """Continue an unfinished training; return whether it ends well and its weights have the digest `expected`."""
        broken_off = Unfinished(self.out).path.exists() or not self.out.exists()
        status = self.finish() if broken_off else 0
        return status == 0 and self.out.exists() and self.weights() == expected

    @property
    def damaged(self) -> bool:
        """Whether there is a checkpoint that cannot be loaded."""
        if not self.out.exists():
            return False
        try:
            load(self.out)
        except ValueError:
            return True
        return False

    @property
    def tracebacks(self) -> int:
        return self.log.read_text(errors="replace").count("Traceback")


@cache
def unbroken(place: Path) -> tuple[str, float]:
    """The digest of the weights of an undisturbed run, and its time in seconds."""
    whole = Training(place, "unbroken")
    # Load modules here, so that the processes forked later need not load them.
    with redirect_stdout(None):
        train.prepare(train.parse([str(whole.book), "--out", str(whole.out), *RUN]))
    begun = time.monotonic()
    status = whole.finish()
    if status:
        raise RuntimeError(whole.log.read_text())
    return whole.weights(), time.monotonic() - begun


def disturbed(place: Path, name: str, count: int, disturb: Callable[[int], object], seed: int) -> dict[str, Any]:
    """Disturb trainings at random moments, then let them finish; the weights must equal those of an undisturbed run."""
    expected, seconds = unbroken(place)
    chance = random.Random(seed)
    done = damaged = differing = found = 0
    while done < count:
        training = Training(place, f"{name}{done}")
        for _ in range(chance.randint(1, 4)):
            child = training.start()
            time.sleep(chance.uniform(0, seconds))
            disturb(child)
            training.wait(child)
            damaged += training.damaged
            done += 1
        differing += not training.comes_to(expected)
        # A kill at the very end can leave an empty lock; the next training there takes it.
        left = [path for path in training.out.parent.iterdir() if path != training.out and path.suffix != ".lock"]
        found += training.tracebacks + len(left)
        shutil.rmtree(training.out.parent)
    return {name: done, "damaged": damaged, "differing": differing, "tracebacks": found}


# ---- the parts -------------------------------------------------------------------------------------------------------


def kills(place: Path, count: int, seed: int) -> dict[str, Any]:
    """kill -9 at random moments of training and saving."""
    return disturbed(place, "kills", count, lambda child: os.kill(child, signal.SIGKILL), seed)


def signals(place: Path, count: int, seed: int) -> dict[str, Any]:
    """Ctrl-C and SIGTERM at random moments."""
    chance = random.Random(seed + 1)
    return disturbed(
        place, "signals", count, lambda child: os.kill(child, chance.choice((signal.SIGINT, signal.SIGTERM))), seed
    )


def full_disk(place: Path, count: int, seed: int) -> dict[str, Any]:
    """Limit files to a random size: the run must end with a sentence, and later continue to the same weights."""
    expected, _ = unbroken(place)
    chance = random.Random(seed)
    damaged = differing = found = 0
    for n in range(count):
        training, most = Training(place, f"full{n}"), int(10 ** chance.uniform(2, 5))

        def limit(most: int = most) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

        status = training.finish(limit)
        damaged += training.damaged or status not in (0, 1, 2)
        differing += not training.comes_to(expected)
        found += training.tracebacks
    return {"full": count, "damaged": damaged, "differing": differing, "tracebacks": found}


def removed(place: Path, count: int, seed: int) -> dict[str, Any]:
    """Remove the directory at a random moment: the run must end with a sentence, or make the directory again."""
    expected, seconds = unbroken(place)
    chance = random.Random(seed)
    damaged = differing = found = 0
    for n in range(count):
        training = Training(place, f"removed{n}")
        child = training.start()
        time.sleep(chance.uniform(0, seconds))
        shutil.rmtree(training.out.parent, ignore_errors=True)
        damaged += training.wait(child) not in (0, 1, 2) or training.damaged
        differing += not training.comes_to(expected)
        found += training.tracebacks
    return {"removed": count, "damaged": damaged, "differing": differing, "tracebacks": found}


def spoiled(content: bytes, chance: random.Random) -> bytes:
    """A copy of `content` with random damage: bytes are changed, cut off, repeated or replaced."""
    at = chance.randrange(len(content)) if content else 0
    way = chance.randrange(5)
    if way == 0:
        return content[:at] + chance.randbytes(chance.randint(1, 9)) + content[at + 5 :]
    if way == 1:
        return content[:at]
    if way == 2:
        return content[:at] + content[at // 2 :]
    if way == 3:
        numbers = chance.choice((b"-1", b"0", b"1e999", b"99999999999", b"null", b'"x"', b"[]", b"{}"))
        return content[:at] + numbers + content[at + 1 :]
    return chance.randbytes(chance.randint(0, 3000))


def hostile_files(checkpoint: Path, place: Path, count: int, seed: int) -> dict[str, Any]:
    """Damaged checkpoints and books: each must be read, or refused in one sentence, within `SLOW` seconds.

    The peak memory of this process is reported, but has no limit.
    """
    chance = random.Random(seed)
    directory, text = place / "spoiled", book(place).read_bytes()
    found = hung = 0
    longest = 0.0
    for n in range(count):
        shutil.rmtree(directory, ignore_errors=True)
        begun = time.monotonic()
        try:
            if n % 2:
                shutil.copytree(checkpoint, directory)
                for file in chance.sample(sorted(directory.iterdir()), chance.randint(1, 2)):
                    file.write_bytes(spoiled(file.read_bytes(), chance))
                begun = time.monotonic()
                load(directory)
            else:
                directory.mkdir()
                (directory / "book.txt").write_bytes(spoiled(text, chance))
                read([directory / "book.txt"])
        except (ValueError, OSError) as error:
            found += "\n" in str(error).strip()
        except BaseException as error:
            print(f"{type(error).__name__} for file {n}: {error}", file=sys.stderr)
            found += 1
        longest = max(longest, time.monotonic() - begun)
        hung += time.monotonic() - begun > SLOW
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    return {
        "files": count,
        "tracebacks": found,
        "hung": hung,
        "megabytes": memory,
        "longest_seconds": round(longest, 1),
    }
