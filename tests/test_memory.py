"""What is remembered of texts that were read: that it saves reading, and that it changes nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model import generation
from model.checkpoint import Checkpoint
from model.generation import Batch, GenerationConfig, Writer
from model.memory import SHORTEST, Memory
from model.mixture import Mixture, Model

PROMPT = "the old tale\nabide in it. " * 7


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many characters were read at each step."""
    taken: list[int] = []
    read = generation._Carried.__call__

    def counted(reader: Any, ids: NDArray[np.int64]) -> Any:
        taken.append(len(ids))
        return read(reader, ids)

    monkeypatch.setattr(generation._Carried, "__call__", counted)
    return taken


def written(
    model: Model, prompt: str, memory: Memory | None, *seeds: int, length: int = 40, **options: Any
) -> list[str]:
    batch = Batch(model, memory)
    writers = [Writer(model, prompt, GenerationConfig(length=length, seed=seed, **options)) for seed in seeds]
    for writer in writers:
        batch.join(writer)
    while batch.everyone:
        batch.step()
    return [writer.text for writer in writers]


def test_a_text_that_is_gone_on_with_is_not_read_again_and_is_the_same(exact: Checkpoint, steps: list[int]) -> None:
    memory = Memory()
    [first] = written(exact, PROMPT, memory, 3)
    longer = PROMPT + first + " and a"
    expected = written(exact, longer, None, 4)
    steps.clear()
    assert written(exact, longer, memory, 4) == expected
    assert len(steps) == len(" and a") + 40  # what was written last had not been read yet, and one step is the first


def test_another_try_and_several_takes_begin_where_the_prompt_was_read(exact: Checkpoint, steps: list[int]) -> None:
    memory = Memory()
    written(exact, PROMPT, memory, 3)
    expected = [written(exact, PROMPT, None, seed)[0] for seed in (4, 5, 6)]
    steps.clear()
    assert written(exact, PROMPT, memory, 4, 5, 6) == expected
    assert steps == [3] * 40


def test_a_text_that_was_broken_off_is_gone_on_with_too(exact: Checkpoint, steps: list[int]) -> None:
    memory = Memory()
    batch, writer = Batch(exact, memory), Writer(exact, PROMPT, GenerationConfig(seed=3))
    batch.join(writer)
    while len(writer.characters) < 9:
        batch.step()
    writer.cancel()
    batch.step()
    assert not batch.everyone
    steps.clear()
    longer = PROMPT + writer.text
    assert written(exact, longer, memory, 8) == written(exact, longer, None, 8)
    assert steps[:40] == [1] * 40
    assert len(steps) == 2 * 40 + len(longer) - 1


def test_another_text_or_another_model_is_read(exact: Checkpoint, steps: list[int]) -> None:
    memory = Memory()
    written(exact, PROMPT, memory, 3)
    other = replace(exact, sampling=exact.sampling)
    for model, prompt in ((exact, "a" + PROMPT), (exact, PROMPT[:-9]), (other, PROMPT)):
        steps.clear()
        assert written(model, prompt, memory, 3, length=1) == written(model, prompt, None, 3, length=1)
        assert len(steps) == 2 * len(prompt)


def test_what_two_models_have_read_is_remembered_as_well(exact: Checkpoint, steps: list[int]) -> None:
    mixture, memory = Mixture(exact, replace(exact), 0.5), Memory()
    written(mixture, PROMPT, memory, 3)
    expected = written(mixture, PROMPT, None, 4)
    steps.clear()
    assert written(mixture, PROMPT, memory, 4) == expected
    assert len(steps) == 40


def test_of_the_last_hundred_characters_alone_nothing_is_remembered(exact: Checkpoint) -> None:
    memory = Memory()
    texts = [written(exact, PROMPT, some, 3, context="window") for some in (memory, memory, None)]
    assert texts[0] == texts[1] == texts[2]
    assert memory.recall(exact, list(range(99))) == (0, None)


def test_the_longest_beginning_is_recalled_and_something_is_left_to_read(exact: Checkpoint) -> None:
    memory, ids = Memory(), list(range(100))
    memory.keep(exact, ids[:60], "sixty")
    memory.keep(exact, ids[:80], "eighty")
    assert memory.recall(exact, ids) == (80, "eighty")
    assert memory.recall(exact, ids[:80]) == (60, "sixty")
    assert memory.recall(exact, ids[:60]) == (0, None)
    assert memory.recall(exact, ids[1:]) == (0, None)
    memory.keep(exact, ids[:80], "again")
    assert memory.recall(exact, ids) == (80, "again")


def test_short_texts_are_not_worth_it_and_old_ones_are_forgotten(exact: Checkpoint) -> None:
    memory = Memory(texts=3)
    memory.keep(exact, [1] * (SHORTEST - 1), "short")
    assert memory.recall(exact, [1] * 99) == (0, None)
    for first in range(4):
        memory.keep(exact, [first] * 60, first)
    assert [memory.recall(exact, [first] * 61)[0] for first in range(4)] == [0, 60, 60, 60]
