"""The training loop: what is learned, what is kept, and that stopping changes nothing."""

import json
import math
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from model import hardware
from model.checkpoint import load
from model.copying import Run, share_new
from model.lstm import WINDOW, CharLSTM, LSTMConfig
from tests.conftest import book
from training import evaluation
from training.batches import Streams, Windows
from training.corpus import Corpus, read
from training.evaluation import context_loss, evaluate
from training.optimization import learning_rate
from training.recipes import CLASSIC, MODERN, RECIPES, Recipe
from training.resume import Unfinished
from training.trainer import TIMED_STEPS, Progress, Trainer

# All kinds of dropout are on, so that every random number matters; all sizes are different.
TINY_MODERN = replace(
    MODERN,
    network=LSTMConfig(
        embedding_size=7,
        hidden_size=11,
        layers=2,
        dropout_input=0.1,
        dropout_hidden=0.2,
        dropout_output=0.2,
        weight_drop=0.2,
    ),
    window=13,
    batch_size=5,
    steps=11,
    evaluate_every=6,
    warmup_steps=4,
)
TINY_CLASSIC = CLASSIC.with_options({"hidden_size": 11, "batch_size": 5, "steps": 11, "evaluate_every": 6})
TINY = {"modern": TINY_MODERN, "classic": TINY_CLASSIC}
# The recipes whose runs are stopped or killed, and resumed.
RUNS = TINY | {"muon": replace(TINY_MODERN, optimizer="muon", ema_decay=0.9, state_reset=0.3)}
# One small layer that learns a regular text fast.
PLAIN: dict[str, Any] = {
    "embedding_size": 7,
    "hidden_size": 24,
    "layers": 1,
    "dropout_input": 0.0,
    "dropout_output": 0.0,
    "weight_drop": 0.0,
    "ema_decay": 0.0,
    "precision": "float32",
}
NO_DROPOUT = {
    "modern": LSTMConfig(embedding_size=7, hidden_size=11, layers=2),
    "classic": LSTMConfig(input_encoding="scaled", hidden_size=11, layers=1),
}


@pytest.fixture
def corpus(write: Callable[..., Path]) -> Corpus:
    return read([write(book(2_100))], lowercase=True)


def train(trainer: Trainer, until: int | None = None) -> list[Progress]:
    """Run to the end, or stop after step `until` as Ctrl-C does; return the progress of each step."""
    seen = []
    run = trainer.run()
    for progress in run:
        seen.append(progress)
        if progress.step == until:
            run.close()
    return seen


def finished(corpus: Corpus, recipe: Recipe, directory: Path, **options: Any) -> Trainer:
    trainer = Trainer(corpus, recipe, directory, **options)
    train(trainer)
    return trainer


def assert_same_weights(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def assert_same_end(a: Trainer, b: Trainer) -> None:
    """Bitwise the same weights, best weights, measurements and samples, in memory and on the disk."""
    assert_same_weights(a.network.state_dict(), b.network.state_dict())
    assert_same_weights(a.best, b.best)
    assert a.best_nats == b.best_nats
    assert a.record.samples == b.record.samples
    timeless = [[{**point, "seconds": 0} for point in trainer.record.curve] for trainer in (a, b)]
    assert timeless[0] == timeless[1]
    first, second = load(a.directory), load(b.directory)
    assert_same_weights(first.network.state_dict(), second.network.state_dict())
    for key in ("steps", "best_step", "held_out", "samples", "seed", "recipe", "corpus"):
        assert first.training[key] == second.training[key]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Corpus, str], Trainer]:
    """A function that returns the run of a recipe that was never stopped; it trains each recipe once."""
    runs: dict[str, Trainer] = {}

    def run(corpus: Corpus, name: str) -> Trainer:
        if name not in runs:
            runs[name] = finished(corpus, RUNS[name], tmp_path_factory.mktemp("unbroken") / name, seed=1)
        return runs[name]

    return run


# ---- what is learned -------------------------------------------------------------------------------------------------


def test_a_text_that_repeats_itself_is_learned_by_heart(write: Callable[..., Path], tmp_path: Path) -> None:
    corpus = read([write("abcdefghij klmno.\n" * 150)])
    recipe = MODERN.with_options(
        PLAIN
        | {"learning_rate": 0.05, "warmup_steps": 5, "batch_size": 11, "window": 23}
        | {"steps": 50, "evaluate_every": 25}
    )
    finished(corpus, recipe, tmp_path / "run")
    learned = load(tmp_path / "run")
    assert learned.training["held_out"]["bits_per_character"] < 0.2
    held_out = learned.vocabulary.encode(corpus.held_out)
    assert evaluate(learned.network, held_out).bits_per_character < 0.2
    assert learned.training["curve"][0]["held_out_nats"] > math.log(2) * 3  # nothing was known before
    assert "abcdefghij klmno.\nabcdefghij" in learned.training["samples"][-1]["text"]


def test_the_classic_recipe_learns_from_windows(write: Callable[..., Path], tmp_path: Path) -> None:
    corpus = read([write("ab" * 1_200)])
    recipe = replace(TINY_CLASSIC, learning_rate=0.05, steps=60, evaluate_every=60)
    finished(corpus, recipe, tmp_path / "run")
    assert load(tmp_path / "run").training["held_out"]["bits_per_character"] < 0.5


@pytest.mark.parametrize("name", TINY)
def test_the_weights_are_those_of_the_plain_loop(corpus: Corpus, tmp_path: Path, name: str) -> None:
    recipe = replace(TINY[name], network=NO_DROPOUT[name], precision="float32")
    trainer = finished(corpus, recipe, tmp_path / "run", seed=3)

    torch.manual_seed(3)
    network = CharLSTM(recipe.network, len(trainer.vocabulary))
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=recipe.weight_decay)
    ids = trainer.vocabulary.encode(corpus.training)
    reader = (Streams if name == "modern" else Windows)(ids, recipe.batch_size, recipe.window, 3)
    state = network.zero_state(recipe.batch_size)
    for step in range(recipe.steps):
        optimizer.param_groups[0]["lr"] = learning_rate(recipe, step, recipe.steps)
        inputs, targets = reader.batch(step)
        logits, (h, c) = network(inputs, state)
        if name == "modern":
            state = h.detach(), c.detach()  # truncated backpropagation through time
        else:
            logits = logits[:, -1:]  # one prediction a window, each window from a zero state
        optimizer.zero_grad()
        F.cross_entropy(logits.transpose(1, 2), targets).backward()
        if recipe.clip_norm:
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
        optimizer.step()
    for parameter, weights in network.state_dict().items():
        torch.testing.assert_close(trainer.network.state_dict()[parameter], weights, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", TINY)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    corpus: Corpus, tmp_path: Path, unbroken: Callable[[Corpus, str], Trainer], name: str
) -> None:
    run = Trainer(corpus, TINY[name], tmp_path / "run", seed=1)
    untrained = {parameter: weights.clone() for parameter, weights in run.network.state_dict().items()}
    train(run)
    assert_same_end(run, unbroken(corpus, name))
    other = finished(corpus, TINY[name], tmp_path / "other", seed=2).network.state_dict()
    for parameter, weights in run.network.state_dict().items():
        assert not torch.equal(weights, other[parameter]), parameter
        assert not torch.equal(weights, untrained[parameter]), parameter


def test_the_held_out_part_changes_nothing_that_is_learned(corpus: Corpus, tmp_path: Path) -> None:
    # The same characters in another order, so that the vocabulary stays.
    backwards = replace(corpus, text=corpus.training + corpus.held_out[::-1])
    runs = [finished(text, TINY_MODERN, tmp_path / str(i)) for i, text in enumerate((corpus, backwards))]
    assert runs[0].record.curve[-1]["training_nats"] == runs[1].record.curve[-1]["training_nats"]
    assert runs[0].record.curve[-1]["held_out_nats"] != runs[1].record.curve[-1]["held_out_nats"]


# ---- what is kept ----------------------------------------------------------------------------------------------------


def test_the_best_weights_are_kept_and_not_the_last(write: Callable[..., Path], tmp_path: Path) -> None:
    # The held-out part has the letters of a book in random order: their frequencies help to predict it, but the words
    # of the training part do harm.
    letters = list(book(210, seed=1))
    random.Random(0).shuffle(letters)
    corpus = read([write(book(1_890) + "".join(letters))], lowercase=True)
    recipe = MODERN.with_options(
        PLAIN
        | {"learning_rate": 0.02, "warmup_steps": 1, "batch_size": 5, "window": 40}
        | {"steps": 48, "evaluate_every": 12}
    )
    trainer = finished(corpus, recipe, tmp_path / "run")
    kept = load(tmp_path / "run")
    curve = {point["step"]: point["held_out_nats"] for point in kept.training["curve"]}
    best = min(curve, key=curve.__getitem__)
    assert best not in (0, 48)
    assert curve[48] > curve[best] + 0.1
    assert kept.training["best_step"] == best
    measured = evaluate(kept.network, trainer.held_out).nats
    assert measured == pytest.approx(curve[best], abs=0.005)  # rounded to eight bits
    # The recorded figure is that of the weights as they are stored.
    assert kept.training["held_out"]["nats"] == pytest.approx(measured, rel=1e-6)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")  # from NaN
def test_a_diverging_run_still_leaves_its_best_weights_and_a_record_of_valid_json(
    corpus: Corpus, tmp_path: Path
) -> None:
    # The highest learning rate and weight decay allowed multiply the weights by -9 at every step, until they overflow.
    recipe = replace(TINY_MODERN, learning_rate=1.0, final_learning_rate=1.0, weight_decay=10.0, clip_norm=0.0)
    with pytest.raises(FloatingPointError, match="lower --learning-rate"):
        finished(corpus, replace(recipe, warmup_steps=0, steps=80, evaluate_every=40), tmp_path / "run")
    assert not Unfinished(tmp_path / "run").path.exists()
    assert load(tmp_path / "run").training["best_step"] == 0

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.mark.parametrize("recipe", TINY.values(), ids=TINY)
def test_the_checkpoint_has_the_context_sampling_and_network_of_the_recipe(
    corpus: Corpus, recipe: Recipe, unbroken: Callable[[Corpus, str], Trainer]
) -> None:
    kept = load(unbroken(corpus, recipe.name).directory)
    assert kept.context == recipe.context
    assert kept.sampling == recipe.sampling
    assert kept.network.config == recipe.network
    assert kept.vocabulary.lowercase
    assert set(kept.vocabulary.characters) == set(corpus.text)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, list[Progress], Path]:
    """The corpus of a run, the progress of each step, and the directory of its checkpoint."""
    directory = tmp_path_factory.mktemp("told")
    (directory / "book.txt").write_text(book(2_100), encoding="utf-8")
    corpus = read([directory / "book.txt"], lowercase=True)
    command = "python -m training.train book.txt"
    return corpus, train(Trainer(corpus, TINY_MODERN, directory / "run", seed=9, command=command)), directory / "run"


def test_the_record_tells_how_the_model_was_made(told: tuple[Corpus, list[Progress], Path]) -> None:
    corpus, _, directory = told
    record = load(directory).training
    assert record["corpus"] == {
        "name": "book",
        "characters": len(corpus.text),
        "language": "en",
        "files": list(corpus.files),
        "held_out_files": [],
    }
    assert record["split"] == {"training": 1_890, "held_out": len(corpus.text) - 1_890}
    assert record["seed"] == 9
    assert record["command"] == "python -m training.train book.txt"
    assert record["recipe"]["network"]["hidden_size"] == 11
    assert record["steps"] == 11
    assert [point["step"] for point in record["curve"]] == [0, 6, 11]
    assert [sample["step"] for sample in record["samples"]] == [0, 6, 11]
    assert record["held_out"]["characters"] == len(corpus.held_out) - 1
    assert record["parameters"] == sum(weights.numel() for weights in load(directory).network.parameters())
    bfloat16 = hardware.has_bfloat16(torch.device("cpu"))
    assert record["precision"] == ("bfloat16" if bfloat16 else "float32")
    assert record["versions"]["torch"] == torch.__version__
    assert (directory / "README.md").read_text(encoding="utf-8").startswith("---\n")


def test_the_copies_are_those_of_the_part_that_trains(told: tuple[Corpus, list[Progress], Path]) -> None:
    corpus, _, directory = told
    copies = load(directory).copies
    assert copies
    assert copies.runs(corpus.text)[0] == Run(0, 1_890, "book")
    assert share_new(corpus.held_out, copies.runs(corpus.held_out)) > 0.5
    assert [(source.name, source.characters) for source in copies.sources] == [("book", 1_890)]
    assert copies.unknown == ""
    assert "copies.npz" in (directory / "README.md").read_text(encoding="utf-8")


def test_a_run_from_another_model_adds_its_text_to_the_sources_of_that_model(
    told: tuple[Corpus, list[Progress], Path], tmp_path: Path, write: Callable[..., Path]
) -> None:
    other = read([write(book(2_300, seed=1), "other.txt")], lowercase=True)
    init = load(told[2])
    directory = tmp_path / "run"
    train(Trainer(other, TINY_MODERN, directory, init=init), until=2)
    train(Trainer(other, TINY_MODERN, directory, init=init))  # resumed
    for began, names, unknown in ((init, ["other", "book"], ""), (replace(init, copies=None), ["other"], "run")):
        copies = Trainer(other, TINY_MODERN, tmp_path / "new", init=began).copies
        assert ([source.name for source in copies.sources], copies.unknown) == (names, unknown)
    kept = load(directory).copies
    assert kept
    assert [run.source for run in kept.runs(told[0].text[:99] + other.text[:99])] == ["book", "other"]


def test_the_same_files_cleaned_in_another_way_replace_their_own_copies(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    files = [write(book(1_300, seed=seed), f"{seed}.txt") for seed in (1, 2)]
    train(Trainer(read(files), TINY_MODERN, tmp_path / "run"), until=2)
    again = Trainer(read(files[::-1], form="book"), TINY_MODERN, tmp_path / "new", init=load(tmp_path / "run"))
    assert [source.name for source in again.copies.sources] == ["2 + 1"]


def test_a_complete_run_records_the_bits_lost_with_less_context(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "CONTEXTS", (5, 10, 40))
    stopped = Trainer(corpus, TINY_MODERN, tmp_path / "modern")
    train(stopped, until=7)
    assert load(tmp_path / "modern").training["context"] == {}
    for name, recipe in TINY.items():
        finished(corpus, recipe, tmp_path / name)
    model = load(tmp_path / "modern")
    expected = context_loss(model.network, model.vocabulary.encode(corpus.held_out))
    assert list(expected["bits_lost"]) == ["5", "10"]
    assert model.training["context"]["bits_lost"] == pytest.approx(expected["bits_lost"], abs=1e-6)
    assert load(tmp_path / "classic").training["context"] == {}, "each prediction of its sees a window alone"


def test_progress_is_told_after_every_step_and_with_a_sample_after_every_measurement(
    told: tuple[Corpus, list[Progress], Path],
) -> None:
    _, seen, directory = told
    assert [progress.step for progress in seen] == list(range(1, 12))
    assert {progress.steps for progress in seen} == {11}
    assert [progress.step for progress in seen if progress.sample is not None] == [6, 11]
    record = load(directory).training
    assert [progress.sample for progress in seen if progress.sample] == [s["text"] for s in record["samples"][1:]]
    for progress in seen:
        assert 0 < progress.loss < 10
        before = max(point["step"] for point in record["curve"] if point["step"] <= progress.step)
        (nats,) = (point["held_out_nats"] for point in record["curve"] if point["step"] == before)
        assert progress.bits_per_character == nats / math.log(2)
    training = [sum(p.loss for p in seen[a:b]) / (b - a) for a, b in ((0, 6), (6, 11))]
    assert [point["training_nats"] for point in record["curve"][1:]] == pytest.approx(training)
    assert record["curve"][0]["training_nats"] is None


def test_each_epoch_of_windows_is_measured_once_and_the_last_ends_the_run(corpus: Corpus, tmp_path: Path) -> None:
    recipe = replace(TINY_CLASSIC, steps=0, epochs=2, evaluate_every=0, batch_size=600)
    trainer = finished(corpus, recipe, tmp_path / "run")
    per_epoch = math.ceil((1_890 - 100) / 600)
    assert trainer.steps == trainer.step == 2 * per_epoch
    assert [point["step"] for point in trainer.record.curve] == [0, per_epoch, 2 * per_epoch]


def test_the_kept_weights_are_the_moving_average(corpus: Corpus, tmp_path: Path) -> None:
    recipe = replace(TINY_MODERN, network=NO_DROPOUT["modern"], precision="float32", steps=3, evaluate_every=1)
    seen = []
    for steps in (1, 2, 3):
        plain = finished(corpus, replace(recipe, steps=steps, warmup_steps=100), tmp_path / f"plain-{steps}")
        seen.append(plain.network.state_dict())
    averaged = finished(corpus, replace(recipe, warmup_steps=100, ema_decay=0.75), tmp_path / "averaged")
    assert_same_weights(averaged.network.state_dict(), seen[2])
    for name, kept in averaged.best.items():
        by_hand = 0.75 * (0.75 * seen[0][name] + 0.25 * seen[1][name]) + 0.25 * seen[2][name]
        assert torch.allclose(kept, by_hand, atol=1e-7)


def test_a_run_ends_after_patience_measurements_without_an_improvement(corpus: Corpus, tmp_path: Path) -> None:
    # With such a high learning rate the network only gets worse.
    recipe = replace(TINY_MODERN, learning_rate=1.0, warmup_steps=0, steps=100, evaluate_every=1, patience=3)
    trainer = finished(corpus, recipe, tmp_path / "run")
    nats = [point["held_out_nats"] for point in trainer.record.curve]
    assert trainer.step < 100
    assert min(nats[-3:]) >= min(nats[:-3]) == nats[-4]
    assert trainer.complete
    assert not Unfinished(trainer.directory).path.exists()
    assert load(trainer.directory).training["best_step"] == trainer.step - 3


def test_without_patience_a_run_goes_to_its_end(corpus: Corpus, tmp_path: Path) -> None:
    recipe = replace(TINY_MODERN, learning_rate=1.0, warmup_steps=0, steps=12, evaluate_every=1, patience=0)
    assert finished(corpus, recipe, tmp_path / "run").step == 12


def test_a_run_begins_from_another_model_and_its_record_says_from_which(
    write: Callable[..., Path], corpus: Corpus, tmp_path: Path
) -> None:
    first = load(finished(corpus, TINY_MODERN, tmp_path / "first").directory)
    other = read([write(book(2_200, seed=5) + "é", "other.txt")], lowercase=True)
    trainer = Trainer(other, TINY_MODERN, tmp_path / "second", init=first)
    assert trainer.transfer is not None
    assert trainer.transfer.fresh == "é"
    assert_same_weights(trainer.network.layers.state_dict(), first.network.layers.state_dict())
    train(trainer)
    record = load(tmp_path / "second").training
    assert record["init"] == {"name": "first", "sha256": first.digest}
    fresh = finished(other, TINY_MODERN, tmp_path / "fresh")
    assert trainer.record.curve[0]["held_out_nats"] < fresh.record.curve[0]["held_out_nats"]
    assert load(fresh.directory).training["init"] is None


def test_an_unfinished_run_from_another_model_is_resumed_only_with_that_model(corpus: Corpus, tmp_path: Path) -> None:
    first = load(finished(corpus, TINY_MODERN, tmp_path / "first").directory)
    train(Trainer(corpus, TINY_MODERN, tmp_path / "run", init=first), until=3)
    with pytest.raises(ValueError, match="belongs to a run with another"):
        Trainer(corpus, TINY_MODERN, tmp_path / "run")
    assert Trainer(corpus, TINY_MODERN, tmp_path / "run", init=first).step == 3


def test_a_window_has_to_be_shorter_than_the_training_part(corpus: Corpus, tmp_path: Path) -> None:
    # A longer window would leave nothing to learn from, and a run of no steps would end without an error.
    with pytest.raises(ValueError, match="window is 1,890, but only 1,890 characters train"):
        Trainer(corpus, replace(TINY_MODERN, window=1_890), tmp_path / "run")
    run = Trainer(corpus, replace(TINY_MODERN, window=1_889), tmp_path / "run").run()
    assert next(run).step == 1
    run.close()


@pytest.mark.parametrize("window", [50, 101])
def test_the_classic_recipe_trains_only_with_the_window_that_it_is_measured_and_writes_with(
    corpus: Corpus, tmp_path: Path, window: int
) -> None:
    with pytest.raises(ValueError, match=f"window is {window}, but a model with window context always reads 100"):
        Trainer(corpus, replace(TINY_CLASSIC, window=window), tmp_path / "run")
    assert CLASSIC.window == WINDOW == 100


def test_window_context_needs_more_held_out_text_than_a_window(write: Callable[..., Path], tmp_path: Path) -> None:
    short = read([write(book(2_000))], hold_out=[write("The old lion ate a hat.", "short.txt")])
    with pytest.raises(ValueError, match="25 characters are held out, but window context needs more than 100"):
        Trainer(short, TINY_CLASSIC, tmp_path / "run")


# ---- stopping and going on -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("stops", [[1, 6], [4, 8, 10]], ids=str)
def test_a_run_that_is_stopped_and_resumed_ends_as_an_unbroken_one(
    corpus: Corpus, tmp_path: Path, unbroken: Callable[[Corpus, str], Trainer], name: str, stops: list[int]
) -> None:
    directory = tmp_path / "run"
    for step in stops:
        trainer = Trainer(corpus, TINY[name], directory, seed=1)
        train(trainer, until=step)
        assert Unfinished(directory).path.exists()
        kept = load(directory)
        figures = {point["step"]: point["held_out_nats"] for point in kept.training["curve"]}
        assert max(figures) == step  # a stop measures once more
        assert kept.training["best_step"] == min(figures, key=figures.__getitem__)
        measured = evaluate(kept.network, trainer.held_out, kept.context).nats
        assert kept.training["held_out"]["nats"] == pytest.approx(measured, rel=1e-6)
        torch.rand(5)  # random draws between two runs change nothing
    resumed = Trainer(corpus, TINY[name], directory, seed=1)
    assert resumed.step == stops[-1]
    seen = train(resumed)
    assert [progress.step for progress in seen] == list(range(stops[-1] + 1, 12))
    assert_same_end(resumed, unbroken(corpus, name))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.txt", "run"]  # nothing unfinished is left


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_is_killed_goes_on_from_the_last_measurement_and_ends_as_an_unbroken_one(
    corpus: Corpus, tmp_path: Path, unbroken: Callable[[Corpus, str], Trainer], name: str
) -> None:
    killed, directory = tmp_path / "killed" / "run", tmp_path / "after" / "run"
    run = Trainer(corpus, RUNS[name], killed, seed=1).run()
    while next(run).step < 9:
        pass
    # A killed process leaves only what is on the disk at this moment.
    shutil.copytree(killed.parent, directory.parent)
    resumed = Trainer(corpus, RUNS[name], directory, seed=1)
    assert resumed.step == 6
    train(resumed)
    assert_same_end(resumed, unbroken(corpus, name))
    run.close()


@pytest.mark.parametrize("name", RUNS)
def test_saving_by_the_clock_changes_nothing_and_a_killed_run_loses_less(
    corpus: Corpus,
    tmp_path: Path,
    unbroken: Callable[[Corpus, str], Trainer],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setattr("training.trainer.SAVE_EVERY", 0)
    killed, directory = tmp_path / "killed" / "run", tmp_path / "after" / "run"
    run = Trainer(corpus, RUNS[name], killed, seed=1).run()
    while next(run).step < 9:
        pass
    shutil.copytree(killed.parent, directory.parent)
    resumed = Trainer(corpus, RUNS[name], directory, seed=1)
    assert resumed.step == 9
    train(resumed)
    assert_same_end(resumed, unbroken(corpus, name))
    run.close()


def test_a_run_that_is_killed_before_its_first_checkpoint_can_go_on(
    corpus: Corpus, tmp_path: Path, unbroken: Callable[[Corpus, str], Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    directory = tmp_path / "run"
    run = Trainer(corpus, TINY_MODERN, directory, seed=1).run()
    with monkeypatch.context() as patch:
        patch.setattr("model.checkpoint.save", killed)
        with pytest.raises(SystemExit):
            next(run)
    assert not directory.exists()
    assert Unfinished(directory).path.exists()
    Unfinished(directory).path.with_name("run.unfinished.new").write_bytes(b"half a file")
    resumed = Trainer(corpus, TINY_MODERN, directory, seed=1)
    train(resumed)
    assert_same_end(resumed, unbroken(corpus, "modern"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.txt", "run"]


def test_overwrite_begins_afresh_although_an_unfinished_run_is_there(corpus: Corpus, tmp_path: Path) -> None:
    train(Trainer(corpus, TINY_MODERN, tmp_path / "run", seed=1), until=3)
    afresh = Trainer(corpus, TINY_MODERN, tmp_path / "run", seed=2, overwrite=True)
    assert afresh.step == 0
    train(afresh, until=1)
    assert Trainer(corpus, TINY_MODERN, tmp_path / "run", seed=2).step == 1


def test_two_runs_to_one_directory_are_not_possible_at_the_same_time(corpus: Corpus, tmp_path: Path) -> None:
    first = Trainer(corpus, TINY_MODERN, tmp_path / "run", seed=1)
    run = first.run()
    next(run)
    second = Trainer(corpus, TINY_MODERN, tmp_path / "run", seed=1)
    with pytest.raises(ValueError, match="another run is training to"):
        next(second.run())
    other = Trainer(corpus, TINY_MODERN, tmp_path / "other", seed=1).run()
    next(other)
    other.close()
    for progress in run:
        assert progress.step
    assert load(first.directory).training["steps"] == 11


def test_a_run_that_runs_out_of_memory_says_so_and_keeps_its_saved_state(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Trainer(corpus, TINY_MODERN, tmp_path / "run", seed=1).run()
    while next(run).step < 7:
        pass
    monkeypatch.setattr(CharLSTM, "read", lambda *_: torch.zeros(10**15))
    with pytest.raises(MemoryError, match="not enough memory to train this network: give a smaller"):
        next(run)
    monkeypatch.undo()
    assert Trainer(corpus, TINY_MODERN, tmp_path / "run", seed=1).step == 6


def test_a_network_that_cannot_fit_is_refused_before_memory_is_taken(corpus: Corpus, tmp_path: Path) -> None:
    recipe = MODERN.with_options({"hidden_size": 8192, "layers": 16})
    with pytest.raises(ValueError, match=r"\Ato train this network takes at least \d+\.\d GB of memory, but there are"):
        Trainer(corpus, recipe, tmp_path / "run")


def test_measurements_do_not_change_the_random_numbers_of_training(corpus: Corpus, tmp_path: Path) -> None:
    often = finished(corpus, replace(TINY_MODERN, evaluate_every=1), tmp_path / "often")
    seldom = finished(corpus, replace(TINY_MODERN, evaluate_every=11), tmp_path / "seldom")
    assert_same_weights(often.network.state_dict(), seldom.network.state_dict())


def test_the_unfinished_file_of_another_run_is_refused_by_its_name_and_left_as_it_is(
    corpus: Corpus, tmp_path: Path, write: Callable[..., Path]
) -> None:
    train(Trainer(corpus, TINY_MODERN, tmp_path / "run", seed=1), until=1)
    file = Unfinished(tmp_path / "run").path
    before = file.read_bytes()
    own: dict[str, Any] = {"corpus": corpus, "recipe": TINY_MODERN, "seed": 1}
    others: list[dict[str, Any]] = [
        {"seed": 2},
        {"minutes": 1.0},
        {"recipe": replace(TINY_MODERN, steps=12)},
        {"recipe": replace(TINY_MODERN, network=replace(TINY_MODERN.network, dropout_input=0.3))},
        {"corpus": read([write(book(2_100, seed=1))], lowercase=True)},
    ]
    for change in others:
        with pytest.raises(ValueError, match="--overwrite") as error:
            Trainer(**{**own, **change}, directory=tmp_path / "run")
        assert str(file) in str(error.value)
        assert "\n" not in str(error.value)
    assert file.read_bytes() == before
    assert Trainer(**own, directory=tmp_path / "run").step == 1


def test_a_damaged_unfinished_file_is_refused_by_its_name(corpus: Corpus, tmp_path: Path) -> None:
    train(Trainer(corpus, TINY_MODERN, tmp_path / "run"), until=1)
    file = Unfinished(tmp_path / "run").path
    whole = file.read_bytes()
    damages = [b"", b"text", whole[:100], whole[: len(whole) // 2], whole[:-1], bytes(len(whole))]
    for content in damages:
        file.write_bytes(content)
        with pytest.raises(ValueError, match="damaged") as error:
            Trainer(corpus, TINY_MODERN, tmp_path / "run")
        assert str(file) in str(error.value)
        assert "\n" not in str(error.value)


def test_an_unfinished_file_of_something_else_is_refused_by_its_name(corpus: Corpus, tmp_path: Path) -> None:
    file = Unfinished(tmp_path / "run").path
    for content in ({"step": 3}, [1, 2], torch.zeros(3)):
        torch.save(content, file)
        with pytest.raises(ValueError, match=r"run\.unfinished"):
            Trainer(corpus, TINY_MODERN, tmp_path / "run")


# ---- how long it takes -----------------------------------------------------------------------------------------------


def test_with_a_time_limit_the_steps_follow_from_the_speed_and_repeating_them_gives_the_same_weights(
    corpus: Corpus, tmp_path: Path
) -> None:
    recipe = replace(TINY_MODERN, warmup_steps=TIMED_STEPS, evaluate_every=50)
    trainer = Trainer(corpus, recipe, tmp_path / "timed", minutes=0.01)
    seen = train(trainer)
    assert {progress.steps for progress in seen[: TIMED_STEPS - 1]} == {None}
    assert {progress.steps for progress in seen[TIMED_STEPS:]} == {trainer.steps}
    assert trainer.steps == trainer.step > TIMED_STEPS
    repeated = finished(corpus, replace(recipe, steps=trainer.step), tmp_path / "counted")
    assert_same_weights(repeated.network.state_dict(), trainer.network.state_dict())
    assert_same_weights(repeated.best, trainer.best)


def test_the_learning_rates_of_the_timed_steps_do_not_depend_on_the_number_of_steps() -> None:
    for recipe in RECIPES.values():
        for step in range(TIMED_STEPS):
            assert learning_rate(recipe, step, None) == learning_rate(recipe, step, 500)


def test_a_time_limit_survives_a_stop(corpus: Corpus, tmp_path: Path) -> None:
    recipe = replace(TINY_MODERN, evaluate_every=50)
    trainer = Trainer(corpus, recipe, tmp_path / "run", minutes=0.01)
    train(trainer, until=TIMED_STEPS)
    assert trainer.steps is not None
    resumed = Trainer(corpus, recipe, tmp_path / "run", minutes=0.01)
    assert (resumed.step, resumed.steps) == (TIMED_STEPS, trainer.steps)
    assert resumed.seconds > 0
