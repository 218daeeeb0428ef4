"""The names of languages."""

import re

from training.languages import NAMES, language_name


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
