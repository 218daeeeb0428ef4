"""Text to ids and back, the char map as JSON, and the repair of prompts."""

import json
import random
import string
import unicodedata
from functools import cache
from pathlib import Path

import pytest
import torch

from model.vocabulary import FORMAT, VERSION, Repair, Vocabulary, normalise
from tests.conftest import book

TEXTS = {
    "empty": "",
    "Korean": "안녕하세요, 세계!\n",
    "Chinese": "紅樓夢：滿紙荒唐言，一把辛酸淚。",
    "Arabic": "ألف ليلة وليلة",
    "emoji": "😀 👩‍👩‍👧 🇰🇷 ❤️",
    "book": book(20_000),
}
ENGLISH = Vocabulary.of(string.ascii_lowercase + string.digits + " \n.,;:!?'\"-()", lowercase=True)


# ---- text and ids ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_decoding_what_was_encoded_gives_the_text_back(text: str) -> None:
    vocabulary = Vocabulary.of(text + "x")
    ids = vocabulary.encode(text)
    assert ids.dtype == torch.int64
    assert ids.shape == (len(text),)
    assert vocabulary.decode(ids) == vocabulary.decode(ids.tolist()) == text


def test_a_vocabulary_of_a_text_is_its_distinct_characters_in_order() -> None:
    assert Vocabulary.of("Banana\r\n").characters == ("\n", "B", "a", "n")
    assert Vocabulary.of("Banana", lowercase=True).characters == ("a", "b", "n")


def test_a_characters_id_is_its_place() -> None:
    assert Vocabulary("cab").encode("abc").tolist() == [1, 2, 0]


def test_encoding_refuses_an_unknown_character() -> None:
    with pytest.raises(KeyError):
        ENGLISH.encode("é")


@pytest.mark.parametrize(("characters", "start"), [("b \na", "\n"), ("b a", " "), ("ba", "b")])
def test_an_empty_prompt_starts_at_a_new_line_else_a_space_else_the_first_character(
    characters: str, start: str
) -> None:
    vocabulary = Vocabulary(characters)
    assert vocabulary.decode([vocabulary.start]) == start


@pytest.mark.parametrize("characters", [[], ["a", "b", "a"], ["a", "bc"], ["a", ""]])
def test_no_characters_repeated_ones_and_longer_ones_are_refused(characters: list[str]) -> None:
    with pytest.raises(ValueError, match="single characters, each of them once"):
        Vocabulary(characters)


def test_normalising_twice_is_normalising_once() -> None:
    every = "".join(map(chr, range(0x20000)))
    for lowercase in (False, True):
        once = normalise(every, lowercase)
        assert normalise(once, lowercase) == once


# ---- storage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lowercase", [False, True])
def test_json_keeps_the_order_and_whether_text_is_lower_case(lowercase: bool, tmp_path: Path) -> None:
    vocabulary = Vocabulary('zy\n"\\안😀a', lowercase)
    vocabulary.save(tmp_path / "vocabulary.json")
    restored = Vocabulary.from_json((tmp_path / "vocabulary.json").read_text(encoding="utf-8"))
    assert restored == vocabulary
    assert restored.characters == vocabulary.characters
    assert restored.lowercase is lowercase
    assert hash(restored) == hash(vocabulary)


def test_vocabularies_differ_by_order_and_by_lower_case() -> None:
    assert Vocabulary("ab") != Vocabulary("ba")
    assert Vocabulary("ab", lowercase=True) != Vocabulary("ab", lowercase=False)


def test_the_json_begins_with_its_format_and_version() -> None:
    assert list(json.loads(ENGLISH.to_json()).items())[:2] == [("format", FORMAT), ("version", VERSION)]
    assert ENGLISH.to_json().splitlines()[1:3] == [f'"format": "{FORMAT}",', f'"version": {VERSION},']


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"version": VERSION + 1},
        {"version": None},
        {"characters": []},
        {"characters": ["a", "a"]},
        {"characters": ["ab"]},
        {"characters": ["a", 1]},
        {"characters": "ab"},
        {"characters": {"a": 0}},
        {"characters": None},
        {"lowercase": None},
        {"lowercase": 1},
        {"lowercase": "true"},
    ],
    ids=str,
)
def test_json_with_a_wrong_value_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Vocabulary.from_json(json.dumps(json.loads(ENGLISH.to_json()) | change))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '"format"', "{}"])
def test_json_of_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Vocabulary.from_json(text)


def test_json_cut_off_anywhere_is_refused() -> None:
    whole = Vocabulary("ab").to_json().rstrip()
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"\w"):
            Vocabulary.from_json(whole[:length])


# ---- repair ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "text", "report"),
    [
        ("", "", ""),
        ("plain, known text.\n", "plain, known text.\n", ""),
        ("Café 😀", "cafe ", "capitals→small letters, é→e, 😀 left out"),
        ("“so”", '"so"', '“→", ”→"'),
        ("it’s ‘so’", "it's 'so'", "’→', ‘→'"),
        ("yes—no", "yes--no", "—→--"),
        ("1914–18", "1914-18", "–→-"),
        ("well…", "well...", "…→..."),
        ("ﬁne ﬂow", "fine flow", "ﬁ→fi, ﬂ→fl"),
        ("ａｂｃ！", "abc!", "ａ→a, ｂ→b, ｃ→c, ！→!"),
        ("encyclopædia, œuvre, groß", "encyclopaedia, oeuvre, gross", "æ→ae, œ→oe, ß→ss"),
        ("smørrebrød", "smorrebrod", "ø→o"),
        ("Ǣon", "aeon", "capitals→small letters, ǣ→ae"),
        ("a\u00a0b\u3000c", "a b c", "U+00A0→space, U+3000→space"),
        ("a\r\nb\rc", "a\nb\nc", "line endings unified"),
        ("a\u2028b", "a\nb", "line endings unified"),
        ("a\ud800b", "ab", "U+D800 left out"),
        ("a\0b", "ab", "U+0000 left out"),
        ("a\u200db", "ab", "U+200D left out"),
        ("q\u0308", "q", "\u0308 left out"),
        ("\u0301", "", "\u0301 left out"),
        ("~~a~~", "a", "~ left out"),
        ("éèéâ", "eeea", "é→e, è→e, â→a"),
    ],
    ids=ascii,
)
def test_a_prompt_is_repaired_for_a_lower_case_english_vocabulary(prompt: str, text: str, report: str) -> None:
    repaired = ENGLISH.repair(prompt)
    assert (repaired.text, repaired.report) == (text, report)


def test_straight_quotes_become_curly_where_only_curly_ones_are_known() -> None:
    curly = Vocabulary.of(string.ascii_letters + " .,—(“”‘’\n")
    repaired = curly.repair('"It\'s (\'so\'," he said—"so".\n"No"')
    assert repaired.text == "“It’s (‘so’,” he said—“so”.\n“No”"
    assert repaired.report == "\"→“, '→’, '→‘, \"→”"


def test_double_quotes_become_two_single_ones_where_no_others_are_known() -> None:
    assert Vocabulary.of("so'").repair('"so"').text == "''so''"


def test_a_tab_becomes_four_spaces() -> None:
    assert ENGLISH.repair("a\tb").text == "a    b"
    assert ENGLISH.repair("a\tb").report == "tab→4 spaces"


def test_a_dash_becomes_the_nearest_dash_that_is_known() -> None:
    assert Vocabulary.of("ab-").repair("a—b").text == "a--b"
    assert Vocabulary.of("ab–").repair("a—b").text == "a–b"
    assert Vocabulary.of("ab—").repair("a–b").text == "a—b"
    assert Vocabulary.of("12/").repair("½").text == "1/2"


def test_accents_stay_where_they_are_known() -> None:
    french = Vocabulary.of("cafés ")
    assert french.repair("cafés").text == "cafés"
    assert french.repair("cafe\u0301s").text == "cafés"
    assert french.repair("cafés").report == ""
    assert french.repair("câfés").text == "cafés"


def test_capitals_stay_where_they_are_known_and_change_case_where_they_are_not() -> None:
    assert Vocabulary.of("Ab").repair("Ab").report == ""
    assert Vocabulary.of("ab").repair("AB").text == "ab"
    assert Vocabulary.of("AB").repair("ab").text == "AB"


def test_a_long_report_names_the_first_few_and_counts_the_rest() -> None:
    report = ENGLISH.repair("αβγδεζηθ").report
    assert report == "α, β, γ, δ, ε, ζ, 2 more left out"


VOCABULARIES = {
    "english": ENGLISH,
    "mixed case": Vocabulary.of(book(5_000) + "“”‘’—"),
    "capitals": Vocabulary.of("ABCDE '\n"),
    "Greek": Vocabulary.of("αβγδεζηθικλμνξοπρσςτυφχψω ά.", lowercase=True),
    "Korean": Vocabulary.of(TEXTS["Korean"]),
    "Vietnamese": Vocabulary.of("trăm năm trong cõi người ta, chữ tài chữ mệnh", lowercase=True),
    "a mark of its own": Vocabulary.of("abcdeq\u0308\u0301 "),  # q̈ has no composed form
    "one": Vocabulary("x"),
}
ALPHABETS = [
    (0x20, 0x7F),
    (0, 0x250),
    (0x300, 0x370),
    (0x370, 0x600),
    (0x1E00, 0x2100),
    (0x2100, 0x3200),
    (0xAC00, 0xD7B0),
    (0xD800, 0xE000),
    (0xF900, 0x10000),
    (0x1D400, 0x1F700),
    (0, 0x110000),
]


@cache
def random_texts() -> list[str]:
    """Short texts that mix letters, marks, symbols, surrogates and all the rest of Unicode."""
    chance = random.Random(0)
    letters = "aeE\u0308\u0301\r\n'\" \ud800İßΣ"
    return [
        "".join(
            chance.choice(letters) if chance.random() < 0.4 else chr(chance.randrange(*chance.choice(ALPHABETS)))
            for _ in range(chance.randint(1, 12))
        )
        for _ in range(1_500)
    ]


@cache
def repairs(vocabulary: Vocabulary) -> list[tuple[str, Repair]]:
    return [(text, vocabulary.repair(text)) for text in random_texts()]


@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=VOCABULARIES)
def test_any_text_at_all_is_repaired_to_one_that_can_be_encoded(vocabulary: Vocabulary) -> None:
    for text, repair in repairs(vocabulary):
        assert vocabulary.decode(vocabulary.encode(repair.text)) == repair.text, ascii(text)


@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=VOCABULARIES)
def test_every_change_to_a_text_is_reported_and_every_report_has_a_change(vocabulary: Vocabulary) -> None:
    for text, repair in repairs(vocabulary):
        # Composed and decomposed letters are the same text to a reader.
        changed = repair.text != unicodedata.normalize("NFC", text)
        assert changed == (repair.report != ""), ascii(text)


@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=VOCABULARIES)
def test_a_repaired_text_needs_no_repair(vocabulary: Vocabulary) -> None:
    for text, repair in repairs(vocabulary):
        assert vocabulary.repair(repair.text) == Repair(repair.text, ""), ascii(text)


@pytest.mark.parametrize(
    ("vocabulary", "prompt"),
    [
        (Vocabulary("\u0301\u0308\u0399", lowercase=True), "\u1fd3"),  # its capital is three characters
        (Vocabulary("\u0301\u0308\u0399"), "\u1fd3"),
        (Vocabulary("e\u0301"), "e😀\u0301"),
        (Vocabulary("q\u0301\u0308"), "q\u0308😀\u0301"),
        (Vocabulary("\u1100\u1161"), "\u1100😀\u1161"),  # the two letters of a Korean syllable
    ],
    ids=ascii,
)
def test_a_combining_mark_that_a_repair_moves_behind_a_letter_is_left_out(vocabulary: Vocabulary, prompt: str) -> None:
    text = vocabulary.repair(prompt).text
    assert all(character in vocabulary.ids for character in text)
    assert unicodedata.normalize("NFC", text) == text


def test_a_replacement_is_looked_up_once_for_all_places_that_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def replacement(_: Vocabulary, character: str, before: str) -> str:
        asked.append((character, before))
        return "b"

    monkeypatch.setattr(Vocabulary, "_replacement", replacement)
    assert Vocabulary("ab").repair("éaé" * 1_000).text == "bab" * 1_000
    assert asked == [("é", "\n"), ("é", "a"), ("é", "b")]


def test_a_prompt_gets_the_quotes_and_dashes_that_the_model_knows() -> None:
    printed = Vocabulary("“”‘’— .,ITabcdehilnorstw", typography="English")
    repair = printed.repair("\"I can't--'no'.\"")
    assert repair.text == "“I can’t—‘no’.”"
    assert repair.report == "punctuation as in print"
    assert printed.repair("“I can’t.”").report == ""


def test_the_typography_is_stored_and_unknown_ones_are_refused() -> None:
    printed = Vocabulary("ab", typography="German")
    assert Vocabulary.from_json(printed.to_json()) == printed != Vocabulary("ab")
    with pytest.raises(ValueError, match="typography is 'Latin', but must be one of as it is, English, German, French"):
        Vocabulary.from_json(printed.to_json().replace("German", "Latin"))


def test_a_letter_without_a_capital_of_its_own_gets_small_letters() -> None:
    assert Vocabulary.of("FISatres").repair("Straße").text == "Strasse"
    assert Vocabulary.of("FIfi").repair("ﬁ").text == "fi"
