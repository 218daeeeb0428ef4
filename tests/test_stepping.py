"""One character at a time: the gates give the network's own state, and a held unit keeps its value."""

import torch

from model.analysis.stepping import step, steps, write_fixed
from model.generation import GenerationConfig, Request, generate
from model.loaded import Model
from model.serving.work import finish

IDS = [3, 7, 1, 0, 12]


def test_steps_compute_what_the_network_computes(model: Model) -> None:
    network = model.network
    logits, (hidden, cell) = network(torch.tensor([IDS]), network.zero_state(1))
    state = network.zero_state(1)
    for id in IDS:
        one, state = step(network, id, state)
    torch.testing.assert_close(one.logits, logits[0, -1])
    torch.testing.assert_close(state, (hidden, cell))


def test_the_gates_make_the_cell_and_the_hidden_state(model: Model) -> None:
    before, after = steps(model, "hot")[-2:]
    torch.testing.assert_close(after.cell, after.f * before.cell + after.i * after.g)
    torch.testing.assert_close(after.hidden, after.o * after.cell.tanh())
    assert len(steps(model, "hot")) == 4, "the start of a line stands before"
    for gate in (after.i, after.f, after.o):
        assert ((gate >= 0) & (gate <= 1)).all()


def test_a_held_unit_has_its_value_at_once_and_changes_the_layers_above(model: Model) -> None:
    network, state = model.network, model.network.zero_state(1)
    free, _ = step(network, 3, state)
    held, after = step(network, 3, state, {(0, 5): 0.75})
    assert held.hidden[0, 5] == after[0][0, 0, 5] == 0.75
    assert not torch.equal(held.hidden[1], free.hidden[1])
    assert not torch.equal(held.logits, free.logits)


def test_writing_with_a_held_unit_is_repeatable_and_gives_another_text(model: Model) -> None:
    config = GenerationConfig(length=40, seed=3, temperature=0.8)

    def written(fixed: dict[tuple[int, int], float]) -> str:
        request = Request(model, "the old ", config)
        finish(write_fixed(request, model.network, fixed))
        return request.text

    assert written({}) == "".join(generate(model, "the old ", config)), "holding nothing changes nothing"
    assert written({(0, 5): 1.0}) == written({(0, 5): 1.0}) != written({})


def test_a_cancelled_request_writes_nothing(model: Model) -> None:
    request = Request(model, "the old ", GenerationConfig(length=40))
    request.cancel()
    finish(write_fixed(request, model.network, {}))
    assert request.text == ""
