"""Words to avoid and to favour."""

import numpy as np
import pytest

from model.generation import GenerationConfig, Request, generate
from model.loaded import Model
from model.serving.batch import Batch
from model.vocabulary import Vocabulary
from model.words import BEGIN, GO_ON, Words

VOCABULARY = Vocabulary(" .abdehilnotTH")


def added(text: str, **words: str) -> dict[str, float]:
    values = Words(VOCABULARY, **words).added(text)
    return {c: float(value) for c, value in zip(VOCABULARY.characters, values, strict=True) if value}


def test_the_last_letter_of_a_word_to_avoid_is_never_written_at_its_place() -> None:
    assert added("a ho", avoid="hot") == {"t": -np.inf, "T": -np.inf}
    assert added("Ho", avoid="HOT") == {"t": -np.inf, "T": -np.inf}
    assert added("a tho", avoid="hot") == {}, "it is the end of another word"
    assert added("a h", avoid="hot") == {}


@pytest.mark.parametrize("mark", "’'")
def test_letters_after_an_apostrophe_inside_a_word_are_not_a_word(mark: str) -> None:
    assert added(f"don{mark}", avoid="t", favour="tin") == {}
    assert added(f"a {mark}", avoid="t") == {"t": -np.inf, "T": -np.inf}, "but a word in quotes is one"


def test_a_word_to_favour_is_likelier_letter_by_letter_until_it_is_written() -> None:
    assert added("a ", favour="tin") == {"t": BEGIN, "T": BEGIN}
    assert added("a t", favour="tin") == {"i": GO_ON}
    assert added("a ti", favour="tin, hat") == {"n": GO_ON}
    assert added("a tin ", favour="tin") == {}, "it was written lately"
    assert added("a tin ", favour="in") == {"i": BEGIN}, "within another word it does not count"
    assert not Words(VOCABULARY)


def test_words_are_read_as_the_model_writes_them() -> None:
    curly = Vocabulary("abdnot’")
    assert Words(curly, avoid="don't").avoid == ["don’t"]
    assert Words(curly, favour="dän, don!").favour == ["dan", "don!"], "only if no letter is lost"


@pytest.mark.parametrize("seed", range(3))
def test_texts_obey_the_words_alone_and_in_a_batch_and_when_continued(exact: Model, seed: int) -> None:
    config = GenerationConfig(length=300, seed=seed, temperature=1.2, avoid="a, h", favour="tin")
    text = "".join(generate(exact, "the ", config))
    assert not [word for word in text.split()[1:] if word[0] in "ah"]
    whole, rest = Request(exact, "the ", config), Request(exact, "the ", config, written=text[:123])
    batch = Batch(exact)
    batch.join(whole)
    batch.join(rest)
    while not (whole.done and rest.done):
        batch.step()
    assert whole.text == rest.text == text
