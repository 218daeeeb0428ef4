"""How well a network predicts a text: nats counted by hand, and the two contexts."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.adaptation import EVERY, AdaptedOutput
from model.lstm import WINDOW, CharLSTM, LSTMConfig
from tests.conftest import E, H, V, lively
from training import evaluation
from training.evaluation import CONTEXTS, Evaluation, context_loss, evaluate, evaluate_adapting, evaluate_each


def some_ids(characters: int, seed: int = 0) -> Tensor:
    return torch.randint(V, (characters,), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def by_hand(network: CharLSTM, ids: Tensor, context: str) -> list[float]:
    """Return the nats of each character, without the first (carried) or the first hundred (window)."""
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
    # This network remembers dozens of characters: streams that began from a zero state would be ten times as far off.
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=2), scale=4, remember=2)
    ids = some_ids(6_001)
    one = evaluate(network, ids, "carried", streams=1)
    cut = evaluate(network, ids, "carried", streams=streams)
    assert cut.characters == one.characters == 6_000
    assert cut.bits_per_character == pytest.approx(one.bits_per_character, abs=1e-4)


def test_a_network_with_equal_logits_needs_log2_of_the_vocabulary_size_in_bits() -> None:
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
def test_the_last_shorter_part_counts_by_its_number_of_characters(network: CharLSTM, context: str) -> None:
    # Neither the chunks of time steps nor the batches of windows divide this length: an average of their averages
    # would not be the average over characters.
    ids = torch.cat((some_ids(612), torch.zeros(11, dtype=torch.int64)))
    measured = evaluate(network, ids, context, streams=1)  # type: ignore[arg-type]
    expected = by_hand(network, ids, context)
    assert measured.nats == pytest.approx(sum(expected) / len(expected), rel=1e-4)


# ---- adapting --------------------------------------------------------------------------------------------------------


def test_an_adapting_evaluation_equals_reading_one_stream_with_an_adapted_output_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=2), scale=4, remember=2)
    ids = some_ids(1_701)
    hidden, _ = network.read(ids[None, :-1], network.zero_state(1))
    logits = AdaptedOutput(network.output).read(hidden[0].detach(), ids[1:])
    expected = F.cross_entropy(logits, ids[1:], reduction="sum").item()
    for section in ((1, 2_048), (3, 128), (16, 1_024)):
        monkeypatch.setattr(evaluation, "SECTION", section)
        measured = evaluate_adapting(network, ids)
        assert measured.characters == 1_700
        assert measured.total_nats == pytest.approx(expected, rel=1e-4)


def test_adapting_improves_the_prediction_of_a_text_that_repeats(network: CharLSTM) -> None:
    ids = some_ids(50).repeat(60)
    assert evaluate_adapting(network, ids).nats < evaluate(network, ids).nats - 0.1


def test_adapting_changes_nothing_in_the_first_block(network: CharLSTM) -> None:
    ids = some_ids(EVERY + 1)
    assert evaluate_adapting(network, ids).nats == pytest.approx(evaluate(network, ids).nats, rel=1e-5)


# ---- shorter and longer context --------------------------------------------------------------------------------------


def test_the_cost_of_less_context_is_measured_on_the_same_characters_read_from_zero_states(
    network: CharLSTM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "CONTEXTS", (5, 10, 40))
    monkeypatch.setattr(evaluation, "COMPARED", 20)  # three blocks of 40 / 5 characters
    ids = some_ids(100)
    nats: dict[int, list[float]] = {5: [], 10: [], 40: []}
    for begin in (40, 40 + 52 // 2, 100 - 8):
        for C, own in nats.items():
            for t in range(begin, begin + 8):
                start = t - (t - begin) % (C // 5) - C
                own.append(by_hand(network, ids[start : t + 1], "carried")[-1])
    found = context_loss(network, ids)
    assert (found["characters"], found["against"]) == (24, 40)
    assert list(found["bits_lost"]) == ["5", "10"]
    for C in (5, 10):
        lost = (sum(nats[C]) - sum(nats[40])) / 24 / math.log(2)
        assert found["bits_lost"][str(C)] == pytest.approx(lost, abs=1e-4)
    assert abs(found["bits_lost"]["5"]) > 0.01


def test_a_network_without_a_memory_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=1), remember=-1000)
    nn.init.zeros_(network.layers[0].get_parameter("weight_hh_l0"))
    monkeypatch.setattr(evaluation, "CONTEXTS", (5, 10, 40))
    assert context_loss(network, some_ids(500))["bits_lost"] == pytest.approx({"5": 0, "10": 0}, abs=1e-6)


def test_a_text_too_short_for_the_longest_context_is_not_compared(network: CharLSTM) -> None:
    longest = CONTEXTS[-1]
    enough = longest + longest // 5
    assert context_loss(network, some_ids(enough - 1)) == {}
    assert context_loss(network, some_ids(enough))["characters"] == longest // 5


@pytest.mark.parametrize("context", ["carried", "window"])
def test_texts_of_different_lengths_are_measured_each_by_itself(context: str) -> None:
    network = lively(LSTMConfig(embedding_size=E, hidden_size=H, layers=2), scale=4, remember=2)
    texts = [some_ids(WINDOW + length, length) for length in (1, 30, 137)]
    skipped = 99 if context == "carried" else 0
    expected = [nats for ids in texts for nats in by_hand(network, ids, context)[skipped:]]
    measured = evaluate_each(network, texts, context)  # type: ignore[arg-type]
    assert measured.characters == len(expected) == 168
    assert measured.total_nats == pytest.approx(sum(expected), rel=1e-4)


@pytest.mark.parametrize("context", ["carried", "window"])
def test_each_of_several_texts_is_read_by_itself_after_its_prompt(network: CharLSTM, context: str) -> None:
    texts = torch.stack([some_ids(WINDOW + 137, seed) for seed in range(3)])
    skipped = 99 if context == "carried" else 0  # by hand, carried context measures the prompt too
    expected = [nats for ids in texts for nats in by_hand(network, ids, context)[skipped:]]
    measured = evaluate_each(network, list(texts), context)  # type: ignore[arg-type]
    assert measured.characters == len(expected) == 3 * 137
    assert measured.total_nats == pytest.approx(sum(expected), rel=1e-4)
