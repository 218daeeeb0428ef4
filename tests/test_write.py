"""The tab on which one writes: what it says of a model, and how a text may begin."""

from interface.models import chosen, describe, held_out_bits, in_short, load_models
from interface.write import beginnings
from model.loaded import Model


def test_beginnings_can_be_read_by_the_models_they_are_for() -> None:
    models, _ = load_models(["assets/alice", "assets/pooh", "assets/shakespeare"])
    for model in models.values():
        for text in beginnings(model):
            assert "left out" not in model.vocabulary.repair(text).report
        assert f"{held_out_bits(model):.2f} bits" in describe(model)
        assert in_short(model).splitlines() == [model.name, f"4.6 M weights, {held_out_bits(model):.2f} bits"]


def test_a_model_of_which_nothing_is_recorded_has_its_name_alone(model: Model) -> None:
    assert in_short(model) == "tiny"


def test_the_model_of_a_name_that_there_is_not_is_the_first(model: Model) -> None:
    models = {"tiny": model, "other": model}
    assert chosen(models, "other") is models["other"]
    for name in (None, "nobody", ["other"], 5):
        assert chosen(models, name) is models["tiny"]
