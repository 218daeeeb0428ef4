"""Transfer from a trained network to a new one: which weights are carried over, and which start fresh."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from model.loaded import Model
from model.lstm import CharLSTM, LSTMConfig
from model.vocabulary import Vocabulary
from tests.conftest import CHARACTERS, E, H, lively
from training.transfer import transfer

OTHER = Vocabulary("\n aehtxyzé", lowercase=True)  # in another order, and with four that are new


def fresh(config: LSTMConfig, vocabulary: Vocabulary) -> CharLSTM:
    torch.manual_seed(1)
    return CharLSTM(config, len(vocabulary))


def test_over_the_same_characters_the_network_is_the_same(model: Model) -> None:
    network = fresh(model.network.config, model.vocabulary)
    done = transfer(model.network, model.vocabulary, network, model.vocabulary)
    for name, weights in model.network.state_dict().items():
        assert torch.equal(network.state_dict()[name], weights), name
    assert (done.kept, done.fresh, str(done)) == (13, "", "13 characters carried over, 0 start fresh")


def test_a_character_keeps_its_meaning_where_its_id_is_another(model: Model) -> None:
    network = fresh(model.network.config, OTHER)
    done = transfer(model.network, model.vocabulary, network, OTHER)
    assert (done.kept, done.fresh) == (6, "xyzé")
    assert str(done) == "6 characters carried over, 4 start fresh: 'xyzé'"
    text, shared = "hat\n the", [character for character in OTHER.characters if character in CHARACTERS]
    rows = {character: model.vocabulary.ids[character] for character in shared}
    before, _ = model.network(model.vocabulary.encode(text)[None], model.network.zero_state(1))
    after, _ = network(OTHER.encode(text)[None], network.zero_state(1))
    for character, row in rows.items():
        torch.testing.assert_close(after[..., OTHER.ids[character]], before[..., row])


def test_a_fresh_character_starts_with_the_lowest_output_bias(model: Model) -> None:
    with torch.no_grad():
        model.network.output.bias.copy_(torch.arange(13.0))
    network = fresh(model.network.config, OTHER)
    transfer(model.network, model.vocabulary, network, OTHER)
    lowest = min(network.output.bias[OTHER.ids[character]].item() for character in "\n aeht")
    assert {network.output.bias[OTHER.ids[character]].item() for character in "xyzé"} == {lowest}


@pytest.mark.parametrize("other", [{"hidden_size": 12}, {"layers": 1}, {"embedding_size": 8}], ids=str)
def test_other_sizes_are_refused_by_name(model: Model, other: dict[str, Any]) -> None:
    network = fresh(replace(model.network.config, **other), model.vocabulary)
    (name,) = other
    with pytest.raises(ValueError, match=rf"\A{name.replace('_', ' ')} is .* in the model to begin from: leave it out"):
        transfer(model.network, model.vocabulary, network, model.vocabulary)


def test_other_dropout_is_allowed(model: Model) -> None:
    network = fresh(replace(model.network.config, dropout_hidden=0.5), model.vocabulary)
    assert transfer(model.network, model.vocabulary, network, model.vocabulary).kept == 13


def test_scaled_inputs_are_refused_with_another_vocabulary(vocabulary: Vocabulary) -> None:
    source = lively(LSTMConfig(input_encoding="scaled", embedding_size=E, hidden_size=H, layers=1))
    assert transfer(source, vocabulary, fresh(source.config, vocabulary), vocabulary).kept == 13
    with pytest.raises(ValueError, match="scaled numbers cannot go on with a text of other characters"):
        transfer(source, vocabulary, fresh(source.config, OTHER), OTHER)


def test_a_text_without_one_known_character_is_refused(model: Model) -> None:
    greek = Vocabulary("αβγ")
    with pytest.raises(ValueError, match="knows none of the text's characters"):
        transfer(model.network, model.vocabulary, fresh(model.network.config, greek), greek)
