"""The decoder is the network itself, a step at a time, and a stream is the same in every batch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.checkpoint import load
from model.decoder import Decoder, Streams
from model.hardware import has_bfloat16
from model.lstm import CharLSTM, LSTMConfig
from tests.conftest import B, E, H, T, V, lively

ASSETS = Path(__file__).parent.parent / "assets"
CONFIGS = [
    LSTMConfig(embedding_size=E, hidden_size=H, layers=1),
    LSTMConfig(embedding_size=E, hidden_size=H, layers=3),
    LSTMConfig(input_encoding="scaled", hidden_size=H, layers=1),
    LSTMConfig(input_encoding="scaled", hidden_size=H, layers=2),
]
EXACT, PLAIN = True, False


@pytest.fixture(params=CONFIGS, ids=lambda config: f"{config.input_encoding}, {config.layers} layers")
def network(request: pytest.FixtureRequest) -> CharLSTM:
    return lively(request.param)


def some_ids(*shape: int, below: int = V) -> NDArray[np.int64]:
    return np.random.default_rng(1).integers(below, size=shape)


def read(decoder: Decoder, ids: NDArray[np.int64], streams: Streams | None = None) -> NDArray[np.float32]:
    """The logits (B, T, V) of steps over ids (B, T)."""
    streams = streams or Streams(decoder, len(ids))
    return np.stack([decoder(column, streams) for column in ids.T], axis=1)


def read_at_once(network: CharLSTM, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    with torch.inference_mode():
        logits: torch.Tensor = network(torch.from_numpy(ids), network.zero_state(len(ids)))[0]
    return logits.numpy()


# ---- it is the network -----------------------------------------------------------------------------------------------


def test_in_float32_its_steps_give_the_networks_logits_to_a_hundred_thousandth(network: CharLSTM) -> None:
    ids = some_ids(B, T)
    np.testing.assert_allclose(read(Decoder(network, PLAIN), ids), read_at_once(network, ids), rtol=1e-5, atol=1e-5)


def test_exact_ones_give_them_to_a_twentieth_where_weights_are_of_common_size() -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=3), scale=3, remember=1)
    ids = some_ids(B, 50)
    expected = read_at_once(network, ids)
    np.testing.assert_allclose(read(Decoder(network, EXACT), ids), expected, atol=0.05)
    assert np.ptp(expected) > 2


def test_exact_or_not_is_a_matter_of_size() -> None:
    assert not Decoder(CharLSTM(LSTMConfig("scaled", hidden_size=256, layers=1), V)).exact  # the tutorials' network
    assert Decoder(CharLSTM(LSTMConfig(hidden_size=512, layers=2), V)).exact


def test_what_its_streams_have_read_before_counts(network: CharLSTM) -> None:
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


def test_it_stays_as_it_was_when_the_network_learns_on(network: CharLSTM) -> None:
    decoder, ids = Decoder(network, PLAIN), some_ids(B, T)
    before = read(decoder, ids)
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(1)
    np.testing.assert_array_equal(read(decoder, ids), before)


# ---- exactness -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiny", "alice"])
def test_no_sum_of_an_exact_product_is_rounded(name: str) -> None:
    network = lively(CONFIGS[1]) if name == "tiny" else load(ASSETS / name).network
    decoder = Decoder(network, EXACT)
    for weights in decoder.weights:
        multiples = (weights.double() * 2**40).numpy().astype(np.int64)
        together = np.bitwise_or.reduce(multiples, axis=1)
        step = together & -together  # the largest power of two that all of a row are multiples of
        assert (np.abs(multiples).sum(axis=1) // step * 256 <= 2**24).all()
    for weights in decoder.weights[:-1]:
        assert torch.equal(weights.bfloat16().float(), weights.float()), "bfloat16 must hold them as they are"


@pytest.mark.parametrize("name", ["tiny", "alice"])
def test_an_exact_stream_is_the_same_bit_for_bit_alone_and_in_every_batch(name: str) -> None:
    network = lively(CONFIGS[1]) if name == "tiny" else load(ASSETS / name).network
    decoder = Decoder(network, EXACT)
    ids = some_ids(70, 12, below=network.vocabulary_size)
    alone = np.concatenate([read(decoder, row[None]) for row in ids])
    for size in (2, 3, 8, 17, 33, 64, 70):
        np.testing.assert_array_equal(read(decoder, ids[:size]), alone[:size])


@pytest.mark.skipif(not has_bfloat16(torch.device("cpu")), reason="this processor has no bfloat16")
@pytest.mark.usefixtures("own_process")
def test_an_exact_product_is_the_same_in_bfloat16_and_float32_and_with_any_number_of_threads() -> None:
    decoder = Decoder(load(ASSETS / "alice").network)
    assert decoder.halves
    weights = decoder.weights[1]
    hidden = torch.from_numpy(np.random.default_rng(2).integers(-256, 257, (weights.size(1), 40)) / 128).bfloat16()
    expected = (weights.double() @ hidden.double()).float()
    assert torch.equal(weights.float() @ hidden.float(), expected)
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        assert torch.equal(weights @ hidden, expected.bfloat16())
        assert torch.equal(torch.mv(weights, hidden[:, 0].contiguous()), expected[:, 0].bfloat16())


def test_an_exact_decoder_without_bfloat16_writes_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    network, ids = lively(CONFIGS[1], scale=3, remember=1), some_ids(B, T)
    expected = read(Decoder(network, EXACT), ids)
    monkeypatch.setattr("model.decoder.has_bfloat16", lambda _: False)
    decoder = Decoder(network, EXACT)
    assert {weights.dtype for weights in decoder.weights} == {torch.float32}
    np.testing.assert_allclose(read(decoder, ids), expected, atol=0.1)
    np.testing.assert_array_equal(read(decoder, ids[1:2]), read(decoder, ids)[1:2])


# ---- coming and going ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [EXACT, PLAIN], ids=["exact", "plain"])
def test_streams_come_and_go_and_the_others_go_on(network: CharLSTM, exact: bool) -> None:
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


def test_one_id_can_be_read_by_all(network: CharLSTM) -> None:
    decoder = Decoder(network)
    np.testing.assert_array_equal(
        decoder(np.array([4]), Streams(decoder, B)), decoder(np.array([4] * B), Streams(decoder, B))
    )
