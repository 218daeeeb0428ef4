"""The adapted output layer: it takes the steps of autograd, and no prediction uses later characters."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.adaptation import DECAY, EPSILON, EVERY, RATE, AdaptedOutput
from tests.conftest import H, V


@pytest.fixture
def output() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(H, V)


def some_text(characters: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return hidden states (T, H) and the ids (T,) that mostly follow from them."""
    chance = torch.Generator().manual_seed(seed)
    following = torch.randint(V, (characters,), generator=chance)
    hidden = F.one_hot(following % H, H) + 0.3 * torch.randn(characters, H, generator=chance)
    return hidden.tanh(), following


def by_autograd(output: nn.Linear, hidden: Tensor, following: Tensor) -> Tensor:
    """Return the logits (T, V) of `AdaptedOutput.read`, but by torch's own gradients, with weights and bias apart."""
    layer = nn.Linear(H, V)
    layer.load_state_dict(output.state_dict())
    squares = {parameter: torch.zeros_like(parameter) for parameter in layer.parameters()}
    parts = []
    for step, (block, ids) in enumerate(zip(hidden.split(EVERY), following.split(EVERY), strict=True), start=1):
        logits = layer(block)
        parts.append(logits.detach())
        layer.zero_grad()
        F.cross_entropy(logits, ids).backward()
        with torch.no_grad():
            for parameter, mean in squares.items():
                assert parameter.grad is not None
                mean.mul_(DECAY).add_((1 - DECAY) * parameter.grad**2)
                parameter.sub_(RATE * parameter.grad / ((mean / (1 - DECAY**step)).sqrt() + EPSILON))
    return torch.cat(parts)


def test_it_takes_the_same_steps_as_autograd(output: nn.Linear) -> None:
    hidden, following = some_text(9 * EVERY)
    expected = by_autograd(output, hidden, following)
    torch.testing.assert_close(AdaptedOutput(output).read(hidden, following), expected, rtol=1e-4, atol=1e-4)
    assert (expected - output(hidden).detach()).abs().max() > 0.01


def test_the_first_block_is_predicted_as_by_the_network_and_the_network_stays_unchanged(output: nn.Linear) -> None:
    hidden, following = some_text(5 * EVERY)
    before = output(hidden).detach()
    logits = AdaptedOutput(output).read(hidden, following)
    torch.testing.assert_close(logits[:EVERY], before[:EVERY])
    assert not torch.allclose(logits[EVERY:], before[EVERY:])
    assert torch.equal(output(hidden).detach(), before)


def test_later_characters_change_no_earlier_prediction(output: nn.Linear) -> None:
    hidden, following = some_text(6 * EVERY)
    logits = AdaptedOutput(output).read(hidden, following)
    for t in (0, EVERY - 1, 2 * EVERY, 4 * EVERY + 5):
        others = following.clone()
        others[t:] = (others[t:] + 1) % V
        changed = AdaptedOutput(output).read(hidden, others)
        block_end = (t // EVERY + 1) * EVERY
        assert torch.equal(changed[:block_end], logits[:block_end])
        assert not torch.equal(changed[block_end:], logits[block_end:])


def test_predictions_improve_while_a_text_is_read(output: nn.Linear) -> None:
    hidden, following = some_text(150 * EVERY)
    logits = AdaptedOutput(output).read(hidden, following)
    nats = [F.cross_entropy(logits[part], following[part]) for part in (slice(10 * EVERY), slice(140 * EVERY, None))]
    assert nats[1] < nats[0] - 0.1
    assert nats[1] < F.cross_entropy(output(hidden[140 * EVERY :]), following[140 * EVERY :]) - 0.1


@pytest.mark.parametrize("left_over", [0, 1, EVERY - 1])
def test_reading_character_by_character_learns_the_same(output: nn.Linear, left_over: int) -> None:
    hidden, following = some_text(4 * EVERY + left_over)
    at_once, in_steps = AdaptedOutput(output), AdaptedOutput(output)
    at_once.read(hidden, following)
    for h, id in zip(hidden, following, strict=True):
        in_steps.add(h, int(id))
    assert torch.equal(at_once.weights, in_steps.weights)
    torch.testing.assert_close(in_steps.logits(hidden[3]), at_once.read(hidden[3:4], following[:0])[0])


def test_the_last_id_may_be_unknown(output: nn.Linear) -> None:
    hidden, following = some_text(3 * EVERY)
    with_last, without = AdaptedOutput(output), AdaptedOutput(output)
    assert torch.equal(with_last.read(hidden, following), without.read(hidden, following[:-1]))
    assert not torch.equal(with_last.weights, without.weights)


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize(("v", "h"), [(V, H), (65, 512), (97, 832)])
def test_it_learns_the_same_bit_for_bit_with_any_number_of_threads(v: int, h: int) -> None:
    torch.manual_seed(1)
    output, hidden, following = nn.Linear(h, v), torch.rand(4 * EVERY, h), torch.randint(v, (4 * EVERY,))
    learned = []
    for threads in (1, 2, 3, 4):
        torch.set_num_threads(threads)
        adapted = AdaptedOutput(output)
        logits = adapted.read(hidden, following)
        learned.append((logits, adapted.weights, adapted.logits(hidden[7])))
    for others in learned[1:]:
        assert all(torch.equal(one, other) for one, other in zip(learned[0], others, strict=True))
