"""The training command: what it makes, what it prints, and how it refuses a mistake."""

import dataclasses
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from model.checkpoint import FILES, load, save
from tests.conftest import E, H, book
from training import bases, gutenberg
from training.progress import Show
from training.recipes import LIBRARY, TUNING
from training.resume import Unfinished
from training.train import main, parse, prepare, watch
from training.trainer import Trainer

ROOT = Path(__file__).parent.parent
TINY = ["--hidden-size", "11", "--embedding-size", "7", "--layers", "1", "--batch-size", "5", "--window", "13"]
SHORT = [*TINY, "--steps", "8", "--evaluate-every", "4", "--warmup-steps", "2"]

pytestmark = pytest.mark.usefixtures("own_process")


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A small book."""
    path = tmp_path / "pages.txt"
    path.write_text("\ufeff" + book(2_400), encoding="utf-8")
    return path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run the command, which must refuse, and return its one line on stderr."""
    capsys.readouterr()  # discard earlier output
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"training\.train: .+\n", err)
    return err


# ---- a whole run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["modern", "classic"])
def test_a_book_becomes_a_checkpoint_and_a_table_tells_how_good_it_is(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    out = tmp_path / "run"
    own = SHORT if recipe == "modern" else ["--hidden-size", "11", "--steps", "8", "--evaluate-every", "4"]
    assert main([str(pages), "--out", str(out), "--recipe", recipe, "--seed", "5", *own]) == 0
    printed, _ = capsys.readouterr()

    model = load(out)
    assert sorted(file.name for file in out.iterdir()) == sorted(FILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pages.txt", "run"]
    training = model.training
    assert training["recipe"]["name"] == recipe
    assert training["recipe"]["network"]["hidden_size"] == 11
    assert training["seed"] == 5
    assert model.vocabulary.lowercase == (recipe == "classic")
    assert "\ufeff" not in model.vocabulary.characters

    rows = dict(re.findall(r"^(held-out nats|bits per character|perplexity|time|size|best step) +(.+)$", printed, re.M))
    assert rows["held-out nats"] == f"{training['held_out']['nats']:.4f}"
    assert rows["bits per character"] == f"{training['held_out']['bits_per_character']:.4f}"
    assert rows["perplexity"] == f"{training['held_out']['perplexity']:.3f}"
    assert rows["time"].endswith(", 8 steps")
    assert rows["size"].startswith(f"{training['parameters']:,} parameters, ")
    assert rows["best step"] == str(training["best_step"])
    assert f"{out} is ready" in printed
    for step in (4, 8):
        assert re.search(rf"^step {step}: \d\.\d{{3}} bits per character held out$", printed, re.M)


def test_the_record_names_the_books_without_their_directories(
    pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(pages), "--out", "run", "--recipe", "modern", *SHORT]) == 0
    training = load(tmp_path / "run").training
    command = "python -m training.train pages.txt --out run --recipe modern " + " ".join(SHORT)
    assert training["command"] == command
    assert command in (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    assert str(tmp_path) not in (tmp_path / "run" / "training.json").read_text(encoding="utf-8")


def test_the_checkpoint_names_no_directory_of_this_machine(pages: Path, tmp_path: Path) -> None:
    assert main([str(pages), "--out", str(tmp_path / "run"), *SHORT]) == 0
    for file in FILES:
        assert str(tmp_path).encode() not in (tmp_path / "run" / file).read_bytes()


def test_the_recorded_command_has_only_the_last_names_of_books_and_of_directories_elsewhere(
    pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gutenberg, "local", lambda path: path if path.exists() else pages)
    monkeypatch.chdir(tmp_path)
    for typed, recorded in (
        ([str(pages), "--out", f"{tmp_path}/models/m/"], "pages.txt --out m"),
        (["./pages.txt", f"--out=/{tmp_path}//m", f"--hold-out={pages}"], "pages.txt --out=m --hold-out=pages.txt"),
        (["pages.txt", "--out", "../m", "--hold-out", str(pages)], "pages.txt --out m --hold-out pages.txt"),
        (["gutenberg.org/ebooks/11", "--out", "models/m"], "gutenberg.org/ebooks/11 --out models/m"),
    ):
        trainer = prepare(parse([*typed, *TINY]))
        assert trainer.record.made["command"] == f"python -m training.train {recorded} {' '.join(TINY)}"


def test_the_changes_to_a_book_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    end = "*** END OF THE PROJECT GUTENBERG EBOOK TALES ***\nlicence"
    (tmp_path / "tales.txt").write_text(f"{book(2_400)}\n{end}", encoding="utf-8")
    assert main([str(tmp_path / "tales.txt"), "--out", str(tmp_path / "run"), *SHORT]) == 0
    assert re.search(r"^changed +Project Gutenberg's licence left out: ", capsys.readouterr().out, re.M)


def test_books_are_read_in_book_form_unless_as_it_is_is_given(tmp_path: Path) -> None:
    wrapped = "\n\n".join(textwrap.fill(book(400, seed=n).replace("\n", " "), 60) for n in range(8))
    (tmp_path / "wrapped.txt").write_text(wrapped, encoding="utf-8")
    arguments = [str(tmp_path / "wrapped.txt"), "--out", str(tmp_path / "run"), *TINY]
    assert prepare(parse(arguments)).recipe.form == "book"
    raw = prepare(parse([*arguments, "--as-it-is"]))
    assert raw.recipe.form == "as it is"
    assert raw.vocabulary.typography == "as it is"


def test_the_option_hold_out_holds_out_whole_books(pages: Path, tmp_path: Path) -> None:
    other = book(1_500, seed=3).strip()
    (tmp_path / "other.txt").write_text(other, encoding="utf-8")
    options = parse(
        [
            str(pages),
            "--out",
            str(tmp_path / "run"),
            "--form",
            "lines",
            *TINY,
            "--hold-out",
            str(tmp_path / "other.txt"),
        ]
    )
    trainer = prepare(options)
    assert trainer.vocabulary.decode(trainer.held_out).strip() == other
    corpus = trainer.record.made["corpus"]
    assert isinstance(corpus, dict)
    assert [file["name"] for file in corpus["held_out_files"]] == ["other.txt"]


def test_typed_options_change_the_recipe(pages: Path, tmp_path: Path) -> None:
    typed = [
        "--lowercase",
        "--dropout-output",
        "0.25",
        "--clip-norm",
        "0",
        "--epochs",
        "1.5",
        "--precision",
        "float32",
    ]
    options = parse([str(pages), "--out", str(tmp_path / "run"), *TINY, *typed])
    trainer = prepare(options)
    assert trainer.recipe.lowercase is True
    assert trainer.vocabulary.lowercase is True
    assert trainer.recipe.clip_norm == 0
    assert trainer.network.config.dropout_output == 0.25
    assert trainer.recipe.steps == 0
    assert trainer.steps == round(1.5 * trainer.batches.steps_per_epoch)


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--hidden-size", "0"], "hidden size is 0"),
        (["--learning-rate", "nan"], "learning rate is nan"),
        (["--learning-rate", "-1"], "learning rate is -1.0"),
        (["--epochs", "inf"], "epochs is inf"),
        (["--dropout-input", "1"], "dropout input is 1.0"),
        (["--steps", "0"], "steps and epochs are both 0"),
        (["--minutes", "0"], "--minutes is 0"),
        (["--minutes", "-5"], "--minutes is -5"),
        (["--minutes", "nan"], "--minutes is nan"),
        (["--minutes", "inf"], "--minutes is inf"),
        (["--minutes", "2000000"], "--minutes is 2,000,000, but must be a number above 0 and below 1,000,000"),
        (["--minutes", "1", "--steps", "5"], "--minutes stands in place of"),
        (["--minutes", "1", "--epochs", "5"], "--minutes stands in place of"),
        (["--steps", "5", "--epochs", "3"], "--steps stands in place of --epochs"),
        (["--as-it-is", "--form", "lines"], "--as-it-is stands in place of --form"),
        (["--seed", "-1"], "--seed is -1"),
        (["--seed", "4294967296"], "--seed is 4294967296"),
        (["--device", "abacus"], "device abacus is not available here"),
    ],
    ids=str,
)
def test_a_bad_value_is_refused_in_one_line(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    quick = TINY if {"--minutes", "--epochs"} & {*arguments} else SHORT  # a run that begins by mistake ends soon
    assert word in refusal(capsys, pages, "--out", tmp_path / "run", *quick, *arguments)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--steps", "many"],
        ["--layers", "1.5"],
        ["--recipe", "cake"],
        ["--precision", "float16"],
        ["--seed", "x"],
        ["--heat", "1"],
    ],
)
def test_an_option_that_cannot_be_read_is_refused_by_its_name(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(pages), "--out", str(tmp_path / "run"), *arguments])
    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err.splitlines()[-1]


def test_a_book_that_is_not_there_or_too_short_or_no_text_is_refused_in_one_line(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short.txt").write_text("too short")
    (tmp_path / "picture.png").write_bytes(bytes(range(256)) * 20)
    for name in ("nowhere.txt", "short.txt", "picture.png"):
        assert name in refusal(capsys, tmp_path / name, "--out", tmp_path / "run", *SHORT)
    for name in ("nowhere.txt", "picture.png"):  # one good book among them does not help
        assert name in refusal(capsys, pages, tmp_path / name, "--out", tmp_path / "run", *SHORT)
    assert not (tmp_path / "run").exists()


def test_a_directory_with_a_checkpoint_is_refused_and_left_as_it_is(
    pages: Path, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in directory.iterdir()}
    err = refusal(capsys, pages, "--out", directory, *SHORT)
    assert str(directory) in err
    assert "--overwrite" in err
    assert {path: path.read_bytes() for path in directory.iterdir()} == before


def test_overwrite_replaces_a_checkpoint_by_a_new_run(pages: Path, directory: Path) -> None:
    assert main([str(pages), "--out", str(directory), "--overwrite", *SHORT]) == 0
    assert load(directory).training["corpus"]["name"] == "pages"


def test_an_empty_directory_is_taken(pages: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert main([str(pages), "--out", str(tmp_path / "run"), *SHORT]) == 0
    assert load(tmp_path / "run").training["corpus"]["name"] == "pages"


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_a_path_that_holds_other_files_is_never_overwritten(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], overwrite: list[str]
) -> None:
    assert "pages.txt" in refusal(capsys, pages, "--out", tmp_path, *overwrite, *SHORT)
    assert str(pages) in refusal(capsys, pages, "--out", pages, *overwrite, *SHORT)
    assert pages.read_text(encoding="utf-8-sig") == book(2_400)


def stopped_early(pages: Path, out: Path) -> Path:
    """Stop a run after one step, and return its unfinished file."""
    run = prepare(parse([str(pages), "--out", str(out), *SHORT])).run()
    next(run)
    run.close()
    return Unfinished(out).path


def test_another_run_does_not_go_on_from_an_unfinished_one_and_leaves_it_as_it_is(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished = stopped_early(pages, tmp_path / "run")
    before = unfinished.read_bytes()
    assert str(unfinished) in refusal(capsys, pages, "--out", tmp_path / "run", *SHORT, "--seed", "1")
    assert unfinished.read_bytes() == before


def test_overwrite_replaces_an_unfinished_run_too(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished = stopped_early(pages, tmp_path / "run")
    assert main([str(pages), "--out", str(tmp_path / "run"), "--overwrite", *SHORT, "--seed", "1"]) == 0
    assert "going on" not in capsys.readouterr().out
    assert load(tmp_path / "run").training["seed"] == 1
    assert not unfinished.exists()


def test_a_refused_command_leaves_an_unfinished_run_as_it_is(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished = stopped_early(pages, tmp_path / "run")
    refusal(capsys, tmp_path / "nowhere.txt", "--out", tmp_path / "run", "--overwrite", *SHORT)
    assert unfinished.exists()


# ---- from another model ----------------------------------------------------------------------------------------------


def test_a_run_from_another_model_takes_its_sizes_and_says_what_was_carried_over(
    pages: Path, directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["--batch-size", "5", "--window", "13", "--steps", "4", "--evaluate-every", "2"]
    assert main([str(pages), "--out", str(tmp_path / "run"), "--init", str(directory), *short]) == 0
    tuned = load(tmp_path / "run")
    assert (tuned.network.config.hidden_size, tuned.network.config.embedding_size) == (H, E)
    assert tuned.training["init"]["name"] == "tiny"
    assert tuned.training["recipe"]["learning_rate"] == TUNING["learning_rate"]
    assert f"--init {directory.name} " in tuned.training["command"]
    assert re.search(r"^init +\d+ characters carried over, \d+ start fresh: '.+'$", capsys.readouterr().out, re.M)


def test_a_run_begins_from_a_shipped_model_that_suits_the_text_and_says_so(
    pages: Path, directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"recipe": {"context": "carried"}, "split": {"training": LIBRARY + 1}}
    save(dataclasses.replace(load(directory), training=record), tmp_path / "assets" / "library")
    monkeypatch.setattr(bases, "ASSETS", tmp_path / "assets")
    monkeypatch.setattr(bases, "bits_per_character", lambda *_: 0.5)
    short = ["--batch-size", "5", "--window", "13"]
    trainer = prepare(parse([str(pages), "--out", str(tmp_path / "run"), *short]))
    assert trainer.network.config.hidden_size == H
    assert re.search(r"^begins +from library, which needs 0\.50 bits", capsys.readouterr().out, re.M)
    prepare(parse([str(pages), "--out", str(tmp_path / "run"), *short, "--init", "none"]))
    assert re.search(r"^begins +from nothing, as chosen$", capsys.readouterr().out, re.M)


def test_only_the_part_that_trains_counts_for_a_library(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bases, "ASSETS", tmp_path / "assets")
    for most, reason in ((2_159, "the text is a library itself"), (2_160, "there is no model to begin from")):
        monkeypatch.setattr(bases, "LIBRARY", most)
        prepare(parse([str(pages), "--out", str(tmp_path / "run"), "--batch-size", "5", "--window", "13"]))
        told = capsys.readouterr().out
        assert reason in told
        assert "2,160 characters train" in told


def test_other_sizes_than_the_model_to_begin_from_are_refused(
    pages: Path, directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(capsys, pages, "--out", tmp_path / "run", "--init", directory, "--hidden-size", "32")
    assert "hidden size is 32, but 11 in the model to begin from" in said
    said = refusal(capsys, pages, "--out", tmp_path / "run", "--init", tmp_path / "nowhere")
    assert "there is no checkpoint directory" in said


def test_the_choices_for_a_text_are_printed_with_their_reasons(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(parse([str(pages), "--out", str(tmp_path / "run"), "--hidden-size", "24"]))
    told = capsys.readouterr().out
    assert "2,160 characters train, as many as in a diary" in told
    assert "2 x 24 units" in told


# ---- what the machine refuses ----------------------------------------------------------------------------------------


def test_a_second_run_to_one_directory_is_refused_in_one_line_and_the_first_goes_on(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(pages), "--out", str(tmp_path / "run"), *SHORT]
    run = prepare(parse(arguments)).run()
    next(run)
    for more in ([], ["--overwrite"], ["--overwrite", "--seed", "1"]):
        capsys.readouterr()
        assert main([*arguments, *more]) == 2
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("training.train:")]
        assert errors == [
            f"training.train: another run is training to {tmp_path / 'run'}: "
            "wait until it has ended, or give another --out"
        ]
    assert [progress.step for progress in run] == list(range(2, 9))
    assert load(tmp_path / "run").training["steps"] == 8


def test_a_network_that_no_memory_holds_is_refused_in_one_line(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = ["--hidden-size", "8192", "--layers", "16"]
    assert "GB of memory" in refusal(capsys, pages, "--out", tmp_path / "run", *large)
    assert [path.name for path in tmp_path.iterdir()] == ["pages.txt"]


# Runs the command in a process whose files can have at most `limit` bytes, as if the disk were nearly full.
FULL = """
import resource, sys
from pathlib import Path
from training.corpus import read
from training.train import main
_, limit, book, *others = sys.argv
read([Path(book)])  # the recognition of languages unpacks its data into a large temporary file once
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
sys.exit(main([book, *others]))
"""


def test_a_full_disk_ends_a_run_with_one_line_and_leaves_no_partial_file(pages: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, "10000", str(pages), "--out", str(tmp_path / "run"), *SHORT]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    told = f"training.train: File too large ({tmp_path / 'run.unfinished'}); nothing is saved"
    assert run.stderr.splitlines()[-1] == told
    assert [path.name for path in tmp_path.iterdir()] == ["pages.txt"]


def test_a_checkpoint_that_is_deleted_before_the_end_is_reported_in_one_line(
    pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def watched(trainer: Trainer, display: AbstractContextManager[Show]) -> bool:
        complete = watch(trainer, display)
        shutil.rmtree(trainer.directory)
        return complete

    monkeypatch.setattr("training.train.watch", watched)
    assert main([str(pages), "--out", str(tmp_path / "run"), *SHORT]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"training.train: there is no checkpoint directory {tmp_path / 'run'}")
    assert told.endswith("; nothing is saved")


# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------


def test_ctrl_c_leaves_a_checkpoint_and_the_same_command_goes_on_to_the_end(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    arguments = [str(pages), "--out", str(out), *TINY, "--steps", "1000", "--evaluate-every", "50", "--patience", "0"]
    command = [sys.executable, "-u", "-m", "training.train", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("step 50:"):
                break
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert f"Stopped: {out}" in printed
    stopped = load(out).training
    assert 50 <= stopped["steps"] < 1000
    assert Unfinished(out).path.exists()

    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert f"going on from step {stopped['steps']:,}\n" in printed
    assert f"{out} is ready" in printed
    finished = load(out).training
    assert finished["steps"] == 1000
    assert [point["step"] for point in finished["curve"]] == list(range(0, 1001, 50))
    assert finished["held_out"]["nats"] <= stopped["held_out"]["nats"]
    assert not Unfinished(out).path.exists()


def test_a_run_that_overwrites_goes_on_by_the_same_command_without_overwrite(
    pages: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(trainer: Trainer, _: AbstractContextManager[Show]) -> bool:
        run = trainer.run()
        next(run)
        run.close()
        return False

    command = [str(pages), "--out", str(directory), *SHORT]
    with monkeypatch.context() as patched:
        patched.setattr("training.train.watch", stopped)
        assert main([*command, "--overwrite"]) == 0
    told = f"Stopped: {directory} holds the best so far; the same command without --overwrite goes on from here."
    assert capsys.readouterr().out.splitlines()[-1] == told
    assert main(command) == 0
    assert "going on from step 1\n" in capsys.readouterr().out


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_that_is_stopped_at_once_before_it_was_measured_says_that_nothing_is_saved(
    pages: Path,
    directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    overwrite: bool,
) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("training.train.watch", interrupted)
    out = ["--out", str(directory), "--overwrite"] if overwrite else ["--out", str(tmp_path / "run")]
    assert main([str(pages), *out, *SHORT]) == 130
    assert capsys.readouterr().err == "\nStopped at once: nothing is saved.\n"
