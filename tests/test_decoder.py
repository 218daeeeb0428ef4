"""The decoder computes what the network computes, one step at a time, and a stream is the same in every batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model import reference
from model.checkpoint import as_stored, load
from model.decoder import STEPS, Decoder, Streams
from model.lstm import CharLSTM, LSTMConfig
from model.product import ROUTINES, is_exact
from model.quantization import quantize
from tests.conftest import B, E, H, T, V, lively

ASSETS = Path(__file__).parent.parent / "assets"
CONFIGS = [
    LSTMConfig(embedding_size=E, hidden_size=H, layers=1),
    LSTMConfig(embedding_size=E, hidden_size=H, layers=3),
    LSTMConfig(input_encoding="scaled", hidden_size=H, layers=1),
    LSTMConfig(input_encoding="scaled", hidden_size=H, layers=2),
    LSTMConfig(embedding_size=E, hidden_size=H, layers=3, output_reads="sum"),
]
EXACT, PLAIN = True, False


@pytest.fixture(params=CONFIGS, ids=lambda c: f"{c.input_encoding}, {c.layers} layers, {c.output_reads}")
def network(request: pytest.FixtureRequest) -> CharLSTM:
    return lively(request.param)


def some_ids(*shape: int, below: int = V) -> NDArray[np.int64]:
    return np.random.default_rng(1).integers(below, size=shape)


def read(decoder: Decoder, ids: NDArray[np.int64], streams: Streams | None = None) -> NDArray[np.float32]:
    """The logits (B, T, V) of steps over ids (B, T)."""
    streams = streams or Streams(decoder, len(ids))
    return np.stack([decoder(column, streams) for column in ids.T], axis=1)


def read_by_reference(network: CharLSTM, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """The logits (B, T, V) by the equations of an LSTM."""
    rows = []
    with torch.inference_mode():
        for row in ids.tolist():
            state = network.zero_state(1)
            for id in row:
                logits, state = reference.step(network, id, state)
                rows.append(logits)
    return torch.stack(rows).view(*ids.shape, -1).numpy()


# ---- it is the network -----------------------------------------------------------------------------------------------


def test_a_float32_decoder_gives_the_logits_of_the_network_to_a_hundred_thousandth(network: CharLSTM) -> None:
    ids = some_ids(B, T)
    np.testing.assert_allclose(
        read(Decoder(network, PLAIN), ids), read_by_reference(network, ids), rtol=1e-5, atol=1e-5
    )


def test_an_exact_decoder_gives_the_logits_to_a_twentieth_if_the_weights_have_common_sizes() -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=3), scale=3, remember=1)
    ids = some_ids(B, 50)
    expected = read_by_reference(network, ids)
    np.testing.assert_allclose(read(Decoder(network, EXACT), ids), expected, atol=0.05)
    assert np.ptp(expected) > 2


def test_only_a_large_network_gets_an_exact_decoder() -> None:
    assert not Decoder(CharLSTM(LSTMConfig("scaled", hidden_size=256, layers=1), V)).exact  # the tutorials' network
    assert Decoder(CharLSTM(LSTMConfig(hidden_size=512, layers=2), V)).exact


def test_streams_continue_from_what_they_have_read_before(network: CharLSTM) -> None:
    decoder, ids = Decoder(network, PLAIN), some_ids(B, T)
    streams = Streams(decoder, B)
    read(decoder, ids[:, :2], streams)
    np.testing.assert_array_equal(read(decoder, ids[:, 2:], streams), read(decoder, ids)[:, 2:])


def test_logits_stay_as_they_were_when_the_streams_move_on(network: CharLSTM) -> None:
    decoder, ids = Decoder(network, PLAIN), some_ids(B, 2)
    streams = Streams(decoder, B)
    first = decoder(ids[:, 0], streams)
    before = first.copy()
    decoder(ids[:, 1], streams)
    np.testing.assert_array_equal(first, before)


def test_a_decoder_stays_the_same_when_its_network_is_trained_further(network: CharLSTM) -> None:
    decoder, ids = Decoder(network, PLAIN), some_ids(B, T)
    before = read(decoder, ids)
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(1)
    np.testing.assert_array_equal(read(decoder, ids), before)


# ---- exactness -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["tiny", "alice"])
def large(request: pytest.FixtureRequest) -> CharLSTM:
    """A network whose decoder is exact by its size (alice) or by the argument `EXACT` (tiny)."""
    return lively(CONFIGS[1]) if request.param == "tiny" else load(ASSETS / "alice").network


def test_an_exact_decoder_computes_tanh_only_of_multiples_of_a_step(
    large: CharLSTM, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, tanh, given = Decoder(large, EXACT), np.tanh, []

    def seen(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        given.append(x.copy())
        tanh(x, out=out)

    monkeypatch.setattr(np, "tanh", seen)
    read(decoder, some_ids(B, T))
    assert len(given) == T * decoder.L * 2
    for each in given:
        np.testing.assert_array_equal(each * STEPS, np.rint(each * STEPS))
        assert (each * STEPS % 2 == 1).any(), "and they are no coarser"


def test_no_sum_can_exceed_what_float32_holds_exactly(large: CharLSTM) -> None:
    decoder = Decoder(large, EXACT)
    for numbers in decoder.numbers:
        assert (numbers.long().abs().sum(1) * 127 <= 2**24).all()
    multiples = (decoder.output.double() * 2**40).long()  # (V, H)
    assert torch.equal(multiples.double() / 2**40, decoder.output.double())
    together = torch.from_numpy(np.bitwise_or.reduce(multiples.numpy(), axis=1))
    step = together & -together  # the largest power of two that divides all multiples of a row
    assert (multiples.abs().sum(1) // step * 127 <= 2**24).all()


def test_a_network_whose_sums_could_exceed_what_float32_holds_exactly_is_not_exact() -> None:
    network = CharLSTM(LSTMConfig(hidden_size=700, layers=2), V)
    assert Decoder(network).exact
    with torch.no_grad():
        network.layers[1].get_parameter("weight_hh_l0")[5] = 1
        network.layers[1].get_parameter("weight_ih_l0")[5] = -1
    assert not Decoder(network).exact
    assert not Decoder(network, EXACT).exact


def test_it_uses_exactly_the_weights_that_a_checkpoint_stores(large: CharLSTM) -> None:
    decoder, stored = Decoder(large, EXACT), quantize(large)
    order = np.arange(4 * decoder.H).reshape(4, decoder.H)[[0, 1, 3, 2]].ravel()
    halved = np.repeat([0.5, 0.5, 0.5, 1], decoder.H)
    for i in range(decoder.L):
        names = [f"layers.{i}.weight_ih_l0"] * (i > 0) + [f"layers.{i}.weight_hh_l0"]
        numbers = torch.cat([stored[name] for name in names], dim=1)[order]
        assert torch.equal(decoder.numbers[i], numbers)
        np.testing.assert_allclose(
            decoder.scales[i], halved * stored[names[0] + ".scale"].numpy()[order] / 127, rtol=1e-6
        )


def test_saving_and_loading_a_network_does_not_change_its_decoder(large: CharLSTM) -> None:
    stored, ids = as_stored(large), some_ids(B, T)
    again = as_stored(stored)
    np.testing.assert_array_equal(read(Decoder(stored, EXACT), ids), read(Decoder(again, EXACT), ids))


def test_an_exact_stream_is_the_same_bit_for_bit_alone_and_in_every_batch(large: CharLSTM) -> None:
    decoder = Decoder(large, EXACT)
    ids = some_ids(70, 12, below=large.vocabulary_size)
    alone = np.concatenate([read(decoder, row[None]) for row in ids])
    for size in (2, 3, 8, 17, 33, 64, 70):
        np.testing.assert_array_equal(read(decoder, ids[:size]), alone[:size])


@pytest.mark.usefixtures("own_process")
def test_an_exact_stream_is_the_same_bit_for_bit_with_every_routine_and_number_of_threads(
    large: CharLSTM, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = some_ids(9, 12, below=large.vocabulary_size)
    expected = read(Decoder(large, EXACT), ids)
    for name, routine in ROUTINES.items():
        if is_exact(routine):
            monkeypatch.setenv("DECODER", name)
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                decoder = Decoder(large, EXACT)
                assert decoder.routine is routine
                np.testing.assert_array_equal(read(decoder, ids), expected)
                np.testing.assert_array_equal(read(decoder, ids[:1]), expected[:1])


def test_hidden_states_are_rounded_to_the_nearest_quantized_value() -> None:
    network = lively(CONFIGS[1], scale=3, remember=1)
    decoder, plain = Decoder(network, EXACT), Decoder(network, PLAIN)
    streams, unrounded = Streams(decoder, B), Streams(plain, B)
    ids = some_ids(B)
    decoder(ids, streams)
    plain(ids, unrounded)
    first, others = streams.hidden[:, :H].astype(float) - 128, streams.hidden[:, H:].astype(float) - 128
    assert np.abs(first - 63.5 * unrounded.hidden[:, :H]).max() <= 0.501  # zero states cause no other error
    assert np.abs(others - 63.5 * unrounded.hidden[:, H:]).max() <= 3


# ---- prefill ---------------------------------------------------------------------------------------------------------


def assert_same_state(a: tuple[NDArray[Any], list[Any]], b: tuple[NDArray[Any], list[Any]]) -> None:
    for x, y in zip((a[0], *a[1]), (b[0], *b[1]), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("exact", [EXACT, PLAIN], ids=["exact", "plain"])
@pytest.mark.parametrize("pieces", [[50], [1, 49], [7, 0, 13, 30]], ids=str)
def test_prefill_leads_to_the_state_of_single_steps_bit_for_bit_in_any_pieces(
    network: CharLSTM, exact: bool, pieces: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.decoder.PIECE", 16)
    decoder, ids = Decoder(network, exact), some_ids(1, 50)
    stepped, filled = Streams(decoder, 1), Streams(decoder, B)
    others = [filled.save_state(b) for b in (0, 2)]
    read(decoder, ids, stepped)
    for piece in np.split(ids[0], np.cumsum(pieces)[:-1]):
        filled.prefill(1, piece)
    assert_same_state(filled.save_state(1), stepped.save_state(0))
    for b, before in zip((0, 2), others, strict=True):
        assert_same_state(filled.save_state(b), before)


def test_prefill_of_a_shipped_network_leads_to_the_state_of_single_steps() -> None:
    decoder = load(ASSETS / "alice").decoder
    ids = some_ids(1, 300, below=decoder.V)
    stepped, filled = Streams(decoder, 1), Streams(decoder, 1)
    read(decoder, ids, stepped)
    filled.prefill(0, ids[0])
    assert_same_state(filled.save_state(0), stepped.save_state(0))


# ---- coming and going ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [EXACT, PLAIN], ids=["exact", "plain"])
def test_streams_join_and_leave_and_the_others_go_on(network: CharLSTM, exact: bool) -> None:
    decoder, ids = Decoder(network, exact), some_ids(4, T)
    streams = Streams(decoder, 0).reorder([], 3)
    first = read(decoder, ids[:3, :2], streams)
    streams = streams.reorder([2, 0], 1)  # the second goes, the others change places, a new one comes
    second = read(decoder, np.stack((ids[2, 2:], ids[0, 2:], ids[3, : T - 2])), streams)
    expected = np.concatenate([read(decoder, row[None]) for row in ids])
    close = {"rtol": 0, "atol": 0} if exact else {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(first, expected[:3, :2], **close)
    np.testing.assert_allclose(second[0], expected[2, 2:], **close)
    np.testing.assert_allclose(second[1], expected[0, 2:], **close)
    np.testing.assert_allclose(second[2], expected[3, : T - 2], **close)


@pytest.mark.parametrize("exact", [EXACT, PLAIN], ids=["exact", "plain"])
def test_a_stream_begins_again_and_leaves_the_others_alone(network: CharLSTM, exact: bool) -> None:
    decoder, ids = Decoder(network, exact), some_ids(B, T)
    streams = Streams(decoder, B)
    read(decoder, ids[:, :2], streams)
    streams.restart(1)
    again = read(decoder, ids[:, 2:], streams)
    np.testing.assert_array_equal(again[0], read(decoder, ids)[0, 2:])
    np.testing.assert_array_equal(again[1], read(decoder, ids[:, 2:])[1])


def test_all_streams_can_read_one_id(network: CharLSTM) -> None:
    decoder = Decoder(network)
    np.testing.assert_array_equal(
        decoder(np.array([4]), Streams(decoder, B)), decoder(np.array([4] * B), Streams(decoder, B))
    )
