"""The prefix cache saves reading, and changes nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.generation import CarriedReader, GenerationConfig, Request
from model.loaded import Model
from model.serving.batch import Batch
from model.serving.mixture import AnyModel, Mixture, Pair
from model.serving.prefix_cache import OVERHEAD, SHORTEST, PrefixCache

PROMPT = "the old tale\nabide in it. " * 7


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of characters read at each step, filled as a batch runs."""
    taken: list[int] = []
    read = CarriedReader.__call__

    def counted(reader: Any, ids: NDArray[np.int64]) -> Any:
        taken.append(len(ids))
        return read(reader, ids)

    monkeypatch.setattr(CarriedReader, "__call__", counted)
    return taken


def written(
    model: AnyModel, prompt: str, prefix_cache: PrefixCache | None, *seeds: int, length: int = 40, **options: Any
) -> list[str]:
    batch = Batch(model, prefix_cache)
    requests = [Request(model, prompt, GenerationConfig(length=length, seed=seed, **options)) for seed in seeds]
    for request in requests:
        batch.join(request)
    while batch.requests:
        batch.step()
    return [request.text for request in requests]


def test_a_continued_text_is_not_read_again_and_is_the_same(exact: Model, steps: list[int]) -> None:
    prefix_cache = PrefixCache()
    [first] = written(exact, PROMPT, prefix_cache, 3)
    longer = PROMPT + first + " and a"
    expected = written(exact, longer, None, 4)
    steps.clear()
    assert written(exact, longer, prefix_cache, 4) == expected
    # The last written character was not read yet (+1), and the last step of the prompt draws the first new one (-1).
    assert len(steps) == len(" and a") + 40


def test_further_requests_with_the_same_prompt_do_not_read_it_again(exact: Model, steps: list[int]) -> None:
    prefix_cache = PrefixCache()
    written(exact, PROMPT, prefix_cache, 3)
    expected = [written(exact, PROMPT, None, seed)[0] for seed in (4, 5, 6)]
    steps.clear()
    assert written(exact, PROMPT, prefix_cache, 4, 5, 6) == expected
    assert steps == [3] * 40


def test_a_cancelled_text_is_cached_too(exact: Model, steps: list[int]) -> None:
    prefix_cache = PrefixCache()
    batch, request = Batch(exact, prefix_cache), Request(exact, PROMPT, GenerationConfig(seed=3))
    batch.join(request)
    while len(request.characters) < 9:
        batch.step()
    request.cancel()
    batch.step()
    assert not batch.requests
    steps.clear()
    longer = PROMPT + request.text
    assert written(exact, longer, prefix_cache, 8) == written(exact, longer, None, 8)
    assert steps[:40] == [1] * 40
    assert len(steps) == 2 * 40 + len(longer) - 1


def test_another_text_or_another_model_is_read_in_full(exact: Model, steps: list[int]) -> None:
    prefix_cache = PrefixCache()
    written(exact, PROMPT, prefix_cache, 3)
    other = replace(exact, sampling=exact.sampling)
    for model, prompt in ((exact, "a" + PROMPT), (exact, PROMPT[:-9]), (other, PROMPT)):
        steps.clear()
        assert written(model, prompt, prefix_cache, 3, length=1) == written(model, prompt, None, 3, length=1)
        assert len(steps) == 2 * len(prompt)


def test_the_states_of_a_pair_are_cached_for_all_its_mixtures(exact: Model, steps: list[int]) -> None:
    pair, prefix_cache = Pair(exact, replace(exact)), PrefixCache()
    written(Mixture(pair, 0.5), PROMPT, prefix_cache, 3)
    for weight in (0.5, 0.2):
        mixture = Mixture(pair, weight)
        expected = written(mixture, PROMPT, None, 4)
        steps.clear()
        assert written(mixture, PROMPT, prefix_cache, 4) == expected
        assert len(steps) == 40


def test_in_window_context_nothing_is_cached(exact: Model) -> None:
    prefix_cache = PrefixCache()
    texts = [written(exact, PROMPT, some, 3, context="window") for some in (prefix_cache, prefix_cache, None)]
    assert texts[0] == texts[1] == texts[2]
    assert prefix_cache.longest(exact, list(range(99))) == (0, None)


def test_the_longest_prefix_is_found_and_at_least_one_id_is_left_to_read(exact: Model) -> None:
    prefix_cache, ids = PrefixCache(), list(range(100))
    prefix_cache.put(exact, ids[:60], "sixty")
    prefix_cache.put(exact, ids[:80], "eighty")
    assert prefix_cache.longest(exact, ids) == (80, "eighty")
    assert prefix_cache.longest(exact, ids[:80]) == (60, "sixty")
    assert prefix_cache.longest(exact, ids[:60]) == (0, None)
    assert prefix_cache.longest(exact, ids[1:]) == (0, None)
    prefix_cache.put(exact, ids[:80], "again")
    assert prefix_cache.longest(exact, ids) == (80, "again")


def test_short_texts_are_not_cached_and_the_oldest_are_dropped(exact: Model) -> None:
    prefix_cache = PrefixCache(3 * (OVERHEAD + 4 * 60))
    prefix_cache.put(exact, [1] * (SHORTEST - 1), "short")
    assert prefix_cache.longest(exact, [1] * 99) == (0, None)
    for first in range(4):
        prefix_cache.put(exact, [first] * 60, first)
    assert [prefix_cache.longest(exact, [first] * 61)[0] for first in range(4)] == [0, 60, 60, 60]


def test_the_cache_never_exceeds_its_limit_of_bytes(exact: Model) -> None:
    prefix_cache = PrefixCache(50_000)
    state = exact.decoder.streams(1).save_state(0)
    for length in (*range(60, 600, 60), 20_000, 60):
        prefix_cache.put(exact, list(range(length)), state)
        assert prefix_cache.bytes <= 50_000
    assert prefix_cache.longest(exact, list(range(61)))[0] == 60
