"""Start training from a trained network, also if the new text has other characters."""

from dataclasses import dataclass

import torch

from model.lstm import SAME_LAYERS, CharLSTM
from model.vocabulary import Vocabulary


@dataclass(frozen=True)
class Transfer:
    """How many characters keep their rows of the embedding and the output layer, and which ones are new."""

    kept: int
    fresh: str

    def __str__(self) -> str:
        told = f"{self.kept} characters carried over, {len(self.fresh)} start fresh"
        return f"{told}: {self.fresh!r}" if self.fresh else told


@torch.no_grad()
def transfer(source: CharLSTM, known: Vocabulary, target: CharLSTM, vocabulary: Vocabulary) -> Transfer:
    """Copy the layers of `source` to `target`, and the rows of embedding and output of each character that both know.

    A new character is at first as unlikely as the least likely known one. ValueError if the sizes of the networks
    differ, or if the input is a number (`scaled`) that would mean another character.
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
