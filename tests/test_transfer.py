"""A trained network as the beginning of another: what is carried over, and what starts fresh."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from model.checkpoint import Checkpoint
from model.lstm import CharLSTM, LSTMConfig
from model.vocabulary import Vocabulary
from tests.conftest import CHARACTERS, E, H, lively
from training.transfer import transfer

OTHER = Vocabulary("\n aehtxyzé", lowercase=True)  # in another order, and with four that are new


def fresh(config: LSTMConfig, vocabulary: Vocabulary) -> CharLSTM:
    torch.manual_seed(1)
    return CharLSTM(config, len(vocabulary))


def test_over_the_same_characters_the_network_is_the_same(checkpoint: Checkpoint) -> None:
    network = fresh(checkpoint.network.config, checkpoint.vocabulary)
    done = transfer(checkpoint.network, checkpoint.vocabulary, network, checkpoint.vocabulary)
    for name, weights in checkpoint.network.state_dict().items():
        assert torch.equal(network.state_dict()[name], weights), name
    assert (done.kept, done.fresh, str(done)) == (13, "", "13 characters carried over, 0 start fresh")


def test_a_character_keeps_its_meaning_where_its_id_is_another(checkpoint: Checkpoint) -> None:
    network = fresh(checkpoint.network.config, OTHER)
    done = transfer(checkpoint.network, checkpoint.vocabulary, network, OTHER)
    assert (done.kept, done.fresh) == (6, "xyzé")
    assert str(done) == "6 characters carried over, 4 start fresh: 'xyzé'"
    text, shared = "hat\n the", [character for character in OTHER.characters if character in CHARACTERS]
    rows = {character: checkpoint.vocabulary.ids[character] for character in shared}
    before, _ = checkpoint.network(checkpoint.vocabulary.encode(text)[None], checkpoint.network.zero_state(1))
    after, _ = network(OTHER.encode(text)[None], network.zero_state(1))
    for character, row in rows.items():
        assert torch.equal(after[..., OTHER.ids[character]], before[..., row])


def test_a_fresh_character_is_not_expected_before_it_was_seen(checkpoint: Checkpoint) -> None:
    with torch.no_grad():
        checkpoint.network.output.bias.copy_(torch.arange(13.0))
    network = fresh(checkpoint.network.config, OTHER)
    transfer(checkpoint.network, checkpoint.vocabulary, network, OTHER)
    lowest = min(network.output.bias[OTHER.ids[character]].item() for character in "\n aeht")
    assert {network.output.bias[OTHER.ids[character]].item() for character in "xyzé"} == {lowest}


@pytest.mark.parametrize("other", [{"hidden_size": 12}, {"layers": 1}, {"embedding_size": 8}], ids=str)
def test_other_sizes_are_refused_by_name(checkpoint: Checkpoint, other: dict[str, Any]) -> None:
    network = fresh(replace(checkpoint.network.config, **other), checkpoint.vocabulary)
    (name,) = other
    with pytest.raises(ValueError, match=rf"\A{name.replace('_', ' ')} is .* in the model to begin from: leave it out"):
        transfer(checkpoint.network, checkpoint.vocabulary, network, checkpoint.vocabulary)


def test_other_dropout_is_no_obstacle(checkpoint: Checkpoint) -> None:
    network = fresh(replace(checkpoint.network.config, dropout_hidden=0.5), checkpoint.vocabulary)
    assert transfer(checkpoint.network, checkpoint.vocabulary, network, checkpoint.vocabulary).kept == 13


def test_scaled_numbers_cannot_change_their_meaning(vocabulary: Vocabulary) -> None:
    source = lively(LSTMConfig(input_encoding="scaled", embedding_size=E, hidden_size=H, layers=1))
    assert transfer(source, vocabulary, fresh(source.config, vocabulary), vocabulary).kept == 13
    with pytest.raises(ValueError, match="scaled numbers cannot go on with a text of other characters"):
        transfer(source, vocabulary, fresh(source.config, OTHER), OTHER)


def test_a_text_without_one_known_character_is_refused(checkpoint: Checkpoint) -> None:
    greek = Vocabulary("αβγ")
    with pytest.raises(ValueError, match="knows none of the text's characters"):
        transfer(checkpoint.network, checkpoint.vocabulary, fresh(checkpoint.network.config, greek), greek)
