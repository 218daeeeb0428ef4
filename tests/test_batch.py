"""Requests that advance together: each gives the text that it gives alone, and none delays another."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.checkpoint import load
from model.generation import GenerationConfig, Request, generate
from model.loaded import Model
from model.serving.batch import Batch
from model.serving.prefix_cache import PrefixCache

ASSETS = Path(__file__).parent.parent / "assets"
PROMPT = "the old tale\nabide in it"


def settings(seed: int, **options: Any) -> GenerationConfig:
    """Return settings that vary with `seed`, except for the given `options`."""
    chance = random.Random(seed)
    own = {
        "temperature": chance.choice([0, 0.5, 1, 2]),
        "top_k": chance.choice([0, 3]),
        "length": chance.randint(1, 80),
    }
    return GenerationConfig(**{**own, "top_p": chance.choice([1, 0.8]), "seed": seed, **options})


@pytest.mark.parametrize("name", ["tiny", "alice"])
def test_64_requests_that_join_and_leave_at_random_give_the_texts_they_give_alone(exact: Model, name: str) -> None:
    model = exact if name == "tiny" else load(ASSETS / name)
    chance = random.Random(1)
    prompts = [PROMPT[chance.randrange(12) :][: chance.randint(0, 12)] for _ in range(64)]
    requests = [Request(model, prompt, settings(seed)) for seed, prompt in enumerate(prompts)]
    batch, to_come = Batch(model), list(requests)
    while not all(request.done for request in requests):
        for _ in range(min(chance.choice([0, 0, 1, 5]), len(to_come))):
            request = to_come.pop()
            assert batch.accepts(request)
            batch.join(request)
        batch.step()
    for seed, (prompt, request) in enumerate(zip(prompts, requests, strict=True)):
        assert request.text == "".join(generate(model, prompt, settings(seed)))
    assert len({request.text for request in requests}) > 50


def test_adapting_and_other_requests_in_one_batch_give_the_texts_they_give_alone(exact: Model) -> None:
    # The prefix cache must give adapting requests no state: they learn while they read the prompt.
    batch = Batch(exact, PrefixCache())
    for round in range(2):
        prompts = [PROMPT * (2 + seed % 3) for seed in range(8)]
        requests = [Request(exact, prompts[seed], settings(seed, adapt=seed % 2 == 0)) for seed in range(8)]
        for request in requests:
            assert batch.accepts(request)
            batch.join(request)
        while not all(request.done for request in requests):
            batch.step()
        for request, prompt in zip(requests, prompts, strict=True):
            assert request.text == "".join(generate(exact, prompt, request.config)), round
    learned = GenerationConfig(length=200, seed=3, adapt=True)
    plain = replace(learned, adapt=False)
    assert len({"".join(generate(exact, PROMPT * 20, config)) for config in (learned, plain)}) == 2


def test_a_request_that_cannot_adapt_fails_alone(exact: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: Any) -> None:
        raise MemoryError("out of memory")

    requests = [Request(exact, PROMPT * 3, GenerationConfig(length=20, adapt=adapt)) for adapt in (False, True)]
    batch = Batch(exact)
    for request in requests:
        batch.join(request)
    monkeypatch.setattr(requests[1], "adapt", no_memory)
    while not all(request.done for request in requests):
        batch.step()
    assert [request.failed for request in requests] == [False, True]
    assert len(requests[0].text) == 20


def test_a_prompt_that_is_being_read_delays_no_other_request(exact: Model) -> None:
    first = Request(exact, "a", settings(1, length=500))
    long = Request(exact, PROMPT * 10, settings(2, length=5))
    batch = Batch(exact)
    batch.join(first)
    batch.step()
    batch.join(long)
    for step in range(len(PROMPT) * 10 + 5):
        assert len(first.characters) == step + 1
        assert len(long.characters) == max(0, step - len(PROMPT) * 10 + 1)
        batch.step()
    assert long.done


def test_a_request_with_a_short_prompt_waits_for_steps_and_one_with_a_long_prompt_does_not(exact: Model) -> None:
    batch = Batch(exact)
    batch.join(Request(exact, PROMPT * 9, GenerationConfig()))
    batch.step()
    assert not batch.writing
    batch.join(Request(exact, PROMPT[:7], GenerationConfig()))
    batch.step()
    assert batch.writing


def test_a_cancelled_request_stops_and_the_others_go_on(exact: Model) -> None:
    requests = [Request(exact, "a", settings(seed, length=60)) for seed in range(3)]
    batch = Batch(exact)
    for request in requests:
        batch.join(request)
    for _ in range(10):
        batch.step()
    requests[1].cancel()
    assert requests[1].done
    assert not requests[0].done
    while not all(request.done for request in requests):
        batch.step()
    assert [len(request.text) for request in requests] == [60, 10, 60]
    for seed in (0, 2):
        assert requests[seed].text == "".join(generate(exact, "a", settings(seed, length=60)))


def test_only_requests_for_one_exact_model_with_carried_context_share_a_batch(exact: Model) -> None:
    def accepted(*requests: tuple[Model, str]) -> bool:
        *present, last = [Request(model, "a", settings(1, context=context)) for model, context in requests]
        batch = Batch(requests[0][0])
        for request in present:
            batch.join(request)
        return batch.accepts(last)

    plain = replace(exact)
    assert not plain.decoder.exact
    assert accepted((exact, "carried"), (exact, "carried"))
    assert not accepted((exact, "carried"), (exact, "window"))
    assert not accepted((exact, "window"), (exact, "carried"))
    assert not accepted((exact, "carried"), (replace(exact), "carried"))
    assert not accepted((plain, "carried"), (plain, "carried"))
    assert accepted((plain, "window"))


@pytest.mark.parametrize("options", [{}, {"temperature": 0}, {"top_k": 1}, {"top_p": 0.5}, {"min_p": 1}], ids=str)
def test_each_character_uses_exactly_one_random_number(model: Model, options: dict[str, Any]) -> None:
    request = Request(model, "a", GenerationConfig(seed=3, **options))
    reference = np.random.default_rng(3)
    batch = Batch(model)
    batch.join(request)
    for _ in range(20):
        batch.step()
        reference.random()
        assert request.random.bit_generator.state == reference.bit_generator.state


def test_a_prompt_that_could_not_be_read_leaves_no_state_in_the_cache(
    exact: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, prompt = PrefixCache(), PROMPT * 5
    batch, request = Batch(exact, cache), Request(exact, prompt, settings(1))
    batch.join(request)
    batch.step()

    def fails(*_: object) -> None:
        raise MemoryError("no memory")

    with monkeypatch.context() as patched:
        patched.setattr(type(batch.reader.streams), "prefill", fails)
        batch.prefill(100)
    assert request.failed
    batch.step()
    again = Request(exact, prompt, settings(1))
    batch.join(again)
    while not again.done:
        batch.step()
    assert again.text == "".join(generate(exact, prompt, again.config))


def test_the_prompt_with_the_fewest_unread_characters_is_read_first(exact: Model) -> None:
    batch, requests = Batch(exact), [Request(exact, PROMPT * n, settings(n)) for n in (9, 3, 5)]
    for request in requests:
        batch.join(request)
    batch.step()
    before = [len(request.unread) for request in requests]
    assert batch.reading
    assert batch.prefill(20) == 20
    assert [b - len(request.unread) for b, request in zip(before, requests, strict=True)] == [0, 20, 0]
