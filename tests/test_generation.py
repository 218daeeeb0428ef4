"""Generation from a prompt: the distribution of each character, and independence from everything else."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model import reference
from model.adaptation import EVERY, AdaptedOutput
from model.checkpoint import load
from model.decoder import Decoder
from model.generation import LONGEST, SENTENCE, CarriedReader, GenerationConfig, Request, defaults, generate
from model.loaded import Model
from model.lstm import WINDOW, CharLSTM, LSTMConfig
from model.sampling import Sampler, SamplingConfig
from model.serving.mixture import Mixture, Pair
from model.typography import Typography
from model.vocabulary import Vocabulary
from tests.conftest import CHARACTERS, H, V, lively

CLASSICS = sorted((Path(__file__).parent.parent / "assets").glob("*-classic"))
GREEDY: dict[str, Any] = {"temperature": 0.0}
PROMPT = "the old tale\nabide in it"


def text(model: Model, prompt: str = PROMPT, **options: Any) -> str:
    return "".join(generate(model, prompt, GenerationConfig(**{"length": 60, "temperature": 0.8, **options})))


@pytest.fixture
def classic(model: Model) -> Model:
    """A model of the tutorials' kind: one scaled number as input at each step, and window context."""
    network = lively(LSTMConfig("scaled", hidden_size=H, layers=1), scale=8, remember=2, seed=6)
    return replace(model, network=network, context="window", sampling=SamplingConfig(temperature=0))


# ---- what is written -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 257])
@pytest.mark.parametrize("context", ["carried", "window"])
def test_exactly_the_given_number_of_characters_is_written_one_at_a_time(
    model: Model, length: int, context: str
) -> None:
    written = list(generate(model, PROMPT, GenerationConfig(length=length, context=context)))  # type: ignore[arg-type]
    assert len(written) == length
    assert {len(character) for character in written} == {1}
    assert set(written) <= set(CHARACTERS)


@pytest.mark.parametrize("prompt", ["", "😀😀", "Çå Ñ’", "\ud800\0", "t", PROMPT * 200], ids=ascii)
@pytest.mark.parametrize("context", ["carried", "window"])
def test_any_prompt_at_all_is_continued(model: Model, prompt: str, context: str) -> None:
    assert len(text(model, prompt, context=context)) == 60


@pytest.mark.parametrize("prompt", ["", "😀"])
def test_a_prompt_without_known_characters_means_the_start_of_a_line(model: Model, prompt: str) -> None:
    assert text(model, prompt) == text(model, "\n")


def test_a_prompt_is_repaired_before_it_is_read(model: Model) -> None:
    assert text(model, "Thé Old Tale") == text(model, "the old tale")


def test_even_the_first_character_of_a_prompt_matters(model: Model) -> None:
    assert len({text(model, first + PROMPT, **GREEDY) for first in CHARACTERS}) > 1


def test_the_text_is_that_of_the_reference_loop(model: Model) -> None:
    ids = islice(reference.write_carried(model.network, model.vocabulary.encode(PROMPT).tolist()), 60)
    with torch.inference_mode():
        expected = model.vocabulary.decode(ids)
    assert len(set(expected)) > 3  # not one letter repeated
    assert text(model, **GREEDY) == expected


def test_a_continuation_goes_on_as_if_its_beginning_had_been_in_the_prompt(model: Model) -> None:
    whole = text(model, **GREEDY)
    for length in (1, 17, 40):
        assert text(model, PROMPT + whole[:length], **GREEDY, length=60 - length) == whole[length:]


# ---- window context --------------------------------------------------------------------------------------------------


def windowed(model: Model, prompt: str, config: GenerationConfig) -> str:
    """The text of the reference loop, each character drawn as `config` says."""
    random, sampler = np.random.default_rng(config.seed), Sampler([config])

    def draw(logits: Tensor) -> int:
        return int(sampler(logits.numpy()[None], np.array([random.random()]))[0])

    with torch.inference_mode():
        ids = reference.write_window(model.network, model.vocabulary.encode(prompt).tolist(), draw)
        return model.vocabulary.decode(islice(ids, config.length))


@pytest.mark.parametrize("prompt", ["t", PROMPT, PROMPT * 9], ids=len)
def test_in_window_context_each_character_is_predicted_from_the_last_hundred_alone(model: Model, prompt: str) -> None:
    config = GenerationConfig(context="window", length=150, temperature=0.8, seed=3)
    assert WINDOW == 100
    assert "".join(generate(model, prompt, config)) == windowed(model, prompt, config)


def test_both_contexts_agree_for_the_first_hundred_characters_and_differ_afterwards(model: Model) -> None:
    carried = text(model, "t", length=400)
    window = text(model, "t", length=400, context="window")
    assert carried[:100] == window[:100]
    assert carried != window


def test_characters_before_the_last_hundred_matter_only_in_carried_context(
    model: Model,
) -> None:
    hundred = (PROMPT * 5)[:100]
    for other in ("a", "nab"):
        assert text(model, other + hundred, context="window") == text(model, hundred, context="window")
    continuations = {text(model, other + hundred, length=300, **GREEDY) for other in ("", "a", "nab", "ooo")}
    assert len(continuations) > 1


def tutorial(model: Model, prompt: str, length: int) -> str:
    """The tutorials' own loop, on their own network, with the weights of `model`."""
    V = len(model.vocabulary)
    weights = model.network.state_dict()
    lstm = nn.LSTM(1, model.network.config.hidden_size, batch_first=True)
    linear = nn.Linear(model.network.config.hidden_size, V)
    lstm.load_state_dict({name: weights[f"layers.0.{name}"] for name in lstm.state_dict()})
    linear.load_state_dict({name: weights[f"output.{name}"] for name in linear.state_dict()})
    characters = model.vocabulary.characters
    numbers = {character: number for number, character in enumerate(characters)}

    pattern = [numbers[character] for character in prompt]
    written = ""
    with torch.no_grad():
        for _ in range(length):
            x: Tensor = torch.tensor(pattern, dtype=torch.float32).reshape(1, 100, 1) / V
            output, _ = lstm(x)
            number = int(linear(output[:, -1]).argmax())
            written += characters[number]
            pattern.append(number)
            pattern = pattern[1:]
    return written


def test_window_context_and_greedy_choice_are_the_tutorials_own_loop(classic: Model) -> None:
    prompt = (PROMPT * 5)[:100]
    expected = tutorial(classic, prompt, 150)
    assert len(set(expected)) > 3
    assert text(classic, prompt, length=150, **defaults(classic)) == expected


@pytest.mark.parametrize("directory", CLASSICS, ids=lambda directory: directory.name)
def test_every_shipped_classic_checkpoint_writes_what_the_tutorials_own_loop_writes(directory: Path) -> None:
    model = load(directory)
    prompt = (
        "alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once"
    )[:100]
    assert len(prompt) == 100
    assert model.vocabulary.repair(prompt).report == ""
    assert text(model, prompt, **{**defaults(model), "length": 1000}) == tutorial(model, prompt, 1000)


# ---- chance ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_writes_the_same_text_and_another_seed_another(model: Model) -> None:
    assert text(model, seed=5) == text(model, seed=5)
    assert len({text(model, seed=seed) for seed in range(5)}) == 5


def test_texts_written_at_the_same_time_are_those_written_alone(model: Model) -> None:
    configs = [GenerationConfig(length=60, temperature=0.8, seed=seed) for seed in (5, 5, 6)]
    alone = ["".join(generate(model, PROMPT, config)) for config in configs]
    streams = [generate(model, PROMPT, config) for config in configs]
    together = ["".join(characters) for characters in zip(*zip(*streams, strict=True), strict=True)]
    assert together == alone
    assert alone[0] == alone[1] != alone[2]


def test_the_process_wide_random_numbers_are_neither_used_nor_changed(model: Model) -> None:
    def state() -> tuple[Any, ...]:
        return torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()  # noqa: NPY002

    torch.manual_seed(1)
    first = state()
    written = text(model)
    assert state() == first
    torch.manual_seed(2)
    random.seed(2)
    assert text(model) == written


def test_writing_leaves_the_network_and_the_process_as_they_were(model: Model) -> None:
    before = {name: weights.clone() for name, weights in model.network.state_dict().items()}
    for _ in islice(generate(model, PROMPT, GenerationConfig()), 3):
        # Between two characters the caller may do anything, even train the network.
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
    assert all(torch.equal(before[name], weights) for name, weights in model.network.state_dict().items())
    assert not model.network.training


def test_characters_are_drawn_from_the_networks_own_distribution(model: Model) -> None:
    network, vocabulary = model.network, model.vocabulary
    with torch.inference_mode():
        logits, _ = network(vocabulary.encode(PROMPT)[None], network.zero_state(1))
    likely = logits[0, -1].softmax(0)
    first = [text(model, length=1, temperature=1.0, seed=seed) for seed in range(400)]
    counts = torch.tensor([first.count(character) for character in vocabulary.characters]) / len(first)
    assert (counts - likely).abs().max() < 0.1


# ---- settings --------------------------------------------------------------------------------------------------------


def test_the_defaults_are_those_the_checkpoint_was_saved_with(model: Model, classic: Model) -> None:
    config = GenerationConfig(**defaults(model))
    assert (config.temperature, config.top_k, config.context) == (0.8, 9, "carried")
    config = GenerationConfig(**defaults(classic))
    assert (config.temperature, config.top_k, config.context) == (0, 0, "window")


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": 0},
        {"length": LONGEST + 1},
        {"length": 1.5},
        {"seed": -1},
        {"context": "all"},
        {"top_p": -1},
        {"stop": "never"},
        {"until": 5},
        {"until": "a" * 101},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", " ")):
        GenerationConfig(**wrong)


def test_a_network_with_equal_logits_writes_every_character(model: Model) -> None:
    network = CharLSTM(model.network.config, V).eval()
    nn.init.zeros_(network.output.weight)
    nn.init.zeros_(network.output.bias)
    assert set(text(replace(model, network=network), length=300, temperature=1.0)) == set(CHARACTERS)


@pytest.mark.parametrize(
    ("options", "text", "ends"),
    [
        ({}, "One. Two", False),
        ({"stop": "sentence"}, "He said", False),
        ({"stop": "sentence"}, "He said.", False),  # it may go on, as in "3.14"
        ({"stop": "sentence"}, "He said. ", True),
        ({"stop": "sentence"}, "“Really?!”\n", True),
        ({"stop": "sentence"}, "„Wirklich?“ ", True),
        ({"stop": "sentence"}, "sagte ‚Komm!‘ ", True),
        ({"stop": "sentence"}, "he said ‘", False),
        ({"stop": "sentence"}, "«\u202fVraiment\u202f?\u202f", False),
        ({"stop": "sentence"}, "«\u202fVraiment\u202f?\u202f» ", True),
        ({"stop": "sentence"}, " . ", False),
        ({"stop": "text", "until": "END"}, "THE EN", False),
        ({"stop": "text", "until": "END"}, "THE END", True),
    ],
    ids=str,
)
def test_a_text_ends_at_its_stop_condition(model: Model, options: dict[str, Any], text: str, ends: bool) -> None:
    able = replace(model, vocabulary=Vocabulary.of(text + options.get("until", "a")))
    request = Request(able, "", GenerationConfig(**options))
    for place, character in enumerate(text):
        assert not request.done, text[:place]
        request.add(able.vocabulary.ids[character])
    assert request.done == ends


@pytest.mark.parametrize(
    ("until", "written", "ends"),
    [
        ("Lion", "the lion", True),
        ("INN\r\nHat", "inn\nhat", True),
        ("thé", "the", True),
        ("b\u2028", "ab\n", True),
        ("the end of it all 😀", "the end", False),
    ],
    ids=ascii,
)
def test_the_text_to_stop_at_is_repaired_as_a_prompt_is(model: Model, until: str, written: str, ends: bool) -> None:
    request = Request(model, "a", GenerationConfig(stop="text", until=until))
    for id in model.vocabulary.encode(written).tolist():
        assert not request.done
        request.add(id)
    assert request.done == ends


@pytest.mark.parametrize(
    ("typography", "until", "written", "ends"),
    [
        ("German", "“", "„Ja", False),  # closes in German, and opens in English
        ("German", "“", "„Ja“", True),
        ("German", "“, s", "„Ja“, s", True),
        ("German", "“Ja", "„Ja", True),
        ("English", "‘", "don’", False),
        ("English", "--", "Ja—", True),
        ("French", "Quoi ?", "Quoi\u202f?", True),
    ],
)
def test_a_text_to_stop_at_is_found_as_it_is_or_repaired_but_a_known_mark_only_as_it_is(
    model: Model, typography: Typography, until: str, written: str, ends: bool
) -> None:
    able = replace(model, vocabulary=Vocabulary.of(until + written, typography=typography))
    request = Request(able, "", GenerationConfig(stop="text", until=until))
    for id in able.vocabulary.encode(written).tolist():
        assert not request.done
        request.add(id)
    assert request.done == ends


@pytest.mark.parametrize("until", ["", "😀"])
def test_a_text_to_stop_at_of_which_nothing_is_left_is_refused(model: Model, until: str) -> None:
    with pytest.raises(ValueError, match="text to stop at is empty: type one, or stop at a length or a sentence"):
        Request(model, "", GenerationConfig(stop="text", until=until))


def test_the_end_of_a_sentence_is_looked_for_once_not_from_every_letter() -> None:
    assert not SENTENCE.match("a" * 1_000_000)


# ---- a text that the model learns from -------------------------------------------------------------------------------

LONG_PROMPT = "the bad lion had a hat. " * 20


def test_an_adapting_request_gives_another_text_and_always_the_same(model: Model) -> None:
    adapted = text(model, LONG_PROMPT, length=200, adapt=True)
    assert adapted == text(model, LONG_PROMPT, length=200, adapt=True)
    assert adapted != text(model, LONG_PROMPT, length=200)
    assert text(model, LONG_PROMPT, length=200) == text(model, LONG_PROMPT, length=200, adapt=False)


def test_less_than_a_block_changes_nothing(model: Model) -> None:
    prompt = LONG_PROMPT[:EVERY]  # its first character is not predicted, so EVERY - 1 are
    assert text(model, prompt, length=200, adapt=True) == text(model, prompt, length=200)


def run(request: Request) -> Iterator[Request]:
    """Run `request` alone, and yield it after each step."""
    reader, sampler, id = CarriedReader(request.model, 1), Sampler([request.config]), request.unread.popleft()
    while not request.done:
        logits = reader(np.array([id]))
        request.adapt(reader.hidden[0], logits[0])
        if request.unread:
            id = request.unread.popleft()
        else:
            id = int(sampler(logits, request.random.random(1))[0])
            request.add(id)
        yield request


def test_it_learns_the_same_as_from_reading_the_prompt_at_once(model: Model) -> None:
    request = Request(model, LONG_PROMPT, GenerationConfig(length=1, adapt=True))
    *_, request = run(request)
    ids = model.vocabulary.encode(LONG_PROMPT)
    with torch.inference_mode():
        hidden, _ = model.network.read(ids[None, :-1], model.network.zero_state(1))
        expected = AdaptedOutput(model.network.output)
        expected.read(hidden[0], ids[1:])
    torch.testing.assert_close(request.output.weights, expected.weights, rtol=1e-3, atol=1e-4)


def test_it_learns_nothing_from_what_it_writes_itself(model: Model) -> None:
    request = Request(model, LONG_PROMPT, GenerationConfig(length=150, adapt=True))
    weights = [request.output.weights.clone() for request in run(request) if request.characters]
    assert len(weights) == 150
    assert torch.equal(weights[0], weights[-1])


def test_it_learns_only_from_the_writers_own_parts_of_the_prompt(model: Model) -> None:
    config = GenerationConfig(length=1, adapt=True)
    own = [t % 100 < 50 for t in range(len(LONG_PROMPT))]
    *_, partly = run(Request(model, LONG_PROMPT, config, own))
    ids = model.vocabulary.encode(LONG_PROMPT)
    with torch.inference_mode():
        hidden, _ = model.network.read(ids[None, :-1], model.network.zero_state(1))
        expected = AdaptedOutput(model.network.output)
        mask = torch.tensor(own)[1:]
        expected.read(hidden[0][mask], ids[1:][mask])
    torch.testing.assert_close(partly.output.weights, expected.weights, rtol=1e-3, atol=1e-4)
    *_, nothing = run(Request(model, LONG_PROMPT, config, [False] * len(LONG_PROMPT)))
    assert torch.equal(nothing.output.weights, AdaptedOutput(model.network.output).weights)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("output_reads", ["last", "sum"])
def test_the_hidden_state_is_what_the_output_layer_reads(
    model: Model, exact: bool, output_reads: Literal["last", "sum"]
) -> None:
    config = replace(model.network.config, output_reads=output_reads)
    network = lively(config, scale=2, remember=1)
    reader = CarriedReader(replace(model, network=network), 3)
    vars(reader)["streams"] = Decoder(network, exact).streams(3)
    ids = torch.randint(V, (3, 9), generator=torch.Generator().manual_seed(0))
    for column in ids.T.numpy():
        reader(column)
    with torch.inference_mode():
        hidden, _ = network.read(ids, network.zero_state(3))
    torch.testing.assert_close(reader.hidden, hidden[:, -1], rtol=0, atol=0.02 if exact else 1e-4)


def test_window_context_and_mixtures_cannot_adapt(model: Model) -> None:
    with pytest.raises(ValueError, match="adapt is for context carried"):
        GenerationConfig(adapt=True, context="window")
    with pytest.raises(ValueError, match="mixture"):
        Request(Mixture(Pair(model, replace(model)), 0.5), "a", GenerationConfig(adapt=True))


def test_a_request_that_goes_on_again_and_again_does_not_grow(model: Model) -> None:
    request = Request(model, PROMPT, GenerationConfig(length=20), written="the old ")
    for _ in range(3):
        request = request.again()
        assert request.text == "the old "
        assert len(request.own) == len(request.ids) == len(PROMPT) + len("the old ")
        assert request.own == [True] * len(PROMPT) + [False] * len("the old ")


def test_a_sentence_ends_a_text_only_after_the_least_number_of_characters(exact: Model) -> None:
    config = GenerationConfig(length=2000, seed=1, stop="sentence", least=400, temperature=2)
    assert 400 <= len("".join(generate(exact, "", config))) < 2000
