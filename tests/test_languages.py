"""The names of languages."""

import re

import pytest

from training.languages import NAMES, guessed_language, language_name


def test_a_code_has_a_name_and_an_unknown_code_is_shown_as_it_is() -> None:
    assert [language_name(code) for code in ("en", "de", "nb", "xx", "")] == [
        "English",
        "German",
        "Norwegian Bokmål",
        "xx",
        "unknown",
    ]


def test_every_code_is_of_two_letters_and_has_its_own_name() -> None:
    assert all(re.fullmatch("[a-z]{2}", code) for code in NAMES)
    assert len(set(NAMES.values())) == len(NAMES)


@pytest.mark.parametrize("text", ["No milk today.", "Buy eggs, call Tom.", "Wetin dey happen? I no sabi, make we go."])
def test_every_guess_has_a_name(text: str) -> None:
    assert guessed_language(text) in NAMES
    assert guessed_language("12, 13!") == ""


def test_burmese_is_called_so() -> None:
    assert language_name(guessed_language("မြန်မာဘာသာစကားသည် မြန်မာနိုင်ငံ၏ ရုံးသုံးဘာသာစကား ဖြစ်သည်။")) == "Burmese"
