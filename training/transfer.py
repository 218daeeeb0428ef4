"""A trained network as the beginning of another, over other characters."""

from dataclasses import dataclass

import torch

from model.lstm import SAME_LAYERS, CharLSTM
from model.vocabulary import Vocabulary


@dataclass(frozen=True)
class Transfer:
    """Which characters' rows of the embedding and output were carried over, and which start fresh."""

    kept: int
    fresh: str

    def __str__(self) -> str:
        told = f"{self.kept} characters carried over, {len(self.fresh)} start fresh"
        return f"{told}: {self.fresh!r}" if self.fresh else told


@torch.no_grad()
def transfer(source: CharLSTM, known: Vocabulary, target: CharLSTM, vocabulary: Vocabulary) -> Transfer:
    """Give `target` the layers of `source`, and for each character that both know its rows of embedding and output.

    A fresh character is at first as unlikely as the least likely one that was carried over. ValueError where the
    networks differ in their sizes, or where a character goes in as a number that would mean another one.
    """
    for name in SAME_LAYERS:
        had, wanted = getattr(source.config, name), getattr(target.config, name)
        if had != wanted:
            option = name.replace("_", " ")
            raise ValueError(f"{option} is {wanted}, but {had} in the model to begin from: leave it out")
    if source.embedding is None and known.characters != vocabulary.characters:
        raise ValueError("a model that reads scaled numbers cannot go on with a text of other characters")
    both = [character for character in vocabulary.characters if character in known.ids]
    if not both:
        raise ValueError("the model to begin from knows none of the text's characters")
    old = torch.tensor([known.ids[character] for character in both])
    new = torch.tensor([vocabulary.ids[character] for character in both])
    target.layers.load_state_dict(source.layers.state_dict())
    if source.embedding is not None and target.embedding is not None:
        target.embedding.weight[new] = source.embedding.weight[old]
    target.output.weight[new] = source.output.weight[old]
    target.output.bias.fill_(source.output.bias[old].min().item())
    target.output.bias[new] = source.output.bias[old]
    return Transfer(len(both), "".join(c for c in vocabulary.characters if c not in known.ids))
