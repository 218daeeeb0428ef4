"""The opening that a loaded model puts before a story."""

from dataclasses import replace

import pytest

from model.loaded import Model
from model.lstm import Context
from model.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("characters", "context", "opening"),
    [("\nab", "carried", "\n\n"), ("\nab", "window", "\n"), (" ab", "carried", " "), ("ab", "carried", "a")],
)
def test_a_story_begins_a_paragraph_if_the_model_knows_line_ends(
    model: Model, characters: str, context: Context, opening: str
) -> None:
    assert replace(model, vocabulary=Vocabulary(characters), context=context).opening == opening
