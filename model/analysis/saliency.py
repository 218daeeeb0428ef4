"""Saliency: how much each earlier character mattered for the prediction of the next one."""

import torch
from torch import Tensor

from model.loaded import Model
from model.lstm import WINDOW
from model.vocabulary import Repair

READ = 300  # most characters that are read before the chosen one


def saliency(model: Model, text: str, letter: str) -> tuple[Repair, Tensor]:
    """The end of `text`, repaired, and how much each of its characters mattered for the next `letter`, (T,) float32.

    The value of a character is the length of a gradient: that of the letter's log probability with respect to the
    input of the first layer for this character. One backward pass gives all values; they are scaled so that the largest
    is 1. All are 0 if the repair leaves nothing of the letter. (After Madsen, "Visualizing memorization in RNNs",
    Distill, 2019.)
    """
    vocabulary, network = model.vocabulary, model.network
    read = WINDOW if model.context == "window" else READ
    repaired = vocabulary.repair(text[-read:])
    repaired = Repair(repaired.text[-read:], repaired.report)
    # Nothing beside a single mark tells whether it opens or closes, so a known one is not repaired.
    known = letter if letter in vocabulary.ids else vocabulary.repair(letter).text[:1]
    ids = torch.tensor([vocabulary.start, *vocabulary.encode(repaired.text).tolist()])
    if model.context == "window":
        ids = ids[-WINDOW:]
    if not known or not repaired.text:
        return repaired, torch.zeros(len(repaired.text))
    with torch.no_grad():
        inputs = network.input(ids)[None]  # (1, T + 1, E), or (1, T, E) if the window is full
    inputs.requires_grad_()
    with torch.enable_grad():
        x, hidden = inputs, []
        for layer in network.layers:
            x, _ = layer(x)
            hidden.append(x[0, -1])
        log_p = network.output(network.output_input(hidden)).log_softmax(-1)[vocabulary.ids[known]]
        (gradient,) = torch.autograd.grad(log_p, inputs)
    lengths = gradient[0, len(ids) - len(repaired.text) :].norm(dim=-1)
    return repaired, lengths / lengths.max().clamp_min(1e-30)
