"""The least memory that a training run needs, and the errors where memory is too small."""

import pytest
import torch

from model.lstm import CharLSTM
from training import memory
from training.optimization import optimizers
from training.recipes import MODERN

CPU = torch.device("cpu")
V = 13


@pytest.mark.parametrize("options", [{"optimizer": "muon", "ema_decay": 0.0}, {"optimizer": "adamw", "ema_decay": 0.9}])
def test_the_least_memory_is_close_to_the_bytes_that_a_step_holds(options: dict[str, object]) -> None:
    recipe = MODERN.with_options({"hidden_size": 64, "layers": 3, "batch_size": 2, "window": 5, **options})
    network = CharLSTM(recipe.network, V)
    chosen = optimizers(network, recipe)
    logits, _ = network(torch.zeros(2, 5, dtype=torch.int64), network.zero_state(2))
    logits.sum().backward()
    for optimizer in chosen:
        optimizer.step()
    held = [tensor for parameter in network.parameters() for tensor in (parameter, parameter.grad)]
    held += [value for optimizer in chosen for state in optimizer.state.values() for value in state.values()]
    taken = sum(tensor.nbytes for tensor in held if tensor is not None)
    taken += sum(parameter.nbytes for parameter in network.parameters()) * (2 if recipe.ema_decay else 1)
    assert taken / 2 < memory.least(recipe, V) < 1.2 * taken


def test_only_a_network_that_cannot_fit_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    memory.check(MODERN, V, CPU)
    monkeypatch.setattr("model.hardware.memory", lambda _: memory.least(MODERN, V) - 1)
    with pytest.raises(ValueError, match=r"\Ato train this .* GB of memory, but there are only .*--window\Z"):
        memory.check(MODERN, V, CPU)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 5 bytes"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("can't allocate memory"), False),
    ],
    ids=str,
)
def test_only_errors_of_too_little_memory_become_memory_errors(error: Exception, told: bool) -> None:
    with pytest.raises(MemoryError if told else type(error)) as raised, memory.explained():
        raise error
    assert ("not enough memory" in str(raised.value)) == told


def test_torchs_own_error_is_recognised() -> None:
    with pytest.raises(MemoryError, match="not enough memory"), memory.explained():
        torch.zeros(10**15)
