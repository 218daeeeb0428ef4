"""How a model reads a text, compared with reading one character at a time and with the evaluation."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from model.analysis import inspection
from model.analysis.inspection import activations, read
from model.loaded import Model
from model.lstm import WINDOW, LSTMConfig, State
from tests.conftest import CHARACTERS, E, H, V, book, lively
from training.evaluation import evaluate, evaluate_adapting

TEXT = "the old hat\nand a ball in the bin. "


@torch.no_grad()
def steps_by_hand(model: Model, text: str) -> Iterator[tuple[torch.Tensor, State]]:
    """Yield the logits (V,) and the state at each place of `text` and after its end, in the model's own context."""
    network, ids = model.network, [model.vocabulary.start, *model.vocabulary.encode(text).tolist()]
    state = network.zero_state(1)
    for i, id in enumerate(ids):
        if model.context == "carried":
            logits, state = network(torch.tensor([[id]]), state)
        else:
            logits, state = network(torch.tensor([ids[max(0, i - 99) : i + 1]]), network.zero_state(1))
        yield logits[0, -1], state


def by_hand(model: Model, text: str) -> list[torch.Tensor]:
    """Return the shares (V,) of all characters at each place of `text` and after its end."""
    return [logits.double().softmax(0) for logits, _ in steps_by_hand(model, text)]


@pytest.fixture(params=["carried", "window"])
def reader(request: pytest.FixtureRequest, model: Model) -> Model:
    return replace(model, context=request.param)


@pytest.mark.parametrize("characters", [1, 99, 100, 101, 127, 128, 260])
def test_the_surprises_and_shares_are_those_of_a_reading_by_hand(reader: Model, characters: int) -> None:
    text = (TEXT * 20)[:characters]
    reading, shares = read(reader, text), by_hand(reader, text)
    bits = [-math.log2(p[id]) for p, id in zip(shares, reader.vocabulary.encode(text), strict=False)]
    assert reading.surprise.tolist() == pytest.approx(bits, abs=1e-3)
    assert reading.bits_per_character == pytest.approx(sum(bits) / len(bits), abs=1e-4)
    torch.testing.assert_close(reading.expected.exp2().double(), torch.stack(shares), atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_it_does_not_matter_how_the_text_is_cut_up(reader: Model, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(reader, TEXT * 8)
    monkeypatch.setattr(inspection, "CHUNK", size)
    monkeypatch.setattr(inspection, "BATCH", size)
    torch.testing.assert_close(read(reader, TEXT * 8).expected, whole.expected, atol=1e-3, rtol=1e-4)


def test_the_figure_is_that_of_the_evaluation(reader: Model) -> None:
    reading = read(reader, TEXT * 12)
    ids = reader.vocabulary.encode("\n" + TEXT * 12)
    measured = evaluate(reader.network, ids, reader.context, streams=1)
    same = reading.surprise[-measured.characters :]  # in window context the evaluation leaves out the first hundred
    assert same.mean().item() == pytest.approx(measured.bits_per_character, abs=1e-4)


def test_the_adapting_figure_is_that_of_the_adapting_evaluation(model: Model) -> None:
    gentle = replace(model, network=lively(model.network.config, scale=3, remember=1))
    before, after = (read(gentle, TEXT * 40, adapt) for adapt in (False, True))
    ids = gentle.vocabulary.encode("\n" + TEXT * 40)
    assert after.bits_per_character == pytest.approx(
        evaluate_adapting(gentle.network, ids).bits_per_character, abs=1e-3
    )
    assert after.bits_per_character < before.bits_per_character - 0.05
    torch.testing.assert_close(after.expected[:32], before.expected[:32], atol=1e-4, rtol=0)
    assert len(after.surprise) == len(after.expected) - 1 == len(TEXT * 40)
    assert read(gentle, "", adapt=True).expected.shape == (1, V)


def test_a_model_with_window_context_cannot_adapt(model: Model) -> None:
    with pytest.raises(ValueError, match="adapt is for context carried"):
        read(replace(model, context="window"), TEXT, adapt=True)


def test_the_window_has_a_hundred_characters() -> None:
    assert WINDOW == 100


def test_the_likeliest_come_first_and_their_shares_sum_to_at_most_one(reader: Model) -> None:
    reading = read(reader, TEXT * 4)
    for t in range(len(reading.text) + 1):
        characters, shares = zip(*reading.likeliest(t), strict=True)
        assert len(set(characters)) == len(characters) == 10
        assert list(shares) == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1 + 1e-5
    assert len(reading.likeliest(3, 4)) == 4
    everything = dict(reading.likeliest(3, 1000))
    assert set(everything) == set(CHARACTERS)
    assert sum(everything.values()) == pytest.approx(1, abs=1e-5)
    assert -math.log2(everything[reading.text[3]]) == pytest.approx(reading.surprise[3].item(), abs=1e-3)


def test_later_characters_change_no_earlier_prediction(reader: Model) -> None:
    one, other = read(reader, TEXT * 5 + "hat"), read(reader, TEXT * 5 + "bin")
    torch.testing.assert_close(one.expected[:-3], other.expected[:-3], atol=1e-4, rtol=1e-4)
    assert one.likeliest(len(TEXT) * 5)[0][0] == other.likeliest(len(TEXT) * 5)[0][0]


def test_the_text_is_repaired_first_and_the_repair_is_reported(model: Model) -> None:
    reading = read(model, "The Bállad?")
    assert reading.text == "the ballad"
    assert reading.report == model.vocabulary.repair("The Bállad?").report != ""
    assert torch.equal(reading.surprise, read(model, "the ballad").surprise)


@pytest.mark.parametrize("text", ["", "???"])
def test_the_first_character_is_predicted_even_if_no_text_is_left(reader: Model, text: str) -> None:
    reading = read(reader, text)
    assert reading.text == ""
    assert reading.surprise.shape == (0,)
    assert math.isnan(reading.bits_per_character)
    assert len(reading.likeliest(0)) == 10


def test_a_long_text_is_read_to_its_end(model: Model) -> None:
    reading = read(model, book(20_000))
    assert reading.surprise.shape == (len(reading.text),)
    assert reading.expected.shape == (len(reading.text) + 1, V)
    assert reading.surprise.isfinite().all()
    assert (reading.surprise >= 0).all()


# ---- what goes on in the units ---------------------------------------------------------------------------------------


def units_by_hand(model: Model, text: str) -> torch.Tensor:
    """Return the hidden states (T, L, H) after each character of `text`, taken from the network's own state."""
    return torch.stack([hidden[:, 0] for _, (hidden, _) in steps_by_hand(model, text)][1:])


@pytest.mark.parametrize("characters", [1, 99, 100, 101, 127, 128, 260])
def test_the_activities_are_those_of_the_networks_own_state(reader: Model, characters: int) -> None:
    text = (TEXT * 20)[:characters]
    activity = activations(reader, text)
    assert activity.hidden.shape == (characters, 2, H)
    assert activity.hidden.dtype == torch.float32
    assert activity.hidden.abs().max() <= 1
    torch.testing.assert_close(activity.hidden, units_by_hand(reader, text), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "config",
    [
        LSTMConfig(embedding_size=E, hidden_size=H, layers=1),
        LSTMConfig(embedding_size=E, hidden_size=H, layers=3),
        LSTMConfig(input_encoding="scaled", hidden_size=H, layers=1),
    ],
)
def test_the_units_of_any_network_can_be_inspected(model: Model, config: LSTMConfig) -> None:
    other = replace(model, network=lively(config))
    torch.testing.assert_close(activations(other, TEXT).hidden, units_by_hand(other, TEXT), atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_it_does_not_matter_for_the_units_how_the_text_is_cut_up(
    reader: Model, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = activations(reader, TEXT * 8)
    monkeypatch.setattr(inspection, "CHUNK", size)
    monkeypatch.setattr(inspection, "BATCH", size)
    torch.testing.assert_close(activations(reader, TEXT * 8).hidden, whole.hidden, atol=1e-3, rtol=0)


@torch.inference_mode()
def test_the_predictions_follow_from_the_units_of_the_last_layer(reader: Model) -> None:
    logits = reader.network.output(activations(reader, TEXT * 6).hidden[:, -1])
    shares = logits.log_softmax(-1) / math.log(2)
    torch.testing.assert_close(read(reader, TEXT * 6).expected[1:], shares, atol=1e-3, rtol=1e-4)


def test_dropout_is_off_while_units_are_inspected(model: Model) -> None:
    often: dict[str, Any] = {"dropout_input": 0.5, "dropout_hidden": 0.5, "weight_drop": 0.5}
    config = replace(model.network.config, **often)
    training = replace(model, network=lively(config).train())
    first, second = activations(training, TEXT), activations(training, TEXT)
    assert torch.equal(first.hidden, second.hidden)
    torch.testing.assert_close(first.hidden, activations(model, TEXT).hidden)


def test_the_text_is_repaired_before_its_units_are_inspected(model: Model) -> None:
    activity = activations(model, "The Bállad?")
    assert (activity.text, activity.report) == ("the ballad", model.vocabulary.repair("The Bállad?").report)
    assert torch.equal(activity.hidden, activations(model, "the ballad").hidden)


@pytest.mark.parametrize("text", ["", "???"])
def test_no_activities_are_returned_if_no_text_is_left(reader: Model, text: str) -> None:
    assert activations(reader, text).hidden.shape == (0, 2, H)
