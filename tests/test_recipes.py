"""The recipes: their values, their options, and what suits a text."""

from dataclasses import asdict
from typing import Any

import pytest

from model.lstm import LSTMConfig
from training.recipes import CLASSIC, MODERN, RECIPES, Recipe, fitted, reasons


def test_the_classic_recipe_is_the_tutorials_own() -> None:
    assert asdict(CLASSIC.network) == asdict(
        LSTMConfig(input_encoding="scaled", hidden_size=256, layers=1, dropout_output=0.2)
    )
    assert (CLASSIC.context, CLASSIC.window, CLASSIC.batch_size, CLASSIC.epochs) == ("window", 100, 128, 10)
    assert CLASSIC.lowercase
    assert CLASSIC.sampling.temperature == 0
    # Adam with its defaults: one rate throughout, no decay, no clipping.
    assert (CLASSIC.learning_rate, CLASSIC.final_learning_rate, CLASSIC.warmup_steps) == (1e-3, 1, 0)
    assert (CLASSIC.weight_decay, CLASSIC.clip_norm, CLASSIC.precision) == (0, 0, "float32")


def test_the_modern_recipe_carries_its_state() -> None:
    assert MODERN.context == "carried"
    assert MODERN.network.input_encoding == "embedding"
    assert MODERN.sampling.temperature > 0


def test_recipes_are_found_by_their_own_names_and_the_modern_one_comes_first() -> None:
    assert list(RECIPES) == ["modern", "classic"]
    assert all(recipe.name == name for name, recipe in RECIPES.items())


def test_options_change_the_recipe_or_its_network_by_name_and_nothing_else() -> None:
    changed = MODERN.with_options({"hidden_size": 11, "batch_size": 3, "weight_drop": 0.1})
    before, after = asdict(MODERN), asdict(changed)
    assert (after["network"].pop("hidden_size"), after.pop("batch_size"), after["network"].pop("weight_drop")) == (
        11,
        3,
        0.1,
    )
    for gone in ("hidden_size", "weight_drop"):
        del before["network"][gone]
    del before["batch_size"]
    assert after == before


def test_no_options_change_nothing() -> None:
    assert MODERN.with_options({}) == MODERN


def test_given_epochs_replace_the_steps_of_a_recipe() -> None:
    assert MODERN.steps
    assert MODERN.with_options({"epochs": 2.5}).steps == 0
    assert MODERN.with_options({"epochs": 2.5}).epochs == 2.5


def test_given_steps_take_precedence_over_epochs() -> None:
    assert CLASSIC.epochs
    assert CLASSIC.with_options({"steps": 7}).steps == 7
    assert MODERN.with_options({"steps": 7, "epochs": 2.0}).steps == 7


@pytest.mark.parametrize("recipe", [CLASSIC, MODERN], ids=lambda recipe: recipe.name)
def test_a_recipe_without_steps_and_epochs_is_refused(recipe: Any) -> None:
    with pytest.raises(ValueError, match="steps and epochs are both 0"):
        recipe.with_options({"steps": 0, "epochs": 0.0})


# ---- what suits a text -----------------------------------------------------------------------------------------------

TEXTS = (30_000, 130_000, 1_000_000, 15_000_000)


def test_the_more_text_the_larger_the_network_and_the_less_dropout() -> None:
    networks = [fitted(MODERN, characters).network for characters in TEXTS]
    assert [network.hidden_size for network in networks] == sorted(network.hidden_size for network in networks)
    for rate in ("dropout_input", "dropout_hidden", "dropout_output", "weight_drop"):
        rates = [getattr(network, rate) for network in networks]
        assert rates == sorted(rates, reverse=True)
    streams = [fitted(MODERN, characters).batch_size for characters in TEXTS]
    assert streams == sorted(streams)


def test_a_text_of_any_length_has_a_recipe_and_a_book_has_the_modern_one_unchanged() -> None:
    assert fitted(MODERN, 130_000) == MODERN
    assert fitted(MODERN, 1).network.hidden_size < fitted(MODERN, 10**12).network.hidden_size


@pytest.mark.parametrize("characters", TEXTS)
def test_the_classic_recipe_is_the_same_for_all_texts(characters: int) -> None:
    assert fitted(CLASSIC, characters) == CLASSIC


@pytest.mark.parametrize("characters", TEXTS)
def test_a_run_from_a_trained_network_keeps_its_sizes_and_has_a_lower_learning_rate(characters: int) -> None:
    init = LSTMConfig(embedding_size=7, hidden_size=11, layers=3)
    tuned, afresh = fitted(MODERN, characters, init), fitted(MODERN, characters)
    assert (tuned.network.embedding_size, tuned.network.hidden_size, tuned.network.layers) == (7, 11, 3)
    assert tuned.learning_rate < afresh.learning_rate


def test_every_choice_is_told_with_its_reason() -> None:
    text, network, dropout, batches, length = reasons(MODERN, 128_000).values()
    assert "128,000 characters" in text
    assert "2 x 512 units" in network
    assert "0.2, 0.4, 0.5 and 0.4" in dropout
    assert "32 at once, 64 characters each" in batches
    assert f"{MODERN.steps * 32 * 64 / 128_000:.1f} times" in length
    assert f"until {MODERN.patience} measurements" in length
    assert "10.0 times" in reasons(CLASSIC, 128_000)["length"]
    assert "until" not in reasons(CLASSIC, 128_000)["length"]
    assert "2.5 minutes" in reasons(MODERN, 128_000, 2.5)["length"]
    assert "2 x 512 units: those of storyteller" in reasons(MODERN, 128_000, init="storyteller")["network"]


def test_a_step_of_the_classic_recipe_learns_one_character_from_each_window() -> None:
    assert "1.3 times" in reasons(CLASSIC.with_options({"steps": 1_000}), 100_000)["length"]


@pytest.mark.parametrize(
    ("recipe", "larger", "by_heart"),
    [
        (MODERN, True, True),
        (MODERN.with_options({"hidden_size": 24}), False, True),
        (MODERN.with_options({"weight_drop": 0.1}), True, False),
        (fitted(MODERN, 128_000, MODERN.network), True, False),  # its layers are those that suit the text, too
        (CLASSIC, False, False),
    ],
)
def test_the_size_of_the_text_is_a_reason_only_for_what_it_has_chosen(
    recipe: Recipe, larger: bool, by_heart: bool
) -> None:
    told = reasons(recipe, 128_000)
    assert told["network"].endswith(" units: more text can train a larger one" if larger else " units")
    assert told["dropout"].endswith("): a shorter text is sooner learned by heart" if by_heart else ")")


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"window": 0},
        {"window": 2.5},
        {"learning_rate": -1},
        {"learning_rate": float("nan")},
        {"final_learning_rate": 1.5},
        {"warmup_steps": -1},
        {"clip_norm": float("inf")},
        {"steps": -1},
        {"steps": True},
        {"epochs": float("inf")},
        {"evaluate_every": -1},
        {"precision": "float16"},
        {"lowercase": 1},
        {"hidden_size": 0},
        {"dropout_output": 1},
    ],
    ids=str,
)
def test_values_out_of_range_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", " ")):
        MODERN.with_options(wrong)
