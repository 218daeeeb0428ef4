"""Saliency: how much a predicted letter rests on each character before it."""

from dataclasses import replace

import torch

from model.analysis.saliency import READ, saliency
from model.loaded import Model
from model.lstm import WINDOW
from model.vocabulary import Vocabulary

TEXT = "the old lion ate a hot tin"


def test_the_weights_are_the_gradient_by_finite_differences(model: Model) -> None:
    _, weights = saliency(model, TEXT, "s")  # the vocabulary has no s
    assert not weights.any()
    repaired, weights = saliency(model, TEXT, "o")
    assert len(weights) == len(repaired.text)
    assert weights.max() == 1
    network, vocabulary = model.network, model.vocabulary
    ids = torch.tensor([vocabulary.start, *vocabulary.encode(TEXT).tolist()])
    with torch.no_grad():
        inputs = network.input(ids)[None].double()
        exact = network.double()

        def log_p(x: torch.Tensor) -> torch.Tensor:
            layers = []
            for layer in exact.layers:
                x, _ = layer(x)
                layers.append(x[0, -1])
            return exact.output(exact.output_input(layers)).log_softmax(-1)[vocabulary.ids["o"]]

        lengths = []
        for t in range(1, inputs.shape[1]):
            gradient = []
            for e in range(inputs.shape[2]):
                moved = inputs.clone()
                moved[0, t, e] += 1e-6
                gradient.append((log_p(moved) - log_p(inputs)) / 1e-6)
            lengths.append(torch.stack(gradient).norm())
    expected = torch.stack(lengths)
    torch.testing.assert_close(weights.double(), expected / expected.max(), atol=1e-2, rtol=1e-2)


def test_a_known_letter_is_not_repaired(model: Model) -> None:
    characters = list(model.vocabulary.characters)
    characters[:2] = "„“"
    german = replace(model, vocabulary=Vocabulary(characters, typography="German"))
    opening, closing = (saliency(german, TEXT, mark)[1] for mark in "„“")
    assert opening.tolist() != closing.tolist()


def test_only_the_end_of_a_long_text_is_read_and_an_empty_text_has_no_weights(model: Model) -> None:
    assert len(saliency(model, "a hot tin " * 100, "o")[1]) == READ
    assert saliency(model, "", "o")[1].shape == (0,)


def test_window_context_rests_on_the_last_characters_alone(model: Model) -> None:
    classic = replace(model, context="window")
    long = ("an old tin hat " * 20)[:WINDOW]
    assert saliency(classic, "the " + long, "o")[1].tolist() == saliency(classic, long, "o")[1].tolist()
    assert len(saliency(classic, long, "o")[1]) == WINDOW
