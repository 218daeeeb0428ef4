"""Which optimizer moves which weights, and at what rate."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from model import hardware
from model.lstm import CharLSTM, LSTMConfig
from tests.conftest import E, H, V
from training.optimization import Float32Muon, learning_rate, optimizers
from training.recipes import CLASSIC, MODERN

RECIPE = replace(MODERN, network=LSTMConfig(embedding_size=E, hidden_size=H, layers=2), weight_decay=0.25)


@pytest.fixture
def tiny() -> CharLSTM:
    torch.manual_seed(0)
    return CharLSTM(RECIPE.network, V)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_every_weight_is_moved_by_exactly_one_optimizer_with_the_recipes_decay(tiny: CharLSTM, optimizer: str) -> None:
    chosen = optimizers(tiny, RECIPE.with_options({"optimizer": optimizer}))
    groups = [group for one in chosen for group in one.param_groups]
    moved = [parameter for group in groups for parameter in group["params"]]
    assert len(moved) == len(set(moved)) == len(list(tiny.parameters()))
    assert {group["weight_decay"] for group in groups} == {0.25}


def test_muon_moves_only_the_matrices_of_the_layers(tiny: CharLSTM) -> None:
    adamw, muon = optimizers(tiny, RECIPE.with_options({"optimizer": "muon"}))
    assert isinstance(adamw, torch.optim.AdamW)
    assert isinstance(muon, torch.optim.Muon)
    shapes = [tuple(parameter.shape) for parameter in muon.param_groups[0]["params"]]
    assert shapes == [(4 * H, E), (4 * H, H), (4 * H, H), (4 * H, H)]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_step_of_either_optimizer_changes_a_weight_by_about_the_learning_rate(tiny: CharLSTM, optimizer: str) -> None:
    before = tiny.layers[1].get_parameter("weight_hh_l0").detach().clone()
    chosen = optimizers(tiny, replace(RECIPE, weight_decay=0.0).with_options({"optimizer": optimizer}))
    logits, _ = tiny(torch.arange(V)[None], tiny.zero_state(1))
    logits.square().mean().backward()
    for one in chosen:
        one.step()
    change = (tiny.layers[1].get_parameter("weight_hh_l0") - before).square().mean().sqrt().item()
    assert 0.1 * RECIPE.learning_rate < change < 1.1 * RECIPE.learning_rate


@pytest.mark.parametrize("has", [True, False])
def test_muon_computes_in_float32_where_the_hardware_has_no_bfloat16(
    tiny: CharLSTM, has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "has_bfloat16", lambda device: has and device.type == "cpu")
    _, muon = optimizers(tiny, RECIPE.with_options({"optimizer": "muon"}))
    assert type(muon) is (torch.optim.Muon if has else Float32Muon)


@pytest.mark.parametrize("shape", [(4 * H, E), (E, 4 * H)])
def test_muon_in_float32_makes_the_steps_of_torchs_muon(shape: tuple[int, int]) -> None:
    chance = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=chance)
    weights = [nn.Parameter(start.clone()), nn.Parameter(start.clone())]
    options: dict[str, Any] = {"lr": 0.1, "weight_decay": 0.25, "adjust_lr_fn": "match_rms_adamw"}
    torchs, ours = torch.optim.Muon(weights[:1], **options), Float32Muon(weights[1:], **options)
    for _ in range(3):
        gradient = torch.randn(shape, generator=chance)
        for each in weights:
            each.grad = gradient.clone()
        torchs.step()
        ours.step()
    torch.testing.assert_close(*weights, rtol=0.02, atol=0.003)  # bfloat16 has three digits
    assert torchs.state_dict()["state"][0].keys() == ours.state_dict()["state"][0].keys()


# ---- the learning rate -----------------------------------------------------------------------------------------------


def test_the_learning_rate_rises_over_the_warm_up_and_falls_to_its_final_share() -> None:
    recipe = replace(MODERN, learning_rate=0.5, final_learning_rate=0.1, warmup_steps=4)
    assert [learning_rate(recipe, step, 24) for step in range(4)] == pytest.approx([0.125, 0.25, 0.375, 0.5])
    assert learning_rate(recipe, 4, 24) == pytest.approx(0.5)
    assert learning_rate(recipe, 14, 24) == pytest.approx(0.5 * (0.1 + 0.9 / 2))
    assert learning_rate(recipe, 24, 24) == pytest.approx(0.05)
    falling = [learning_rate(recipe, step, 24) for step in range(4, 25)]
    assert falling == sorted(falling, reverse=True)


def test_the_learning_rate_of_the_classic_recipe_is_constant() -> None:
    assert {learning_rate(CLASSIC, step, 1_000) for step in (0, 1, 500, 999)} == {CLASSIC.learning_rate}


def test_a_warm_up_may_be_longer_than_the_run() -> None:
    recipe = replace(MODERN, learning_rate=0.5, warmup_steps=10)
    assert learning_rate(recipe, 4, 5) == pytest.approx(0.25)
    assert learning_rate(replace(recipe, warmup_steps=5), 5, 5) == pytest.approx(0.5)
