"""The network: its equations, its state and its kinds of dropout."""

import math

import pytest
import torch
from torch import Tensor, nn

from model import hardware, reference
from model.lstm import CharLSTM, LSTMConfig, State, locked_dropout
from tests.conftest import B, E, H, T, V, lively

L = 2
DROPOUTS = {"dropout_input": 0.5, "dropout_hidden": 0.5, "dropout_output": 0.5, "weight_drop": 0.5}


def some_ids(streams: int = B, steps: int = T) -> Tensor:
    return torch.randint(V, (streams, steps), generator=torch.Generator().manual_seed(1))


def some_state(streams: int = B) -> State:
    numbers = torch.Generator().manual_seed(2)
    return torch.randn(L, streams, H, generator=numbers), torch.randn(L, streams, H, generator=numbers)


def assert_close(a: Tensor | State, b: Tensor | State) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


# ---- what it computes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["embedding", "scaled"])
def test_ids_and_a_state_give_logits_and_a_state_of_the_promised_shapes(encoding: str) -> None:
    network = lively(LSTMConfig(encoding, embedding_size=E, hidden_size=H, layers=L))  # type: ignore[arg-type]
    logits, (hidden, cell) = network(some_ids(), network.zero_state(B))
    assert logits.shape == (B, T, V)
    assert hidden.shape == cell.shape == (L, B, H)
    assert logits.dtype == hidden.dtype == cell.dtype == torch.float32
    read, _ = network.read(some_ids(), network.zero_state(B))
    assert read.shape == (B, T, H)
    assert_close(network.output(read), logits)


def test_the_state_before_any_character_is_zero(network: CharLSTM) -> None:
    for part in network.zero_state(B):
        assert torch.equal(part, torch.zeros(L, B, H))


@pytest.mark.parametrize("output_reads", ["last", "sum"])
@pytest.mark.parametrize("encoding", ["embedding", "scaled"])
def test_the_network_agrees_with_the_equations_written_out(encoding: str, output_reads: str) -> None:
    network = lively(LSTMConfig(encoding, E, H, L, output_reads), scale=2)  # type: ignore[arg-type]
    with torch.no_grad():
        logits, (hidden, cell) = network(some_ids(), some_state())
        for b, ids in enumerate(some_ids().tolist()):
            h, c = (part[:, b : b + 1] for part in some_state())
            for t, id in enumerate(ids):
                expected, (h, c) = reference.step(network, id, (h, c))
                assert_close(logits[b, t], expected)
            assert_close((hidden[:, b : b + 1], cell[:, b : b + 1]), (h, c))


def test_a_scaled_input_is_the_id_divided_by_the_size_of_the_vocabulary() -> None:
    network = CharLSTM(LSTMConfig("scaled", hidden_size=H, layers=1), V)
    ids = some_ids()
    reference = nn.LSTM(1, H, batch_first=True)
    reference.load_state_dict({name: network.layers[0].get_parameter(name) for name in reference.state_dict()})
    expected, _ = reference(ids.float()[:, :, None] / V)
    hidden, _ = network.read(ids, network.zero_state(B))
    assert_close(hidden, expected)
    assert network.embedding is None


@pytest.mark.parametrize("chunks", [[1, 1, 1, 1, 1], [2, 3], [4, 1]])
def test_one_long_sequence_equals_its_chunks_with_carried_state(network: CharLSTM, chunks: list[int]) -> None:
    whole, end = network(some_ids(), some_state())
    parts, state = [], some_state()
    for chunk in some_ids().split(chunks, dim=1):
        logits, state = network(chunk, state)
        parts.append(logits)
    assert_close(torch.cat(parts, dim=1), whole)
    assert_close(state, end)


def test_streams_read_side_by_side_equal_each_read_alone(network: CharLSTM) -> None:
    together, (hidden, cell) = network(some_ids(), some_state())
    for b in range(B):
        alone, state = network(some_ids()[b : b + 1], tuple(part[:, b : b + 1] for part in some_state()))
        assert_close(alone, together[b : b + 1])
        assert_close(state, (hidden[:, b : b + 1], cell[:, b : b + 1]))


def test_later_characters_change_no_earlier_logits(network: CharLSTM) -> None:
    ids = some_ids()
    changed = ids.clone()
    changed[:, 3:] = (ids[:, 3:] + 1) % V
    before, _ = network(ids, some_state())
    after, _ = network(changed, some_state())
    assert_close(after[:, :3], before[:, :3])
    assert not torch.allclose(after[:, 3:], before[:, 3:])


def test_reading_leaves_the_given_state_as_it_was(network: CharLSTM) -> None:
    state = some_state()
    network(some_ids(), state)
    assert all(torch.equal(a, b) for a, b in zip(state, some_state(), strict=True))


@pytest.mark.skipif(not hardware.has_bfloat16(torch.device("cpu")), reason="oneDNN has no LSTM in bfloat16 here")
def test_the_network_runs_under_bfloat16_autocast_and_stays_near_float32() -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=L), scale=1)
    exact, _ = network(some_ids(), network.zero_state(B))
    with torch.autocast("cpu", torch.bfloat16):
        logits, state = network(some_ids(), network.zero_state(B))
        network(some_ids(), state)
    assert logits.dtype == torch.bfloat16
    assert (logits.float() - exact).abs().max() < 0.1 * exact.abs().max()


# ---- dropout ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", DROPOUTS)
def test_each_kind_of_dropout_is_random_in_training_mode_and_absent_in_evaluation_mode(dropout: str) -> None:
    torch.manual_seed(0)
    plain = LSTMConfig(embedding_size=E, hidden_size=H, layers=L)
    network = CharLSTM(LSTMConfig(embedding_size=E, hidden_size=H, layers=L, **{dropout: 0.5}), V)  # type: ignore[arg-type]
    without = CharLSTM(plain, V)
    without.load_state_dict(network.state_dict())
    state = some_state()

    network.train()
    assert not torch.allclose(network(some_ids(), state)[0], network(some_ids(), state)[0])
    network.eval()
    assert torch.equal(network(some_ids(), state)[0], without(some_ids(), state)[0])


def test_a_network_without_dropout_is_the_same_in_training_mode(network: CharLSTM) -> None:
    expected, _ = network(some_ids(), some_state())
    logits, _ = network.train()(some_ids(), some_state())
    assert_close(logits, expected)


def test_locked_dropout_has_one_mask_for_all_time_steps_and_another_for_each_stream() -> None:
    torch.manual_seed(0)
    dropped = locked_dropout(torch.ones(B, 50, H), 0.5, training=True)
    assert torch.equal(dropped, dropped[:, :1].expand(B, 50, H))
    assert len(dropped[:, 0].unique(dim=0)) == B


def test_locked_dropout_drops_its_share_and_scales_up_the_rest() -> None:
    torch.manual_seed(0)
    dropped = locked_dropout(torch.ones(500, 2, 100), 0.2, training=True)
    assert dropped.unique().tolist() == pytest.approx([0, 1.25])
    assert (dropped == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)


def layers_ran_with(config: LSTMConfig) -> tuple[list[Tensor], list[Tensor], Tensor, CharLSTM]:
    """Run a forward pass in training mode; return the layers' inputs and recurrent weights, the output, the network."""
    torch.manual_seed(0)
    network = CharLSTM(config, V).train()
    inputs: list[Tensor] = []
    weights: list[Tensor] = []

    def note(layer: nn.LSTM, arguments: tuple[Tensor, State]) -> None:
        inputs.append(arguments[0].detach().clone())
        weights.append(layer.all_weights[0][1].detach().clone())  # weight_hh_l0, as it is during the pass

    for layer in network.layers:
        layer.register_forward_pre_hook(note)
    output, _ = network.read(some_ids(), some_state())
    return inputs, weights, output, network


@pytest.mark.parametrize("place", ["dropout_input", "dropout_hidden", "dropout_output"])
def test_dropout_drops_the_same_numbers_at_every_step_of_a_window(place: str) -> None:
    config = LSTMConfig(embedding_size=E, hidden_size=H, layers=L, **{place: 0.5})  # type: ignore[arg-type]
    inputs, _, output, _ = layers_ran_with(config)
    vectors = {"dropout_input": inputs[0], "dropout_hidden": inputs[1], "dropout_output": output}
    for name, x in vectors.items():
        zero = x == 0  # (B, T, E or H)
        assert zero.any() == (name == place)
        assert torch.equal(zero, zero[:, :1].expand_as(zero))


def test_weight_drop_zeroes_recurrent_weights_once_for_the_whole_window() -> None:
    config = LSTMConfig(embedding_size=E, hidden_size=H, layers=L, weight_drop=0.4)
    inputs, used, _, network = layers_ran_with(config)
    assert [x.size(1) for x in inputs] == [T] * L  # each layer runs once over the whole window
    for weights, layer in zip(used, network.layers, strict=True):
        kept = weights != 0
        assert 0.3 < 1 - kept.float().mean().item() < 0.5
        assert_close(weights[kept], layer.get_parameter("weight_hh_l0").detach()[kept] / 0.6)


def test_weight_drop_leaves_the_weights_as_they_are_and_lets_the_gradient_reach_them() -> None:
    torch.manual_seed(0)
    network = CharLSTM(LSTMConfig(embedding_size=E, hidden_size=H, layers=L, weight_drop=0.4), V).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network(some_ids(), some_state())[0].square().sum().backward()
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    for layer in network.layers:
        gradient = layer.get_parameter("weight_hh_l0").grad
        assert gradient is not None
        assert 0.3 < (gradient == 0).float().mean().item() < 0.5  # none for those that were dropped


def test_training_with_all_kinds_of_dropout_reaches_every_weight() -> None:
    torch.manual_seed(0)
    network = CharLSTM(LSTMConfig(embedding_size=E, hidden_size=H, layers=L, **DROPOUTS), V).train()  # type: ignore[arg-type]
    network(torch.arange(V)[None], network.zero_state(1))[0].logsumexp(-1).sum().backward()
    for name, weights in network.named_parameters():
        assert weights.grad is not None, name
        assert weights.grad.abs().sum() > 0, name


# ---- its sizes -------------------------------------------------------------------------------------------------------


def test_the_number_of_weights_follows_from_the_sizes() -> None:
    network = CharLSTM(LSTMConfig(embedding_size=E, hidden_size=H, layers=L), V)
    layers = 4 * H * (E + H + 2) + 4 * H * (H + H + 2)
    assert sum(weights.numel() for weights in network.parameters()) == V * E + layers + H * V + V


def test_the_tutorials_network_is_one_lstm_layer_and_one_linear_layer() -> None:
    shapes = {
        tuple(weights.shape) for weights in CharLSTM(LSTMConfig("scaled", hidden_size=H, layers=1), V).parameters()
    }
    assert shapes == {(4 * H, 1), (4 * H, H), (4 * H,), (V, H), (V,)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_size": 0},
        {"hidden_size": 2.5},
        {"layers": 0},
        {"layers": 17},
        {"embedding_size": 0},
        {"dropout_input": 1.0},
        {"dropout_hidden": -0.1},
        {"dropout_output": math.nan},
        {"weight_drop": "0.5"},
        {"input_encoding": "one-hot"},
    ],
    ids=str,
)
def test_sizes_and_rates_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", " ")):
        LSTMConfig(**wrong)  # type: ignore[arg-type]
