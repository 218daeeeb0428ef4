"""The decoder is the network itself, a step at a time."""

import pytest
import torch

from model.decoder import Decoder
from model.lstm import CharLSTM, LSTMConfig
from tests.conftest import B, E, H, T, V, lively

CONFIGS = [
    LSTMConfig(embedding_size=E, hidden_size=H, layers=1),
    LSTMConfig(embedding_size=E, hidden_size=H, layers=3),
    LSTMConfig(input_encoding="scaled", hidden_size=H, layers=1),
    LSTMConfig(input_encoding="scaled", hidden_size=H, layers=2),
]


@pytest.fixture(params=CONFIGS, ids=lambda config: f"{config.input_encoding}, {config.layers} layers")
def network(request: pytest.FixtureRequest) -> CharLSTM:
    return lively(request.param)


@torch.inference_mode()
def test_its_steps_give_the_networks_logits_and_state_to_a_hundred_thousandth(network: CharLSTM) -> None:
    decoder = Decoder(network)
    ids = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))
    expected, expected_state = network(ids, network.zero_state(B))
    state = network.zero_state(B)
    for t in range(T):
        logits, state = decoder(ids[:, t], state)
        assert logits.shape == (B, V)
        torch.testing.assert_close(logits, expected[:, t], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(state, expected_state, rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_it_goes_on_from_a_state_that_the_network_has_reached(network: CharLSTM) -> None:
    ids = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(2))
    expected, _ = network(ids, network.zero_state(B))
    _, state = network(ids[:, :-1], network.zero_state(B))
    logits, _ = Decoder(network)(ids[:, -1], state)
    torch.testing.assert_close(logits, expected[:, -1], rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_a_step_leaves_the_state_it_was_given_as_it_was(network: CharLSTM) -> None:
    state = tuple(torch.randn(network.config.layers, B, H) for _ in range(2))
    before = [part.clone() for part in state]
    Decoder(network)(torch.tensor([1, 2, 3]), (state[0], state[1]))
    assert all(torch.equal(part, old) for part, old in zip(state, before, strict=True))
