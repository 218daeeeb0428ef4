"""Words to avoid and to favour."""

import random
import re

import numpy as np
import pytest

from model.generation import GenerationConfig, Request, generate
from model.loaded import Model
from model.serving.batch import Batch
from model.vocabulary import Vocabulary
from model.words import BEGIN, GO_ON, LATELY, Words

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


def test_letters_are_favoured_and_avoided_exactly_where_a_word_begins() -> None:
    start, chance = r"(?<!\w)(?<!\w['’])", random.Random(0)
    for _ in range(1000):
        text = "".join(chance.choices("abé '’-", k=chance.randrange(12)))
        word = "".join(chance.choices("abé'’-", k=chance.randrange(1, 4)))
        written = re.search(start + re.escape(word), text)
        begun = [word[:k] for k in range(len(word)) if re.search(start + re.escape(word[:k]) + r"\Z", text)]
        letters = Vocabulary(sorted(set(word)))
        favoured, avoided = Words(letters, favour=word).added(text), Words(letters, avoid=word).added(text)
        expected = np.zeros(len(letters), np.float32)
        for beginning in [] if written else begun:
            expected[letters.ids[word[len(beginning)]]] += GO_ON if beginning else BEGIN
        assert favoured.tolist() == expected.tolist(), (text, word)
        assert np.isinf(avoided).any() == (word[:-1] in begun), (text, word)


def test_no_pattern_is_made_for_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.words.re", None)  # a pattern for each word would be made again for each character
    assert added("a t", favour="tin") == {"i": GO_ON}


def test_a_word_of_which_only_the_end_was_written_lately_still_counts_as_not_written() -> None:
    for text in ("the hat" + "." * (LATELY - 2), "don’t" + "." * (LATELY - 1)):
        word = text[len(text) - LATELY :].strip(".")
        assert word in ("at", "t")
        assert set(added(text, favour=word).values()) == {BEGIN}
    assert added("a at" + "." * (LATELY - 2), favour="at") == {}
    assert set(added("a at" + "." * (LATELY - 1), favour="at").values()) == {BEGIN}, "it begins too early"


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
