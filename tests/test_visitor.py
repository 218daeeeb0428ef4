"""The checks of what a visitor sends, and the sentences that refuse it."""

import re

import gradio as gr
import pytest

from interface.visitor import named, refusal, settings, sound, whole
from model.loaded import Model


def test_a_refusal_is_one_sentence_that_leaves_the_log_clean() -> None:
    error = refusal("the seed is -1: give another")
    assert error.message == "The seed is -1: give another."
    assert refusal("There is none.").message == "There is none."
    assert not error.print_exception


@pytest.mark.parametrize(("text", "least"), [(None, 0), (5, 0), (["a"], 0), ("", 1), ("a" * 100_001, 0)])
def test_a_value_that_is_not_a_valid_text_is_refused(text: object, least: int) -> None:
    with pytest.raises(gr.Error, match=r"^'The prompt must have [^\n]* 100,000 characters\.'$"):
        sound(text, "the prompt", least)
    assert sound("", least=0) == ""


@pytest.mark.parametrize("name", [None, "", "nobody", 5, ["tiny"], {"tiny": 1}])
def test_an_unknown_model_is_refused_with_the_names_of_all_models(model: Model, name: object) -> None:
    with pytest.raises(gr.Error, match="choose one of tiny, other"):
        named({"tiny": model, "other": model}, name)


def test_missing_settings_are_the_models_own_and_each_seed_is_new(model: Model) -> None:
    one, other = (settings(model, {"temperature": None, "length": 20.0, "seed": None}) for _ in range(2))
    assert (one.temperature, one.top_k, one.length) == (0.8, 9, 20)
    assert one.seed != other.seed


@pytest.mark.parametrize("typed", [{"temperature": "hot"}, {"top_p": [1]}, {"length": 1.5}, {"seed": "seven"}])
def test_a_wrong_setting_is_refused_in_a_sentence(model: Model, typed: dict[str, object]) -> None:
    with pytest.raises(gr.Error) as refused:
        settings(model, typed)
    assert re.search(r"must be [^\n]*\.$", refused.value.message)
    assert not refused.value.print_exception


def test_a_float_without_a_fraction_becomes_a_whole_number() -> None:
    assert [whole(value) for value in (5.0, 5.5, "5", None)] == [5, 5.5, "5", None]
