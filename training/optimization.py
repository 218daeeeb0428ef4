"""Which optimizer updates which weights, and the learning rate of each step."""

import math

import torch
from torch import nn
from torch.optim import Optimizer

from training.recipes import Recipe


def optimizers(network: nn.Module, recipe: Recipe) -> list[Optimizer]:
    """The optimizers of a recipe, which share its learning rate and its weight decay.

    Muon updates the matrices of the LSTM layers by orthogonal matrices and needs about half as many steps as AdamW. It
    is not meant for embeddings, output layers and biases: AdamW updates those. Jordan et al., "Muon: An optimizer for
    hidden layers in neural networks", 2024, with step sizes matched to AdamW's: Liu et al., "Muon is Scalable for LLM
    Training", 2025, section 2.2.
    """
    parameters = dict(network.named_parameters())
    matrices = [name for name in parameters if recipe.optimizer == "muon" and ".weight_" in name]
    rest = [parameter for name, parameter in parameters.items() if name not in matrices]
    # With no weight decay AdamW is Adam.
    chosen: list[Optimizer] = [
        torch.optim.AdamW(rest, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    ]
    if matrices:
        chosen.append(
            torch.optim.Muon(
                [parameters[name] for name in matrices],
                recipe.learning_rate,
                weight_decay=recipe.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    return chosen


def learning_rate(recipe: Recipe, step: int, steps: int | None) -> float:
    """The learning rate of a step: a linear warm-up, then cosine decay to `final_learning_rate` times the highest."""
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    done = 0.0 if steps is None else (step - recipe.warmup_steps) / max(1, steps - recipe.warmup_steps)
    low = recipe.final_learning_rate
    return recipe.learning_rate * (low + (1 - low) * (1 + math.cos(math.pi * done)) / 2)
