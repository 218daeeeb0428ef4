"""Many requests at once: every request is served, and none delays another."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from model.checkpoint import load
from model.decoder import Decoder, Streams
from model.generation import CarriedReader, GenerationConfig, Request, WindowReader, generate
from model.loaded import Model
from model.lstm import CharLSTM
from model.sampling import Sampler
from model.serving.batch import Batch
from model.serving.limits import Limits
from model.serving.mixture import Mixture, Pair
from model.serving.prefix_cache import PrefixCache
from model.serving.scheduler import COSTLY, PIECE, Scheduler
from model.serving.work import Pieces, Work
from model.vocabulary import Vocabulary
from tests.conftest import wait

ALICE = Path(__file__).parent.parent / "assets" / "alice"
LONG = 100_000


def config(seed: int = 0, length: int = 40, **options: str) -> GenerationConfig:
    return GenerationConfig(length=length, seed=seed, **options)  # type: ignore[arg-type]


def test_a_submitted_text_grows_by_itself_until_it_is_complete(exact: Model) -> None:
    request = Scheduler().submit(exact, "the old", config())
    wait(lambda: request.done)
    assert request.text == "".join(generate(exact, "the old", config()))


def test_texts_of_several_models_and_contexts_are_those_written_alone(exact: Model) -> None:
    models = {"tiny": exact, "plain": replace(exact), "alice": load(ALICE)}
    vars(models["plain"])["decoder"] = Decoder(exact.network, exact=False)
    asked = [(model, context, seed) for seed in range(4) for model in models for context in ("carried", "window")]
    scheduler = Scheduler()
    requests = [
        scheduler.submit(models[model], "the old", config(seed, context=context)) for model, context, seed in asked
    ]
    wait(lambda: all(request.done for request in requests))
    for request in requests:
        assert request.text == "".join(generate(request.model, "the old", request.config))


def test_while_all_slots_are_taken_requests_wait_in_the_queue_and_then_run(exact: Model) -> None:
    scheduler = Scheduler(Limits(slots=2))
    requests = [scheduler.submit(exact, "a", config(seed, length=LONG)) for seed in range(5)]
    wait(lambda: scheduler.running == 2)
    assert [scheduler.queue_position(request) for request in requests] == [0, 0, 1, 2, 3]
    assert not any(request.characters for request in requests[2:])

    requests[3].cancel()  # a waiting request can leave too
    wait(lambda: scheduler.queue_position(requests[4]) == 2)
    requests[0].cancel()
    wait(lambda: len(requests[2].characters) > 0)
    assert [scheduler.queue_position(request) for request in requests] == [0, 0, 0, 0, 1]
    assert scheduler.running == 2
    for request in requests:
        request.cancel()
    wait(lambda: scheduler.running == 0)


def test_a_stop_ends_a_text_at_once(exact: Model) -> None:
    scheduler = Scheduler()
    request = scheduler.submit(exact, "a", config(length=LONG))
    wait(lambda: len(request.characters) > 10)
    request.cancel()
    assert request.done
    assert scheduler.running == 0, "its slot must be free"
    wait(lambda: not scheduler._turns)
    written = request.text
    time.sleep(0.05)
    assert request.text == written


def test_a_request_that_joins_while_others_run_starts_at_once(exact: Model) -> None:
    scheduler = Scheduler()
    others = [scheduler.submit(exact, "a", config(seed, length=LONG)) for seed in range(63)]
    wait(lambda: all(request.characters for request in others))
    before = len(others[0].characters)
    newcomer = scheduler.submit(exact, "the", config(length=1))
    wait(lambda: newcomer.done)
    assert scheduler.running == 63
    for request in others:
        request.cancel()
    assert before < len(others[0].characters) < LONG


# ---- fairness --------------------------------------------------------------------------------------------------------


class Clock:
    """A simulated clock: each kind of work takes the seconds that the test sets, and they are summed by kind."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, cost: Callable[[Batch | Work], float], per_character: float
    ) -> None:
        self.now, self.spent = 0.0, {"shared": 0.0, "alone": 0.0, "prefill": 0.0}
        self.longest_piece = 0
        self.shared_at_last_prefill = 0.0
        step, prefill, work_step = Batch.step, Batch.prefill, Work.step

        def timed_step(batch: Batch) -> None:
            self.take("shared" if batch.shared else "alone", cost(batch))
            step(batch)

        def timed_work_step(work: Work) -> None:
            self.take("alone", cost(work))
            work_step(work)

        def timed_prefill(batch: Batch, characters: int) -> int:
            read = prefill(batch, characters)
            self.take("prefill", per_character * read)
            self.longest_piece = max(self.longest_piece, read)
            self.shared_at_last_prefill = self.spent["shared"]
            return read

        monkeypatch.setattr("model.serving.scheduler.perf_counter", lambda: self.now)
        monkeypatch.setattr(Batch, "step", timed_step)
        monkeypatch.setattr(Work, "step", timed_work_step)
        monkeypatch.setattr(Batch, "prefill", timed_prefill)

    def take(self, kind: str, seconds: float) -> None:
        self.now += seconds
        self.spent[kind] += seconds


def test_work_and_requests_that_cannot_share_a_batch_get_a_bounded_part_of_the_time(
    exact: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, lambda batch: 1.0 if batch.shared else 7.0, 0.1)
    scheduler = Scheduler()
    ordinary = scheduler.submit(exact, "a", config(length=LONG))
    wait(lambda: bool(ordinary.characters))
    mixtures = [Mixture(Pair(exact, replace(exact)), weight) for weight in (0.2, 0.4)]
    costly = [scheduler.submit(exact, "a", config(seed, length=LONG, context="window")) for seed in range(3)]
    costly += [scheduler.submit(mixture, "a", config(length=LONG)) for mixture in mixtures]
    work = scheduler.compute(cycle("a"))  # type: ignore[arg-type]
    wait(lambda: work.begun and all(request.characters for request in costly))
    start = dict(clock.spent)
    begun = [len(request.characters) for request in costly]
    wait(lambda: all(len(request.characters) > count + 20 for request, count in zip(costly, begun, strict=True)))
    written = [len(request.characters) - count for request, count in zip(costly, begun, strict=True)]
    shared, alone = (clock.spent[kind] - start[kind] for kind in ("shared", "alone"))
    assert COSTLY * shared >= 0.95 * alone
    assert max(written) <= 1.5 * min(written), "they take turns"
    work.cancel()
    ordinary.cancel()
    wait(lambda: scheduler.running == 5)
    spent = clock.spent["shared"]
    count = len(costly[0].characters)
    wait(lambda: len(costly[0].characters) > count + 20)  # alone, they have all the time
    assert clock.spent["shared"] <= spent + 2
    scheduler.close()


def test_costly_work_of_all_kinds_gets_equal_time(exact: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def cost(batch: Batch | Work) -> float:
        return batch.progress or 1.0 if isinstance(batch, Work) else 1.0

    def pieces(seconds: float, spent: list[float]) -> Pieces[None]:
        while True:
            spent.append(seconds)
            yield seconds

    clock = Clock(monkeypatch, cost, 0.05)
    scheduler = Scheduler()
    dear: list[float] = []
    cheap: list[float] = []
    for seconds, spent in ((8.0, dear), (1.0, cheap)):
        scheduler.compute(pieces(seconds, spent))
    wait(lambda: sum(dear) > 800)
    assert 0.9 * sum(dear) - 8 < sum(cheap) < 1.1 * sum(dear) + 8

    ordinary = scheduler.submit(exact, "a", config(length=LONG))
    wait(lambda: bool(ordinary.characters))
    long = scheduler.submit(exact, "the old tale\nabide in it " * 3_900, config())
    wait(lambda: clock.spent["prefill"] > 0)
    before, begun = clock.spent["prefill"], sum(dear)
    wait(lambda: sum(dear) > begun + 400)
    read, other = clock.spent["prefill"] - before, sum(dear) - begun
    assert 0.8 * other < read < 1.2 * other
    assert long.unread
    scheduler.close()


def test_a_long_prompt_is_read_in_pieces_that_take_a_bounded_part_of_the_time(
    exact: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, lambda _: 1.0, 0.05)
    scheduler = Scheduler()
    prompt = "the old tale\nabide in it " * 200
    alone = scheduler.submit(exact, prompt, config(1))
    wait(lambda: alone.done)
    assert clock.longest_piece == PIECE
    assert alone.text == "".join(generate(exact, prompt, alone.config))

    clock.longest_piece = 0
    ordinary = scheduler.submit(exact, "a", config(length=LONG))
    wait(lambda: bool(ordinary.characters))
    start = dict(clock.spent)
    beside = scheduler.submit(exact, "a" + prompt, config(2))
    wait(lambda: bool(beside.characters))
    steps = clock.shared_at_last_prefill - start["shared"]  # of one second each
    assert clock.spent["prefill"] - start["prefill"] <= COSTLY * (clock.spent["shared"] - start["shared"])
    assert clock.longest_piece <= 20
    assert steps < len(prompt) / 5, "many characters are read in a step"
    wait(lambda: beside.done)
    assert beside.text == "".join(generate(exact, "a" + prompt, beside.config))
    scheduler.close()


def test_mixtures_of_one_pair_advance_together_whatever_their_weights(exact: Model) -> None:
    scheduler, other = Scheduler(), replace(exact)
    vars(other)["decoder"] = Decoder(exact.network, exact=True)
    pair = Pair(exact, other)
    mixtures = [Mixture(pair, weight / 16) for weight in range(16)]
    requests = [scheduler.submit(mixture, "a", config(length=LONG)) for mixture in mixtures]
    wait(lambda: all(request.characters for request in requests))
    assert len(scheduler._turns) == 1
    for request in requests:
        request.cancel()
    wait(lambda: not scheduler._turns)
    for request in requests:
        alone = generate(request.model, "a", config(length=len(request.text) or 1))
        assert request.text == "".join(alone)
    scheduler.close()


def test_a_mixture_reads_a_long_prompt_in_pieces_too(exact: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, lambda _: 1.0, 0.05)
    other = replace(exact, vocabulary=Vocabulary("\n abdehilnoTé"))
    vars(other)["decoder"] = exact.decoder
    mixture = Mixture(Pair(exact, other), 0.3)
    scheduler = Scheduler()
    prompt = "the old tale\nabide in it " * 20
    request = scheduler.submit(mixture, prompt, config(1))
    wait(lambda: request.done)
    assert clock.longest_piece == PIECE
    assert request.text == "".join(generate(mixture, prompt, request.config))


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_an_error_in_a_step_ends_only_the_texts_of_its_batch(
    exact: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    step, other = Batch.step, replace(exact)
    scheduler = Scheduler()

    def failing(batch: Batch) -> None:
        if batch.model is other and any(len(request.characters) == 7 for request in batch.running):
            raise MemoryError("out of memory")
        step(batch)

    monkeypatch.setattr(Batch, "step", failing)
    requests: list[Request] = [scheduler.submit(model, "a", config()) for model in (exact, other)]
    wait(lambda: all(request.done for request in requests))
    assert [len(request.characters) for request in requests] == [40, 7]
    assert [request.failed for request in requests] == [False, True]
    assert caplog.text.count("a request failed") == 1
    short = [scheduler.submit(other, "a", config(length=length)) for length in (6, 40)]
    wait(lambda: all(request.done for request in short))
    assert [request.failed for request in short] == [False, True], "a text that was complete before has not failed"
    last = scheduler.submit(other, "a", config(length=5))
    wait(lambda: last.done)
    assert last.text


# Every function that a round of the scheduler calls; each can fail when memory runs out.
PLACES = [
    (Scheduler, "_admitted"),
    (Scheduler, "_assign"),
    (Batch, "__init__"),
    (Batch, "accepts"),
    (Batch, "join"),
    (Batch, "step"),
    (Batch, "_reorder"),
    (Batch, "_load_prefix"),
    (Batch, "_save_prefix"),
    (PrefixCache, "longest"),
    (PrefixCache, "put"),
    (Batch, "prefill"),
    (Streams, "prefill"),
    (CarriedReader, "__init__"),
    (CarriedReader, "reorder"),
    (CarriedReader, "__call__"),
    (WindowReader, "__init__"),
    (WindowReader, "__call__"),
    (Decoder, "__init__"),
    (Decoder, "streams"),
    (Streams, "__init__"),
    (Streams, "reorder"),
    (Streams, "step"),
    (Streams, "load_state"),
    (Streams, "save_state"),
    (Sampler, "__init__"),
    (Sampler, "__call__"),
    (Request, "add"),
]


@pytest.mark.parametrize(("owner", "name"), PLACES, ids=lambda value: getattr(value, "__name__", value))
def test_an_error_anywhere_ends_the_requests_of_at_most_one_batch_and_the_scheduler_goes_on(
    exact: Model, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    context = "window" if owner is WindowReader else "carried"
    prompt = "the old tale " * 5  # long enough for the prefix cache
    bystander = replace(exact)
    vars(bystander)["decoder"] = Decoder(exact.network, exact=True)
    scheduler = Scheduler()
    beside = scheduler.submit(bystander, "a", config(length=LONG))
    seeds = iter(range(1, 100))
    request = scheduler.submit(exact, prompt, config(next(seeds), context=context))  # fills the prefix cache
    wait(lambda: request.done and bool(beside.characters))
    own, broken = getattr(owner, name), threading.Event()

    def failing(*arguments: Any, **options: Any) -> Any:
        if threading.current_thread() is scheduler._thread and armed.is_set() and not broken.is_set():
            broken.set()
            raise MemoryError("out of memory")
        return own(*arguments, **options)

    armed = threading.Event()
    monkeypatch.setattr(owner, name, failing)
    model = replace(exact) if owner is Decoder else exact  # one whose decoder is not made yet
    prompt = ("a" if name == "prefill" else "") + prompt  # one that the prefix cache does not have
    armed.set()
    requests = [scheduler.submit(model, prompt, config(next(seeds), context=context)) for _ in range(3)]
    wait(lambda: all(request.done for request in requests) and broken.is_set())
    for request in requests:
        if not request.failed:
            assert request.text == "".join(generate(model, prompt, request.config))
    assert not (beside.failed and any(request.failed for request in requests)), "they have no batch in common"
    after = scheduler.submit(exact, prompt, config(next(seeds), context=context))
    wait(lambda: after.done)
    assert not after.failed
    count = len(beside.characters)
    wait(lambda: beside.failed or len(beside.characters) > count)
    scheduler.close()


def test_a_decoder_that_does_not_fit_fails_only_its_own_requests(
    exact: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    large = replace(exact)
    own = Decoder.__init__

    def failing(decoder: Decoder, network: CharLSTM, *others: Any) -> None:
        if threading.current_thread().name == "scheduler":
            raise MemoryError("out of memory")
        own(decoder, network, *others)

    scheduler = Scheduler()
    running = scheduler.submit(exact, "a", config(1))
    wait(lambda: bool(running.characters))
    monkeypatch.setattr(Decoder, "__init__", failing)
    requests = [scheduler.submit(model, "a", config(seed)) for seed in range(3) for model in (large, exact)]
    wait(lambda: running.done and all(request.done for request in requests))
    assert [request.failed for request in requests] == [True, False] * 3
    assert [len(request.text) for request in requests] == [0, 40] * 3
    assert not running.failed
    assert "out of memory" in caplog.text


def test_new_streams_that_do_not_fit_fail_and_the_running_ones_go_on(
    exact: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler()
    running = [scheduler.submit(exact, "a", config(seed, length=LONG)) for seed in range(2)]
    wait(lambda: all(request.characters for request in running))
    reorder = CarriedReader.reorder

    def failing(reader: CarriedReader, keep: Sequence[int], fresh: int) -> CarriedReader:
        if len(keep) + fresh > 3:
            raise MemoryError("out of memory")
        return reorder(reader, keep, fresh)

    monkeypatch.setattr(CarriedReader, "reorder", failing)
    newcomers = [scheduler.submit(exact, "a", config(seed)) for seed in range(3)]
    wait(lambda: all(request.done for request in newcomers))
    assert not any(request.done for request in running)
    for request in newcomers:
        if not request.failed:
            assert request.text == "".join(generate(exact, "a", request.config))
    scheduler.close()


# ---- the end ---------------------------------------------------------------------------------------------------------


def test_a_text_that_is_done_never_grows_again(exact: Model) -> None:
    # The scheduler's thread is in the middle of a step when another thread ends the text.
    scheduler = Scheduler()
    for seed in range(200):
        request = scheduler.submit(exact, "a", config(seed, length=LONG))
        wait(lambda request=request: bool(request.characters))  # type: ignore[misc]
        request.cancel()
        text = request.text
        wait(lambda: scheduler.running == 0 and not scheduler._turns)
        assert request.text == text
    scheduler.close()


def test_a_character_drawn_after_the_end_of_a_text_is_not_part_of_it(exact: Model) -> None:
    request = Request(exact, "a", config())
    request.add(3, 0.5)
    request.cancel()
    request.add(4, 0.5)
    assert (len(request.text), len(request.responsibilities)) == (1, 1)
    assert request.ids[-2:] == [3, 4], "it was drawn, so the state after all before it is known"


def test_a_closed_scheduler_ends_every_text(exact: Model) -> None:
    scheduler = Scheduler(Limits(slots=2))
    requests = [scheduler.submit(exact, "a", config(seed, length=LONG)) for seed in range(3)]
    wait(lambda: scheduler.running == 2)
    scheduler.close()
    assert all(request.done for request in requests)
    lengths = [len(request.characters) for request in requests]
    time.sleep(0.05)
    assert [len(request.characters) for request in requests] == lengths


def test_a_closed_scheduler_refuses_a_request_at_once(exact: Model) -> None:
    scheduler = Scheduler()
    scheduler.close()
    with pytest.raises(RuntimeError, match="closed"):
        scheduler.submit(exact, "a", config())
    scheduler.close()  # a second time changes nothing


def test_a_program_that_ends_while_a_text_is_written_ends_without_an_error() -> None:
    program = """
import time
from model.checkpoint import load
from model.generation import GenerationConfig
from model.serving.scheduler import Scheduler
from pathlib import Path
request = Scheduler().submit(load(Path("assets/alice")), "a", GenerationConfig(length=100_000))
while len(request.characters) < 9:
    time.sleep(0.01)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ALICE.parent.parent, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
