"""Mixtures of two models: probabilities, responsibilities, and characters that only one of the models has."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from model.decoder import Decoder
from model.generation import GenerationConfig, Request, generate
from model.loaded import Model
from model.lstm import CharLSTM, LSTMConfig
from model.serving.batch import Batch
from model.serving.mixture import Mixture, Pair
from model.vocabulary import Vocabulary
from tests.conftest import E, H, lively

PROMPT = "the old tale\nabide in it"
OTHERS = "\n abdehilnoTé"  # 13 characters, as in `model`, but T and é are in this one only


@pytest.fixture
def other(model: Model) -> Model:
    network = lively(LSTMConfig(embedding_size=E + 1, hidden_size=H, layers=1), seed=1)
    return replace(model, network=network, vocabulary=Vocabulary(OTHERS), name="other")


def written(model: Model | Mixture, prompt: str = PROMPT, **options: Any) -> Request:
    request = Request(model, prompt, GenerationConfig(**{"length": 60, "seed": 5, **options}))
    batch = Batch(model)
    batch.join(request)
    while not request.done:
        batch.step()
    return request


def probabilities(model: Model, text: str) -> np.ndarray:
    with torch.inference_mode():
        logits, _ = model.network(model.vocabulary.encode(text)[None], model.network.zero_state(1))
    return logits[0, -1].softmax(-1).double().numpy()


def test_a_mixture_has_the_characters_of_both_and_is_lowercase_only_if_both_are(model: Model, other: Model) -> None:
    mixture = Mixture(Pair(model, other), 0.5)
    assert set(mixture.vocabulary.characters) == set(model.vocabulary.characters) | set("Té")
    assert not mixture.vocabulary.lowercase
    assert Mixture(Pair(model, model), 0.5).vocabulary.lowercase


def test_a_mixture_has_the_typography_of_its_models_if_it_is_the_same(model: Model) -> None:
    english = replace(model, vocabulary=Vocabulary("ab-—", typography="English"))
    assert Pair(english, english).vocabulary.repair("a--b").text == "a—b"
    assert Pair(english, model).vocabulary.typography == "as it is"


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_probabilities_are_the_weighted_sums_of_both_models(model: Model, other: Model, share: float) -> None:
    mixture = Mixture(Pair(model, other), share)
    streams = mixture.decoder.streams(1)
    for id in mixture.vocabulary.encode("Thé old"):
        logits = streams.step(np.array([int(id)]))
    first, second = probabilities(model, "the old"), probabilities(other, "Thé old")
    for id, character in enumerate(mixture.vocabulary.characters):
        of_first = (1 - share) * first[model.vocabulary.ids[character]] if character not in "Té" else 0.0
        of_second = share * second[OTHERS.index(character)] if character in OTHERS else 0.0
        assert np.exp(logits[0, id]) == pytest.approx(of_first + of_second, abs=1e-5)
        if of_first + of_second > 1e-6:
            assert streams.responsibilities[0, id] == pytest.approx(of_second / (of_first + of_second), abs=1e-3)


def test_an_unknown_character_is_read_as_the_nearest_known_one_or_as_a_space(model: Model, other: Model) -> None:
    part = Mixture(Pair(other, model), 0.5).decoder.parts[1]
    both = sorted({*OTHERS, *model.vocabulary.characters})
    reads = {character: model.vocabulary.characters[id] for character, id in zip(both, part.ids, strict=True)}
    assert (reads["é"], reads["T"], reads["a"], reads["\n"]) == ("e", "t", "a", "\n")
    quotes = replace(other, vocabulary=Vocabulary("“” ’‘ab"))
    plain = Mixture(Pair(quotes, replace(other, vocabulary=Vocabulary("'\"x☃ "))), 0.5)
    reads = dict(
        zip(
            plain.vocabulary.characters,
            [quotes.vocabulary.characters[i] for i in plain.decoder.parts[0].ids],
            strict=True,
        )
    )
    assert (reads["'"], reads['"'], reads["☃"], reads["x"]) == ("’", "”", " ", " ")


@pytest.mark.parametrize("context", ["carried", "window"])
def test_with_a_weight_of_0_or_1_one_model_writes_as_if_alone(model: Model, other: Model, context: str) -> None:
    alone = written(model, context=context)
    for mixture, share in ((Mixture(Pair(model, other), 0), 0), (Mixture(Pair(other, model), 1), 1)):
        mixed = written(mixture, context=context)
        assert mixed.text == alone.text
        assert mixed.responsibilities == [share] * 60


def test_every_character_has_a_responsibility_of_0_or_1_if_only_one_model_has_it(model: Model, other: Model) -> None:
    request = written(Mixture(Pair(model, other), 0.5), length=400, temperature=1.0)
    assert len(request.responsibilities) == len(request.characters) == 400
    shares = list(zip(request.characters, request.responsibilities, strict=True))
    assert {share for character, share in shares if character in "Té"} == {1}
    assert {share for character, share in shares if character in "t."} == {0}
    assert len(set(request.responsibilities)) > 9
    assert request.text == "".join(generate(Mixture(Pair(model, other), 0.5), PROMPT, request.config))


def test_mixtures_of_one_pair_with_any_weights_share_a_batch_and_write_as_if_alone(exact: Model, other: Model) -> None:
    vars(other)["decoder"] = Decoder(other.network, exact=True)
    pair = Pair(exact, other)
    prompts, weights = ["a", PROMPT, "The end", "", "é" * 9, "a", "a"], [0.4, 0, 0.9, 1, 1 / 3, 0.4, 0.41]
    asked: list[tuple[Mixture, str, dict[str, Any]]] = [
        (Mixture(pair, weight), prompt, {"length": 40 + b, "seed": b if b < 5 else 0, "temperature": 0.9})
        for b, (prompt, weight) in enumerate(zip(prompts, weights, strict=True))
    ]
    requests = [Request(mixture, prompt, GenerationConfig(**own)) for mixture, prompt, own in asked]
    batch = Batch(requests[0].model)
    for request in requests:
        assert batch.accepts(request)
        batch.join(request)
        batch.step()
    assert len(batch.running) == len(requests)
    while not all(request.done for request in requests):
        batch.step()
    for request, (mixture, prompt, own) in zip(requests, asked, strict=True):
        alone = written(mixture, prompt, **own)
        assert (alone.text, alone.responsibilities) == (request.text, request.responsibilities)
    assert requests[0].text == requests[5].text[:40]
    assert (
        requests[0].text != requests[6].text[:40] or requests[0].responsibilities != requests[6].responsibilities[:40]
    )


def test_mixtures_share_no_batch_with_another_pair_nor_in_window_context(exact: Model, other: Model) -> None:
    vars(other)["decoder"] = Decoder(other.network, exact=True)
    pair = Pair(exact, other)
    batch = Batch(Mixture(pair, 0.4))
    batch.join(Request(Mixture(pair, 0.4), "a", GenerationConfig()))
    for stranger in (exact, other, Mixture(Pair(other, exact), 0.4)):
        assert not batch.accepts(Request(stranger, "a", GenerationConfig()))
    assert not batch.accepts(Request(Mixture(pair, 0.4), "a", GenerationConfig(context="window")))


def test_a_mixture_is_exact_only_if_both_models_are(model: Model, exact: Model) -> None:
    other = replace(model, network=CharLSTM(model.network.config, 13).eval())
    assert not Mixture(Pair(exact, other), 0.5).decoder.exact
