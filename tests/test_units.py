"""Named features of a text, and the units that follow them: planted units are found, and noise is not."""

from dataclasses import replace

import pytest
import torch

from model.analysis.units import BLOCK, FEATURES, Finding, features, find_units
from model.generation import SENTENCE
from tests.conftest import book

T, L, H = 1_700, 3, 11


def marked(name: str, text: str) -> str:
    """The text, with a dot in place of each character where a feature is 0."""
    values = FEATURES[name](text)
    assert len(values) == len(text)
    return "".join(character if value else "." for character, value in zip(text, values, strict=True))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


# ---- features --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("a “b c” d", "..“b c..."),
        ('a "b c" d "e" f', '.."b c...."e...'),
        ("‘it’s,’ he said", "‘it’s,........."),
        ("'it's he!' i said", "'it's he!........"),
        ("o' the 'tis don't boys' hats", "............................"),
        ("‘tis but a word", "..............."),
        ('a "b\n\nc "d" e', '.."b...."d...'),
        ("“a\n \n“b” c", "“a...“b..."),
        ("«a» b „c“ d", "«a....„c..."),
        ('"', '"'),
    ],
)
def test_a_quotation_lasts_from_its_mark_to_its_partner_or_the_paragraph_s_end(text: str, inside: str) -> None:
    assert marked("inside quotes", text).replace("\n", ".") == inside.replace("\n", ".")


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("inside brackets", "a (b c) [d", "..(b c..[d"),
        ("start of a word", "don't say “so” 2 me", "d.....s....s...2.m."),
        ("words in capitals", "A KING'S man III", "..KING'S.....III"),
        ("capital letters", "Éa bC", "É...C"),
        ("vowels", "Été why", "É.é...."),
        ("digits", "a 12", "..12"),
        ("spaces and new lines", "a b", ". ."),
        ("start of a line", "abcde\nfghij", "abc...fgh.."),
        ("just after a comma", "a, bcd,", "., b..,"),
        ("end of a sentence", "a! B?” C 3.5 D…   E", ".! .?” .......…  .."),
    ],
)
def test_a_feature_is_where_its_name_says(name: str, text: str, where: str) -> None:
    assert marked(name, text) == where


@pytest.mark.parametrize("end", [".", "!”", "?“", "!‘", "…’”", '."', ".'", ".)", ".]", "!»", "?\u202f»"])
def test_a_sentence_ends_where_a_text_can_end_with_it(end: str) -> None:
    text = f"Ja{end} "
    assert SENTENCE.match(text)
    assert marked("end of a sentence", text) == f"..{end} "


def test_positions_are_counted_from_1_and_anew_in_each_line_and_word() -> None:
    assert FEATURES["position in the line"]("ab\n\nc") == [1, 2, 0, 0, 1]
    assert FEATURES["position in the word"]("ab c, it's") == [1, 2, 0, 1, 0, 0, 1, 2, 3, 4]


def test_a_feature_that_never_varies_in_a_text_is_left_out() -> None:
    assert features("") == {}
    assert features("aaa").keys() == {"position in the line", "position in the word", "start of a word"}
    assert features("   ").keys() == {"position in the line"}
    text = "한국어 글자, 또 한 줄.\n" * 3
    found = features(text)
    assert "vowels" not in found
    assert "spaces and new lines" in found
    for values in found.values():
        assert values.shape == (len(text),)
        assert values.dtype == torch.float32


def test_a_text_of_marks_only_is_read_fast() -> None:
    for text in ("'a " * 1000, "“" * 3000, "(" * 3000, "\n \n" * 1000, "." * 3000, "\ud800'\"" * 1000):
        for values in features(text).values():
            assert values.shape == (len(text),)


# ---- units that follow a feature -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
def test_a_planted_unit_is_found_with_its_sign(sign: int) -> None:
    named = features(book(T))
    hidden = noise(T, L, H)
    planted = {"spaces and new lines": (1, 4), "position in the line": (2, 10), "start of a word": (0, 0)}
    for name, (layer, unit) in planted.items():
        hidden[:, layer, unit] = sign * named[name] / named[name].max() + noise(T) / 20
    found = {finding.feature: finding for finding in find_units(hidden, named)}
    for name, place in planted.items():
        assert (found[name].layer, found[name].unit) == place
        assert 0.95 < sign * found[name].correlation <= 1


def test_the_correlation_is_pearsons_on_the_half_that_did_not_choose_the_unit() -> None:
    named = {"f": noise(T, seed=1)}
    hidden = noise(T, L, H)
    hidden[:, 1, 6] += 2 * named["f"]
    (finding,) = find_units(hidden, named)
    half = torch.arange(T) // 100 % 2 == 1
    pair = torch.stack((hidden[half, 1, 6], named["f"][half]))
    assert (finding.feature, finding.layer, finding.unit) == ("f", 1, 6)
    assert finding.correlation == pytest.approx(torch.corrcoef(pair)[0, 1].item(), abs=1e-5)
    assert BLOCK == 100


def test_among_a_thousand_units_of_noise_none_seems_to_follow_a_feature() -> None:
    named, hidden = features(book(3_000)), noise(3_000, 2, 608)
    flattered = max(
        torch.corrcoef(torch.cat((values[None], hidden.flatten(1).T)))[0, 1:].abs().max() for values in named.values()
    )
    figures = [abs(finding.correlation) for finding in find_units(hidden, named)]
    assert len(figures) == len(named)
    assert sum(figures) / len(figures) < 0.04 < 0.06 < flattered
    assert max(figures) < 0.1


def test_the_strongest_come_first() -> None:
    named = {name: noise(T, seed=seed) for seed, name in enumerate("abc", 1)}
    hidden = noise(T, L, H)
    for strength, (unit, values) in zip((0.7, -3, 1.5), enumerate(named.values()), strict=True):
        hidden[:, 1, unit] += strength * values
    found = find_units(hidden, named)
    assert [finding.feature for finding in found] == ["b", "c", "a"]
    assert found[0].correlation < -0.9


@pytest.mark.parametrize("level", [0.0, 0.1, -1 / 3, 1.0])
def test_a_unit_that_never_moves_follows_nothing(level: float) -> None:
    named = features(book(T))
    assert find_units(torch.full((T, L, H), level), named) == []
    hidden = torch.full((T, L, H), level)
    hidden[:, 2, 7] = noise(T)
    assert {(finding.layer, finding.unit) for finding in find_units(hidden, named)} == {(2, 7)}


@pytest.mark.parametrize("characters", [0, 1, 100])
def test_a_text_without_features_or_of_one_block_gives_no_unit(characters: int) -> None:
    assert find_units(noise(characters, L, H), features(book(characters))) == []


def test_a_feature_that_varies_in_one_half_only_is_left_out() -> None:
    once = torch.zeros(T)
    once[3] = 1
    other = torch.zeros(T)
    other[103] = 1
    assert find_units(noise(T, L, H), {"once": once, "other": other}) == []
    assert find_units(noise(T, L, H), {}) == []


def test_layers_and_units_count_from_0() -> None:
    hidden = torch.zeros(T, 1, 1)
    hidden[:, 0, 0] = noise(T)
    (finding,) = find_units(hidden, {"itself": hidden[:, 0, 0]})
    assert replace(finding, correlation=1) == Finding("itself", 0, 0, 1)
    assert finding.correlation == pytest.approx(1)
