"""Two models that write one text: whose each character is, and what each reads of the other's."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from model.checkpoint import Checkpoint
from model.decoder import Decoder
from model.generation import Batch, GenerationConfig, Writer, generate
from model.lstm import CharLSTM, LSTMConfig
from model.mixture import Mixture
from model.vocabulary import Vocabulary
from tests.conftest import E, H, lively

PROMPT = "the old tale\nabide in it"
OTHERS = "\n abdehilnoTé"  # thirteen characters as well, two of them its own


@pytest.fixture
def other(checkpoint: Checkpoint) -> Checkpoint:
    network = lively(LSTMConfig(embedding_size=E + 1, hidden_size=H, layers=1), seed=1)
    return replace(checkpoint, network=network, vocabulary=Vocabulary(OTHERS), name="other")


def written(model: Checkpoint | Mixture, prompt: str = PROMPT, **options: Any) -> Writer:
    writer = Writer(model, prompt, GenerationConfig(**{"length": 60, "seed": 5, **options}))
    batch = Batch(model)
    batch.join(writer)
    while not writer.done:
        batch.step()
    return writer


def probabilities(model: Checkpoint, text: str) -> np.ndarray:
    with torch.inference_mode():
        logits, _ = model.network(model.vocabulary.encode(text)[None], model.network.zero_state(1))
    return logits[0, -1].softmax(-1).double().numpy()


def test_the_characters_are_those_of_both_and_capitals_stay_where_one_knows_them(
    checkpoint: Checkpoint, other: Checkpoint
) -> None:
    mixture = Mixture(checkpoint, other, 0.5)
    assert set(mixture.vocabulary.characters) == set(checkpoint.vocabulary.characters) | set("Té")
    assert not mixture.vocabulary.lowercase
    assert Mixture(checkpoint, checkpoint, 0.5).vocabulary.lowercase


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_each_character_comes_from_the_one_or_the_other_by_the_chance_that_is_chosen(
    checkpoint: Checkpoint, other: Checkpoint, share: float
) -> None:
    mixture = Mixture(checkpoint, other, share)
    streams = mixture.decoder.streams(1)
    for id in mixture.vocabulary.encode("Thé old"):
        logits = streams.step(np.array([int(id)]))
    first, second = probabilities(checkpoint, "the old"), probabilities(other, "Thé old")
    for id, character in enumerate(mixture.vocabulary.characters):
        of_first = (1 - share) * first[checkpoint.vocabulary.ids[character]] if character not in "Té" else 0.0
        of_second = share * second[OTHERS.index(character)] if character in OTHERS else 0.0
        assert np.exp(logits[0, id]) == pytest.approx(of_first + of_second, abs=1e-5)
        if of_first + of_second > 1e-6:
            assert streams.shares[0, id] == pytest.approx(of_second / (of_first + of_second), abs=1e-3)


def test_an_unknown_character_is_read_as_the_nearest_known_and_else_as_a_space(
    checkpoint: Checkpoint, other: Checkpoint
) -> None:
    part = Mixture(other, checkpoint, 0.5).decoder.parts[1]
    both = sorted({*OTHERS, *checkpoint.vocabulary.characters})
    reads = {character: checkpoint.vocabulary.characters[id] for character, id in zip(both, part.ids, strict=True)}
    assert (reads["é"], reads["T"], reads["a"], reads["\n"]) == ("e", "t", "a", "\n")
    quotes = replace(other, vocabulary=Vocabulary("“” ’‘ab"))
    plain = Mixture(quotes, replace(other, vocabulary=Vocabulary("'\"x☃ ")), 0.5)
    reads = dict(
        zip(
            plain.vocabulary.characters,
            [quotes.vocabulary.characters[i] for i in plain.decoder.parts[0].ids],
            strict=True,
        )
    )
    assert (reads["'"], reads['"'], reads["☃"], reads["x"]) == ("’", "”", " ", " ")


@pytest.mark.parametrize("context", ["carried", "window"])
def test_with_nothing_of_the_one_the_other_writes_as_if_alone(
    checkpoint: Checkpoint, other: Checkpoint, context: str
) -> None:
    alone = written(checkpoint, context=context)
    for mixture, share in ((Mixture(checkpoint, other, 0), 0), (Mixture(other, checkpoint, 1), 1)):
        mixed = written(mixture, context=context)
        assert mixed.text == alone.text
        assert mixed.shares == [share] * 60


def test_every_character_has_its_share_and_those_of_one_alone_are_its_own(
    checkpoint: Checkpoint, other: Checkpoint
) -> None:
    writer = written(Mixture(checkpoint, other, 0.5), length=400, temperature=1.0)
    assert len(writer.shares) == len(writer.characters) == 400
    shares = list(zip(writer.characters, writer.shares, strict=True))
    assert {share for character, share in shares if character in "Té"} == {1}
    assert {share for character, share in shares if character in "t."} == {0}
    assert len(set(writer.shares)) > 9
    assert writer.text == "".join(generate(Mixture(checkpoint, other, 0.5), PROMPT, writer.config))


def test_a_text_of_a_mixture_is_the_same_alone_and_in_company(exact: Checkpoint, other: Checkpoint) -> None:
    vars(other)["decoder"] = Decoder(other.network, exact=True)
    mixture = Mixture(exact, other, 0.4)
    writers = [
        Writer(mixture, prompt, GenerationConfig(length=40 + b, seed=b, temperature=0.9))
        for b, prompt in enumerate(["a", PROMPT, "The end", "", "é" * 9])
    ]
    batch = Batch(mixture)
    for writer in writers:
        assert batch.welcomes(writer)
        batch.join(writer)
        batch.step()
    while batch.writing:
        batch.step()
    for b, (writer, prompt) in enumerate(zip(writers, ["a", PROMPT, "The end", "", "é" * 9], strict=True)):
        alone = written(mixture, prompt, length=40 + b, seed=b, temperature=0.9)
        assert (alone.text, alone.shares) == (writer.text, writer.shares)


def test_networks_that_are_not_exact_write_by_themselves(checkpoint: Checkpoint, exact: Checkpoint) -> None:
    other = replace(checkpoint, network=CharLSTM(checkpoint.network.config, 13).eval())
    assert not Mixture(exact, other, 0.5).decoder.exact
