"""Train a character-level LSTM on a book: `python -m training.train BOOK [BOOK ...] --out DIR`."""

import argparse
import shlex
import signal
import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TextIO

from model import checkpoint as checkpoints
from model import hardware
from model.lstm import SAME_LAYERS, LSTMConfig
from model.options import add_options, chosen
from training import gutenberg
from training.bases import begin
from training.corpus import read
from training.distributed import ALONE, Processes, join, leave
from training.progress import Show, bar, lines
from training.recipes import RECIPES, Recipe, check_minutes, fitted
from training.report import report
from training.report_text import short
from training.resume import Unfinished
from training.stopping import stoppable
from training.trainer import Trainer


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.train", description="Train a character-level LSTM on one or more text files."
    )
    parser.add_argument(
        "books",
        nargs="+",
        type=Path,
        metavar="BOOK",
        help="a text file, or gutenberg:NUMBER for a book of Project Gutenberg; several are read in order",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory for the checkpoint")
    parser.add_argument(
        "--hold-out", nargs="+", default=[], type=Path, metavar="BOOK", help="hold out these books, not the last tenth"
    )
    parser.add_argument(
        "--as-it-is", action="store_true", help="learn the text to the letter: the same as --form 'as it is'"
    )
    parser.add_argument("--recipe", choices=RECIPES, default="modern", help="modern (default) or classic")
    parser.add_argument(
        "--init",
        default="auto",
        metavar="DIR",
        help="begin from this checkpoint, its zip, or user/name on the Hub; auto (default): from the model in assets/ "
        "that predicts the text best, if one helps; none: from nothing",
    )
    parser.add_argument("--minutes", type=float, metavar="X", help="train for about X minutes")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same weights")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--threads", type=int, metavar="N", help="processor threads (default: one for each core)")
    parser.add_argument("--json", action="store_true", help="print the progress as lines of JSON, for a program")
    parser.add_argument("--overwrite", action="store_true", help="begin afresh where DIR holds a checkpoint already")
    values = parser.add_argument_group("the recipe's own values")
    add_options(values, Recipe)
    add_options(values, LSTMConfig)
    return parser.parse_args(arguments, argparse.Namespace(typed=arguments))


def prepare(options: argparse.Namespace, processes: Processes = ALONE) -> Trainer:
    """The run that the command line describes, with a short report printed by the first process.

    ValueError, in one sentence, for a wrong option or file.
    """
    changed = chosen(Recipe, options) | chosen(LSTMConfig, options)
    if options.as_it_is:
        if "form" in changed:
            raise ValueError("--as-it-is stands in place of --form: give one of them")
        changed["form"] = "as it is"
    check_minutes(options.minutes)
    if options.minutes is not None and ("steps" in changed or "epochs" in changed):
        raise ValueError("--minutes stands in place of --steps and --epochs: give one of them")
    if changed.get("steps") and changed.get("epochs"):
        raise ValueError("--steps stands in place of --epochs: give one of them")
    if not 0 <= options.seed < 2**32:
        raise ValueError(f"--seed is {options.seed}, but must be a whole number from 0 to {2**32 - 1}")
    device = hardware.prepare(options.device, options.threads)

    out: Path = options.out.absolute()
    checkpoints.check_place(out)
    if out.exists() and any(out.iterdir()) and not Unfinished(out).path.exists() and not options.overwrite:
        raise ValueError(f"{out} already holds a checkpoint: give another --out, or add --overwrite to replace it")

    recipe = RECIPES[options.recipe].with_options(changed)  # refuses wrong values before a large text is read
    corpus = read(options.books, recipe.lowercase, recipe.form, options.hold_out)
    choice = begin(options.init, corpus.training, recipe, own_sizes=any(name in changed for name in SAME_LAYERS))
    sizes = choice.base.network.config if choice.base else None
    recipe = fitted(RECIPES[options.recipe], corpus.split, sizes).with_options(changed)
    trainer = Trainer(
        corpus,
        recipe,
        out,
        seed=options.seed,
        minutes=options.minutes,
        device=device,
        command=_for_the_record(options),
        init=choice.base,
        overwrite=options.overwrite,
        processes=processes,
    )
    if not processes.first:
        return trainer
    for line in short(report(corpus, recipe, choice, options.minutes)):
        print(line)
    if trainer.transfer:
        print(f"init      {trainer.transfer}")
    return trainer


def _for_the_record(options: argparse.Namespace) -> str:
    """The command as typed, but with only the names of books, and of directories elsewhere, not their paths here."""
    books = {*options.books, *options.hold_out}

    def without_place(word: str) -> str:
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        path = Path(value)
        of_this_machine = path in books or path.is_absolute() or ".." in path.parts
        return option + equals + path.name if of_this_machine and gutenberg.number(value) is None else word

    return shlex.join(["python", "-m", "training.train", *map(without_place, options.typed)])


def watch(trainer: Trainer, display: AbstractContextManager[Show]) -> bool:
    """Run and show each step, to the end or until Ctrl-C or SIGTERM; return whether the run came to its end."""
    stop = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stop
        if stop:  # asked twice: stop at once; the best weights are already written
            raise KeyboardInterrupt
        stop = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    run = trainer.run()
    with display as show:
        for progress in run:
            show(progress)
            if stop and not trainer.complete:
                run.close()
                return False
    return True


def results(trainer: Trainer) -> dict[str, str]:
    """The figures of the checkpoint that is saved, by name; CheckpointError or OSError if it was taken away."""
    training = checkpoints.load(trainer.directory).training
    held_out = training["held_out"]
    size = sum(file.stat().st_size for file in trainer.directory.iterdir())
    return {
        "held-out nats": f"{held_out['nats']:.4f}",
        "bits per character": f"{held_out['bits_per_character']:.4f}",
        "perplexity": f"{held_out['perplexity']:.3f}",
        "time": f"{training['seconds'] / 60:.1f} minutes, {trainer.step:,} steps",
        "size": f"{training['parameters']:,} parameters, {size / 1e6:.1f} MB",
        "best step": f"{training['best_step']:,}",
    }


def kept(trainer: Trainer) -> str:
    """What there is of a run that did not come to its end, for a message."""
    saved = trainer.best and trainer.directory.exists()
    return f"{trainer.directory} holds the best so far" if saved else "nothing is saved"


def follow(trainer: Trainer) -> int:
    """Do what the first process does, until it ends; returns the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the first process decides when to stop
    try:
        trainer.follow()
    except MemoryError as error:
        print(f"training.train: {error}", file=sys.stderr)
        return 1
    except RuntimeError:  # the first process has ended, and said why
        return 1
    return 0


@stoppable("training.train")
def main(arguments: list[str]) -> int:
    options = parse(arguments)
    for_program = sys.stdout if options.json else None
    # With --json only the lines of JSON go to the standard output; all text for a person goes to the error output.
    with redirect_stdout(sys.stderr) if for_program else nullcontext():
        try:
            processes = join(options.device)
        except ValueError as error:
            print(f"training.train: {error}", file=sys.stderr)
            return 2
        try:
            return train(options, processes, for_program)
        finally:
            leave()


def train(options: argparse.Namespace, processes: Processes, for_program: TextIO | None = None) -> int:
    """Carry out the command line, as one of these processes; returns the exit status."""
    try:
        trainer, refusal = prepare(options, processes), None
    except (ValueError, OSError, MemoryError) as error:
        trainer, refusal = None, error
    failed = processes.failed(trainer is None)
    if trainer is None or failed is not None:
        if failed == processes.rank:  # each process may have the same reason
            print(f"training.train: {refusal}", file=sys.stderr)
        return 2
    if not processes.first:
        return follow(trainer)
    again = f"the same command{' without --overwrite' if options.overwrite else ''} goes on"
    if trainer.step:
        print(f"going on from step {trainer.step:,}")
    try:
        complete = watch(trainer, lines(trainer, for_program) if for_program else bar(trainer))
        rows = results(trainer)
    except KeyboardInterrupt:
        print(f"\nStopped at once: {kept(trainer)}.", file=sys.stderr)
        return 130
    except (FloatingPointError, MemoryError, OSError, checkpoints.CheckpointError) as error:
        reason = f"{error.strerror} ({error.filename})" if isinstance(error, OSError) and error.filename else error
        print(f"training.train: {reason}; {kept(trainer)}", file=sys.stderr)
        return 1
    except ValueError as error:  # another run trains to the same directory
        print(f"training.train: {error}", file=sys.stderr)
        return 2
    except RuntimeError:
        if processes.size == 1:
            raise
        print(f"training.train: another process of this run has ended; {again}", file=sys.stderr)
        return 1

    print()
    for name, value in rows.items():
        print(f"{name:20}{value}")
    if complete:
        print(f"\n{trainer.directory} is ready: write with it by  python app.py --checkpoint {options.out}")
    else:
        print(f"\nStopped: {trainer.directory} holds the best so far; {again} from here.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
