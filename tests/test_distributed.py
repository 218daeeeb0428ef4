"""Several processes train one network: they learn what one learns, go on after a stop, and end if one of them ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from model import hardware
from model.checkpoint import load
from model.lstm import LSTMConfig
from tests.conftest import book
from tests.test_trainer import TINY_CLASSIC, TINY_MODERN, finished, train
from training.corpus import read
from training.distributed import ALONE, Processes
from training.resume import Unfinished
from training.trainer import TIMED_STEPS, Trainer

ROOT = Path(__file__).parent.parent
Ends = dict[str, dict[str, torch.Tensor]]  # run -> its weights and random state at the end
NO_DROPOUT = LSTMConfig(embedding_size=7, hidden_size=11, layers=2)
EVEN = replace(TINY_MODERN, batch_size=6, precision="float32", patience=0)  # two or three processes can share 6 streams
RECIPES = {
    "modern": replace(EVEN, network=NO_DROPOUT, ema_decay=0.9, state_reset=0.3),
    "muon": replace(EVEN, network=NO_DROPOUT, optimizer="muon"),
    # An epoch of 1,790 windows, whose last batch has two: then the third of three processes has none.
    "classic": replace(TINY_CLASSIC.with_options({"dropout_output": 0.0}), batch_size=894, steps=6, learning_rate=0.01),
    "dropout": EVEN,
    "bfloat16": replace(EVEN, precision="bfloat16"),
}
BFLOAT16 = hardware.has_bfloat16(torch.device("cpu"))  # without it oneDNN has no LSTM in bfloat16
# The program of each process: it trains the given runs, and saves the weights and the random state after each run.
PROGRAM = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from tests.test_distributed import RECIPES
from training.corpus import read
from training.distributed import join, leave
from training.trainer import Trainer
text, place, *runs = sys.argv[1:]
processes = join("cpu")
for run in runs:
    name, _, stops = run.partition("@")  # name@4 stops after 4 steps, name@4- goes on to the end then
    for until in [int(stop) if stop else None for stop in stops.split("-")]:
        corpus = read([Path(text)], lowercase=True)
        trainer = Trainer(corpus, RECIPES[name], Path(place, run), seed=1, processes=processes)
        if not processes.first:
            trainer.follow()
            continue
        running = trainer.run()
        for progress in running:
            if progress.step == until:
                running.close()
    weights = {key: value.clone() for key, value in trainer.network.state_dict().items()}
    save_file(weights | {"random": torch.get_rng_state()}, Path(place, f"{run}-{processes.rank}"))
trainer = running = None
leave()
# A thread of the connections that is left can abort the process while it ends.
threads = [task.read_text() for task in Path("/proc/self/task").glob("*/comm")]
assert not any("gloo" in thread for thread in threads), threads
"""


@pytest.fixture
def text(write: Callable[..., Path]) -> Path:
    return write(book(2_100))


def environment(rank: int, size: int, port: int) -> dict[str, str]:
    """Return the environment that torchrun gives a process."""
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
    return os.environ | {"MASTER_ADDR": "127.0.0.1"} | {name: str(value) for name, value in places.items()}


@contextmanager
def started(size: int, *command: str | Path) -> Iterator[list["subprocess.Popen[str]"]]:
    """Start a Python command as a group of `size` processes and yield them; kill those that still run afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-u", "-W", "error", *map(str, command)],
            cwd=ROOT,
            env=environment(rank, size, port),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def together(size: int, text: Path, place: Path, *runs: str) -> list[Ends]:
    """Train in `size` processes; return, for each process, the weights and random state at the end of each run."""
    place.mkdir()
    with started(size, "-c", PROGRAM, text, place, *runs) as processes:
        ends = [process.communicate(timeout=600) for process in processes]
        assert [process.returncode for process in processes] == [0] * size, ends
    return [{run: load_file(place / f"{run}-{rank}") for run in runs} for rank in range(size)]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a if name != "random")


def assert_close(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    """The same weights, but for the rounding of sums."""
    for name in a.keys() - {"random"}:
        torch.testing.assert_close(a[name], b[name], rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Ends]]:
    """The text, the directory where two processes have trained, and each process's results at the end of each run."""
    place = tmp_path_factory.mktemp("two")
    (place / "book.txt").write_text(book(2_100), encoding="utf-8")
    runs = ("modern", "modern@7-", "modern@4", "muon", "dropout", "dropout@4-", *["bfloat16"] * BFLOAT16)
    return place / "book.txt", place / "runs", together(2, place / "book.txt", place / "runs", *runs)


@pytest.mark.parametrize("name", ["modern", "muon"])
def test_two_processes_learn_what_one_learns(two: tuple[Path, Path, list[Ends]], tmp_path: Path, name: str) -> None:
    text, place, (first, second) = two
    alone = finished(read([text], lowercase=True), RECIPES[name], tmp_path / name, seed=1)
    assert_close(first[name], alone.network.state_dict())
    assert same(first[name], second[name])
    records = [load(directory / name).training for directory in (tmp_path, place)]
    for key in ("step", "training_nats", "held_out_nats"):
        figures = [[point[key] for point in record["curve"][1:]] for record in records]
        assert figures[0] == pytest.approx(figures[1], rel=1e-4)
    assert records[1]["machine"].endswith(", 2 processes")


def test_three_processes_learn_what_one_learns_even_if_one_of_them_has_no_windows(text: Path, tmp_path: Path) -> None:
    ends = together(3, text, tmp_path / "together", "modern", "classic")
    for name in ("modern", "classic"):
        alone = finished(read([text], lowercase=True), RECIPES[name], tmp_path / name, seed=1)
        assert_close(ends[0][name], alone.network.state_dict())
        assert same(ends[0][name], ends[1][name])
        assert same(ends[0][name], ends[2][name])


@pytest.mark.parametrize("name", ["dropout", *["bfloat16"] * BFLOAT16])
def test_each_process_has_its_own_dropout_and_all_have_the_same_weights(
    two: tuple[Path, Path, list[Ends]], name: str
) -> None:
    _, place, (first, second) = two
    assert same(first[name], second[name])
    assert not torch.equal(first[name]["random"], second[name]["random"])
    assert load(place / name).training["precision"] == ("bfloat16" if name == "bfloat16" else "float32")


@pytest.mark.parametrize(("name", "stopped"), [("modern", "modern@7-"), ("dropout", "dropout@4-")])
def test_a_stopped_run_goes_on_and_ends_as_an_unbroken_one(
    two: tuple[Path, Path, list[Ends]], name: str, stopped: str
) -> None:
    _, place, ends = two
    for process in ends:
        assert same(process[name], process[stopped])
        assert torch.equal(process[name]["random"], process[stopped]["random"])
    assert not Unfinished(place / stopped).path.exists()


def test_one_process_goes_on_where_two_have_stopped(two: tuple[Path, Path, list[Ends]]) -> None:
    text, place, (first, _) = two
    trainer = Trainer(read([text], lowercase=True), RECIPES["modern"], place / "modern@4", seed=1)
    assert trainer.step == 4
    train(trainer)
    assert_close(first["modern"], trainer.network.state_dict())


def test_streams_that_cannot_be_divided_are_refused(text: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="6 streams cannot be divided among 4 processes: give a --batch-size that is"):
        Trainer(read([text]), RECIPES["modern"], tmp_path / "run", processes=Processes(1, 4))


def test_each_stream_is_in_one_process() -> None:
    streams = torch.arange(2 * 7).reshape(2, 7)
    for dim, size in ((0, 2), (1, 3), (1, 7)):
        parts = [Processes(rank, size).share(streams, dim) for rank in range(size)]
        assert torch.equal(torch.cat(parts, dim), streams)
        assert all(part.is_contiguous() for part in parts)
    assert torch.equal(ALONE.share(streams), streams)
    assert ALONE.gather(streams) is streams


def test_processes_share_the_cores_and_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    cores, memory = hardware.cores(), hardware.memory(torch.device("cpu"))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert hardware.cores() == max(1, cores // 2)
    assert hardware.memory(torch.device("cpu")) == memory / 2


# ---- the command -----------------------------------------------------------------------------------------------------


def command(text: Path, out: Path, *more: str) -> list[str | Path]:
    sizes = ["--hidden-size", "11", "--layers", "1", "--batch-size", "6", "--window", "20", "--init", "none"]
    return ["-m", "training.train", text, "--out", out, *sizes, "--steps", "4000", "--evaluate-every", "100", *more]


def until(process: "subprocess.Popen[str]", beginning: str) -> None:
    """Read the output of a process up to a line that starts with `beginning`."""
    assert process.stdout
    assert any(line.startswith(beginning) for line in process.stdout)


def errors(processes: list["subprocess.Popen[str]"]) -> list[str]:
    """Wait until all processes have ended; return the error lines that they have printed."""
    said = [process.communicate(timeout=600)[1] for process in processes]
    assert not any("Traceback" in each for each in said), said
    return [line for each in said for line in each.splitlines() if line.startswith("training.train:")]


def test_torchrun_starts_the_command_and_only_the_first_process_prints(text: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = [*launch, *command(text, out, "--steps", "20")]
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"{out} is ready") == 1
    assert load(out).training["steps"] == 20


def test_ctrl_c_stops_all_and_leaves_a_checkpoint_and_what_is_needed_to_go_on(text: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with started(2, *command(text, out)) as processes:
        until(processes[0], "step 100:")
        for process in processes:
            process.send_signal(signal.SIGINT)
        assert errors(processes) == []
        assert [process.returncode for process in processes] == [0, 0]
    assert 100 <= load(out).training["steps"] < 4000
    assert Unfinished(out).path.exists()


def test_with_minutes_all_make_the_same_steps(text: Path, tmp_path: Path) -> None:
    arguments = command(text, tmp_path / "run")
    arguments = [*arguments[: arguments.index("--steps")], "--minutes", "0.02"]
    with started(2, *arguments) as processes:
        assert errors(processes) == []
        assert [process.returncode for process in processes] == [0, 0]
    assert load(tmp_path / "run").training["steps"] >= TIMED_STEPS


@pytest.mark.parametrize("killed", [0, 1])
def test_when_a_process_is_killed_the_others_end_and_the_run_can_go_on(text: Path, tmp_path: Path, killed: int) -> None:
    out = tmp_path / "run"
    with started(2, *command(text, out)) as processes:
        until(processes[0], "step 100:")
        processes[killed].kill()
        said = errors(processes)
        assert processes[1 - killed].returncode == 1
    assert said == ["training.train: another process of this run has ended; the same command goes on"] * killed
    assert Unfinished(out).path.exists()
    assert load(out)


def test_an_error_is_printed_once_and_ends_all_processes(text: Path, tmp_path: Path) -> None:
    with started(2, *command(text, tmp_path / "run", "--batch-size", "5")) as processes:
        [said] = errors(processes)
        assert "5 streams cannot be divided among 2 processes" in said
        assert [process.returncode for process in processes] == [2, 2]
    with Unfinished(tmp_path / "run").locked(), started(2, *command(text, tmp_path / "run")) as processes:
        [said] = errors(processes)
        assert f"another run is training to {tmp_path / 'run'}" in said
        assert [process.returncode for process in processes] == [2, 1]


def test_an_error_in_one_process_is_printed_and_ends_all_processes(text: Path, tmp_path: Path) -> None:
    program = """
import os, sys
from training import memory, train
def check(*_):
    if os.environ["RANK"] == "1":
        raise ValueError("there is too little memory for the second one")
memory.check = check
sys.exit(train.main(sys.argv[1:]))
"""
    with started(2, "-c", program, *command(text, tmp_path / "run")[2:]) as processes:
        assert errors(processes) == ["training.train: there is too little memory for the second one"]
        assert [process.returncode for process in processes] == [2, 2]


def test_a_full_disk_ends_all_processes(text: Path, tmp_path: Path) -> None:
    program = """
import os, sys
from training import train
from training.resume import Unfinished
def save(*_):
    raise OSError(28, "No space left on device", "run.unfinished")
Unfinished.save = save
sys.exit(train.main(sys.argv[1:]))
"""
    with started(2, "-c", program, *command(text, tmp_path / "run")[2:]) as processes:
        assert errors(processes) == ["training.train: No space left on device (run.unfinished); nothing is saved"]
        assert [process.returncode for process in processes] == [1, 1]
