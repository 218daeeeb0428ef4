"""The ids of a text as batches: shuffled windows and contiguous streams."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tests.conftest import B, T
from training.batches import Streams, Windows

N = 211
IDS = torch.arange(N)  # each id is its own position in the text


def batches(reader: Windows | Streams, epoch: int = 0) -> list[tuple[Tensor, Tensor]]:
    return [reader.batch(epoch * reader.steps_per_epoch + i) for i in range(reader.steps_per_epoch)]


@pytest.mark.parametrize("kind", [Windows, Streams])
@pytest.mark.parametrize("step", [0, 7, 10_000])
def test_a_batch_is_a_function_of_its_step(kind: type[Windows] | type[Streams], step: int) -> None:
    reader, other = kind(IDS, B, T, 4), kind(IDS, B, T, 4)
    for i in (3, 50, 1):  # earlier batches must not matter
        other.batch(i)
    for first, second in zip(reader.batch(step), other.batch(step), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("kind", [Windows, Streams])
def test_two_readers_taking_turns_read_what_each_reads_alone(kind: type[Windows] | type[Streams]) -> None:
    first, second = kind(IDS, B, T, 0), kind(IDS, B, T, 1)
    alone = [first.batch(i)[0] for i in range(4)]
    together = []
    for i in range(4):
        together.append(first.batch(i)[0])
        second.batch(i)
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("kind", [Windows, Streams])
def test_another_seed_reads_the_text_in_another_order(kind: type[Windows] | type[Streams]) -> None:
    assert not torch.equal(kind(IDS, B, T, 0).batch(0)[0], kind(IDS, B, T, 1).batch(0)[0])


@pytest.mark.parametrize("kind", [Windows, Streams])
def test_reading_leaves_the_process_wide_random_numbers_alone(kind: type[Windows] | type[Streams]) -> None:
    before = torch.get_rng_state()
    kind(IDS, B, T, 123).batch(3)
    assert torch.equal(torch.get_rng_state(), before)


# ---- windows ---------------------------------------------------------------------------------------------------------


def test_the_target_of_a_window_is_the_one_character_that_follows_it() -> None:
    inputs, targets = Windows(IDS, B, T, 0).batch(0)
    assert inputs.shape == (B, T)
    assert targets.shape == (B, 1)
    assert torch.equal(inputs, inputs[:, :1] + torch.arange(T))
    assert torch.equal(targets, inputs[:, -1:] + 1)


@pytest.mark.parametrize("batch_size", [1, B, 10, N, 1_000])
def test_an_epoch_holds_every_window_exactly_once(batch_size: int) -> None:
    for epoch in (0, 3):
        firsts = Counter(
            int(first) for inputs, _ in batches(Windows(IDS, batch_size, T, 9), epoch) for first in inputs[:, 0]
        )
        assert firsts == Counter(range(N - T))


def test_windows_are_shuffled_and_differently_in_each_epoch() -> None:
    orders = [torch.cat([inputs[:, 0] for inputs, _ in batches(Windows(IDS, B, T, 0), epoch)]) for epoch in range(3)]
    assert not any(torch.equal(order, order.sort().values) for order in orders)
    assert not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[1], orders[2])


def test_only_the_last_batch_of_an_epoch_is_smaller() -> None:
    sizes = [len(inputs) for inputs, _ in batches(Windows(IDS, 10, T, 0))]
    assert sizes == [10] * 20 + [6]


def test_a_text_of_one_window_is_one_batch_of_one() -> None:
    reader = Windows(IDS[: T + 1], B, T, 0)
    assert reader.steps_per_epoch == 1
    assert reader.batch(0)[0].tolist() == [[0, 1, 2, 3, 4]]
    assert reader.batch(5)[1].tolist() == [[5]]


class Largest(TorchFunctionMode):
    """Records the size in bytes of the largest tensor that a torch function returns."""

    bytes = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.bytes = max(self.bytes, result.untyped_storage().nbytes())
        return result


def test_memory_stays_in_proportion_to_the_text_and_not_to_its_windows() -> None:
    ids = torch.zeros(50_000, dtype=torch.int64)
    window = 100
    with Largest() as largest:
        inputs, _ = Windows(ids, B, window, 0).batch(0)
    assert largest.bytes <= ids.nbytes  # all windows, written out, would take a hundred times as much
    assert largest.bytes > ids.nbytes / 2  # the measurement has seen the shuffled order, so it works
    assert inputs.untyped_storage().nbytes() == B * (window + 1) * 8


# ---- streams ---------------------------------------------------------------------------------------------------------


def test_a_streams_targets_are_its_inputs_shifted_by_one() -> None:
    inputs, targets = Streams(IDS, B, T, 0).batch(0)
    assert inputs.shape == targets.shape == (B, T)
    assert torch.equal(targets[:, :-1], inputs[:, 1:])
    assert torch.equal(targets, (inputs + 1) % N)


@pytest.mark.parametrize("seed", [0, 50, 2**32 - 1])
def test_each_stream_reads_on_from_where_its_last_batch_ended(seed: int) -> None:
    reader = Streams(IDS, B, T, seed)
    for step in range(3 * reader.steps_per_epoch):
        _, targets = reader.batch(step)
        inputs, _ = reader.batch(step + 1)
        assert torch.equal(inputs[:, 0], targets[:, -1])


@pytest.mark.parametrize(("batch_size", "window"), [(1, 1), (B, T), (7, 11), (1, N), (N, 1), (64, 100), (2, 1_000)])
def test_an_epoch_of_streams_reads_every_character_and_little_more(batch_size: int, window: int) -> None:
    for epoch in (0, 2):
        reader = Streams(IDS, batch_size, window, 0)
        read = torch.cat([inputs.flatten() for inputs, _ in batches(reader, epoch)])
        assert set(read.tolist()) == set(range(N))
        assert len(read) < N + batch_size * window


def test_streams_are_spread_evenly_round_the_text() -> None:
    first = Streams(IDS, 7, T, 30).batch(0)[0][:, 0]
    gaps = (first.roll(-1) - first) % N
    assert gaps.sum() == N
    assert gaps.max() - gaps.min() <= 1


def test_a_stream_begins_again_at_the_end_of_the_text() -> None:
    reader = Streams(IDS, 1, T, 0)
    read = torch.cat([reader.batch(step)[0][0] for step in range(100)])
    assert torch.equal(read, torch.arange(500) % N)
