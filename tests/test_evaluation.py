"""How well a network predicts a text: nats counted by hand, and the two contexts."""

import math

import pytest
import torch
from torch import Tensor, nn

from model.lstm import WINDOW, CharLSTM, LSTMConfig
from tests.conftest import E, H, V, lively
from training.evaluation import Evaluation, evaluate, evaluate_each


def some_ids(characters: int, seed: int = 0) -> Tensor:
    return torch.randint(V, (characters,), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def by_hand(network: CharLSTM, ids: Tensor, context: str) -> list[float]:
    """The nats at each character but the first (carried) or the first hundred (window), one by one."""
    nats = []
    state = network.zero_state(1)
    for i in range(1, len(ids)):
        if context == "carried":
            logits, state = network(ids[None, i - 1 : i], state)
        elif i >= 100:
            logits, _ = network(ids[None, i - 100 : i], network.zero_state(1))
        else:
            continue
        nats.append(-math.log(logits[0, -1].double().softmax(0)[ids[i]].item()))
    return nats


@pytest.mark.parametrize("context", ["carried", "window"])
def test_the_nats_are_those_summed_by_hand(network: CharLSTM, context: str) -> None:
    ids = some_ids(300)
    expected = by_hand(network, ids, context)
    measured = evaluate(network, ids, context, streams=1)  # type: ignore[arg-type]
    assert measured.characters == len(expected)
    assert measured.total_nats == pytest.approx(sum(expected), rel=1e-4)


@pytest.mark.parametrize("characters", [101, 102, 300, 1_023, 1_024, 2_047, 2_048, 2_049, 5_000])
def test_carried_context_counts_all_characters_but_the_first(network: CharLSTM, characters: int) -> None:
    assert evaluate(network, some_ids(characters), "carried").characters == characters - 1


@pytest.mark.parametrize("characters", [101, 102, 300, 613, 1_124])
def test_window_context_counts_all_characters_but_the_first_hundred(characters: int) -> None:
    network = lively(LSTMConfig("scaled", hidden_size=3, layers=1))
    assert evaluate(network, some_ids(characters), "window").characters == characters - WINDOW


@pytest.mark.parametrize("streams", [None, 2, 3, 5, 7])
def test_a_text_cut_into_parallel_streams_measures_as_one_stream_does(streams: int | None) -> None:
    # This network remembers some dozens of characters: streams that began cold would be ten times as far off.
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=2), scale=4, remember=2)
    ids = some_ids(6_001)
    one = evaluate(network, ids, "carried", streams=1)
    cut = evaluate(network, ids, "carried", streams=streams)
    assert cut.characters == one.characters == 6_000
    assert cut.bits_per_character == pytest.approx(one.bits_per_character, abs=1e-4)


def test_a_network_of_no_opinion_needs_as_many_bits_as_the_vocabulary_has() -> None:
    network = CharLSTM(LSTMConfig(embedding_size=E, hidden_size=H, layers=2), V)
    nn.init.zeros_(network.output.weight)
    nn.init.zeros_(network.output.bias)
    for context in ("carried", "window"):
        measured = evaluate(network, some_ids(500), context)
        assert measured.bits_per_character == pytest.approx(math.log2(V), abs=1e-6)
        assert measured.perplexity == pytest.approx(V, abs=1e-4)


def test_a_network_that_knows_the_text_needs_no_bits() -> None:
    network = CharLSTM(LSTMConfig(embedding_size=E, hidden_size=H, layers=1), V)
    nn.init.zeros_(network.output.weight)
    network.output.bias.data = torch.where(torch.arange(V) == 4, 100.0, 0.0)
    assert evaluate(network, torch.full((300,), 4)).nats == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("context", ["carried", "window"])
def test_it_measures_without_dropout_and_leaves_the_network_as_it_was(training: bool, context: str) -> None:
    torch.manual_seed(0)
    config = LSTMConfig(
        embedding_size=E, hidden_size=H, layers=2, dropout_input=0.5, dropout_output=0.5, weight_drop=0.5
    )
    network = CharLSTM(config, V).train(training)
    ids = some_ids(300)
    numbers = torch.get_rng_state()
    first = evaluate(network, ids, context)  # type: ignore[arg-type]
    assert network.training is training
    assert all(layer.training is training for layer in network.modules())
    assert first == evaluate(network, ids, context)  # type: ignore[arg-type]
    assert torch.equal(torch.get_rng_state(), numbers)
    assert first.total_nats == pytest.approx(sum(by_hand(network.eval(), ids, context)), rel=1e-4)


def test_the_mode_is_restored_after_a_failure_too(network: CharLSTM) -> None:
    network.train()
    with pytest.raises(IndexError):
        evaluate(network, torch.full((300,), V))
    assert network.training


def test_nats_and_characters_are_summed_apart_and_divided_once() -> None:
    measured = Evaluation(total_nats=12.0, characters=8)
    assert measured.nats == 1.5
    assert measured.bits_per_character == pytest.approx(1.5 / math.log(2))
    assert measured.perplexity == pytest.approx(math.exp(1.5))


@pytest.mark.parametrize("context", ["carried", "window"])
def test_the_last_shorter_part_weighs_as_much_as_its_characters(network: CharLSTM, context: str) -> None:
    # Neither the chunks of time steps nor the batches of windows divide this length: an average of their averages
    # would not be the average over characters.
    ids = torch.cat((some_ids(612), torch.zeros(11, dtype=torch.int64)))
    measured = evaluate(network, ids, context, streams=1)  # type: ignore[arg-type]
    expected = by_hand(network, ids, context)
    assert measured.nats == pytest.approx(sum(expected) / len(expected), rel=1e-4)


@pytest.mark.parametrize("context", ["carried", "window"])
def test_each_of_several_texts_is_read_by_itself_after_its_prompt(network: CharLSTM, context: str) -> None:
    texts = torch.stack([some_ids(WINDOW + 137, seed) for seed in range(3)])
    skipped = 99 if context == "carried" else 0  # by hand, carried context measures the prompt too
    expected = [nats for ids in texts for nats in by_hand(network, ids, context)[skipped:]]
    measured = evaluate_each(network, texts, context)  # type: ignore[arg-type]
    assert measured.characters == len(expected) == 3 * 137
    assert measured.total_nats == pytest.approx(sum(expected), rel=1e-4)
