"""Copies of a training text: all that are long enough are found and nothing else, by hashes that never change."""

import io
import json
import random
import zipfile
from typing import Any

import numpy as np
import pytest

from model import copying
from model.copying import BITS, LETTERS, MOST, RUN, Copies, Run, Source, hashed, pieces, share_new
from tests.conftest import book

TEXT, OTHER = book(5_000), book(3_000, seed=1)
OPEN, CLOSE = "~" * 11, "#" * 17  # characters that no book has


def windows(text: str) -> list[str]:
    return [text[i : i + RUN] for i in range(len(text) - RUN + 1)]


def by_hand(text: str, source: str) -> set[int]:
    """Return where the windows of `text` begin that also occur in `source`."""
    there = set(windows(source))
    return {i for i, window in enumerate(windows(text)) if window in there}


def found(runs: list[Run]) -> set[int]:
    """Return where the windows of `text` begin that lie inside one of the runs."""
    return {i for run in runs for i in range(run.start, run.end - RUN + 1)}


# ---- the hash --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 7])
def test_the_hash_is_the_documented_sum(stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "CHUNK", 13)  # many chunks, the last of them not full
    first, *multipliers = map(int, copying.MULTIPLIERS)
    text = "Zoë said 안녕 😀\U0010ffff\n" * 5
    expected = [
        (first + sum(m * ord(c) for m, c in zip(multipliers, window, strict=True))) % 2**64 >> (64 - BITS)
        for window in windows(text)[::stride]
    ]
    assert hashed(text, stride).tolist() == expected


def test_the_multipliers_never_change() -> None:
    # Files that were saved long ago hold hashes made with these.
    assert hashed(TEXT[:RUN]).tolist() == [10_699_130_912_469]
    assert [int(copying.MULTIPLIERS[i]) for i in (0, RUN)] == [16_944_884_476_828_436_405, 11_694_727_851_255_864_794]


def test_the_hashes_of_different_windows_differ() -> None:
    chance = random.Random(0)
    texts = {"".join(chance.choices("ab", k=RUN)) for _ in range(20_000)}
    assert len(np.unique(np.concatenate([hashed(text) for text in texts]))) == len(texts)


@pytest.mark.parametrize("text", ["", "a", "a" * (RUN - 1)])
def test_a_text_shorter_than_a_window_has_none(text: str) -> None:
    copies = Copies((Source.of("short", text),))
    assert copies.runs(TEXT) == Copies((Source.of("book", TEXT),)).runs(text) == []
    assert Copies.from_data(copies.data).runs(TEXT) == []


# ---- what is found ---------------------------------------------------------------------------------------------------


def test_every_copy_of_a_window_or_more_is_found_with_its_ends() -> None:
    copies, chance = Copies((Source.of("book", TEXT),)), random.Random(0)
    for length in range(RUN, 200):
        start = chance.randrange(len(TEXT) - length)
        text = OPEN + TEXT[start : start + length] + CLOSE
        assert copies.runs(text) == [Run(11, 11 + length, "book")]
        assert copies.runs(OPEN + TEXT[start : start + RUN - 1] + CLOSE) == []


@pytest.mark.parametrize("seed", [2, 3])
def test_the_runs_are_those_that_a_search_in_the_text_finds(seed: int) -> None:
    # The same words in another order, so that some windows occur in both texts.
    chance, text = random.Random(seed), ""
    while len(text) < 4_000:
        start, length = chance.randrange(len(TEXT)), chance.randint(5, 90)
        text += TEXT[start : start + length]
    runs = Copies((Source.of("book", TEXT),)).runs(text)
    assert found(runs) == by_hand(text, TEXT)
    assert 0 < len(found(runs)) < len(text) / 2
    assert runs == sorted(runs, key=lambda run: run.start)


def test_no_copies_are_found_in_another_book() -> None:
    other = book(100_000, seed=1)
    assert by_hand(other, TEXT) == set() == found(Copies((Source.of("book", TEXT),)).runs(other))


@pytest.mark.parametrize("most", [1_000, 700, 170])
def test_a_long_text_keeps_fewer_windows_and_all_copies_that_are_long_enough_are_found(most: int) -> None:
    source = Source.of("book", TEXT, most)
    assert source.stride == {1_000: 5, 700: 8, 170: RUN}[most]
    assert len(source.hashes) <= max(most, len(TEXT) // RUN)
    copies, chance = Copies((source,)), random.Random(0)
    for length in range(source.surely_found, 200):
        start = chance.randrange(len(TEXT) - length)
        runs = copies.runs(OPEN + TEXT[start : start + length] + CLOSE)
        assert len(runs) == 1
        assert 11 <= runs[0].start < 11 + source.stride  # inside the copy, perhaps without its ends
        assert 11 + length - source.stride < runs[0].end <= 11 + length


def test_all_windows_are_kept_while_the_file_stays_small() -> None:
    assert Source.of("book", TEXT).stride == 1
    assert Source.of("book", TEXT).surely_found == RUN
    assert Source.of("book", TEXT).characters == len(TEXT)
    assert 4 * MOST < 5_000_000  # bytes


def test_a_copy_names_its_text_and_the_newest_one_where_two_have_it() -> None:
    copies = Copies((Source.of("first", TEXT),)).and_then(Source.of("second", OTHER + TEXT[:400]))
    text = OPEN + TEXT[:100] + CLOSE + TEXT[1_000:1_050] + CLOSE + OTHER[70:150]
    assert copies.runs(text) == [Run(11, 111, "second"), Run(128, 178, "first"), Run(195, 275, "second")]


def test_a_copy_inside_a_longer_one_is_reported_once_and_two_that_overlap_are_both_reported() -> None:
    copies = Copies((Source.of("inner", TEXT[50:90]), Source.of("outer", TEXT[:120]), Source.of("on", TEXT[80:200])))
    runs = copies.runs(TEXT[:200])
    assert runs == [Run(0, 120, "outer"), Run(80, 200, "on")]
    assert pieces(runs) == [(0, 80), (80, 200)]
    assert share_new(TEXT[:200] + "~" * 50, runs) == pytest.approx(0.2)


def test_passages_from_two_places_are_not_taken_for_one() -> None:
    text = TEXT[100:160] + TEXT[1_100:1_170]
    runs = Copies((Source.of("book", TEXT),)).runs(text)
    assert len(runs) == 2
    for run in runs:
        assert text[run.start : run.end] in TEXT


def test_rows_of_spaces_and_stars_are_not_copies() -> None:
    rows = " " * 40 + "\n" + "*    " * 9 + "\n"
    copies = Copies((Source.of("book", rows + TEXT[:100]),))
    assert copies.runs(rows) == []
    assert copies.runs("~" + rows + TEXT[:RUN]) == [Run(1, 1 + len(rows) + RUN, "book")]
    assert sum(map(str.isalnum, TEXT[:RUN])) >= LETTERS


def test_half_a_surrogate_pair_does_no_harm() -> None:
    text = TEXT[:40] + "\ud800"
    assert Copies((Source.of("book", text),)).runs(text) == [Run(0, 41, "book")]


def test_a_periodic_text_is_one_run() -> None:
    text = "over and " * 300
    assert Copies((Source.of("book", text[:900], most=100),)).runs(text)[0].end > len(text) - RUN
    assert Copies((Source.of("book", text[:900]),)).runs(text) == [Run(0, len(text), "book")]


@pytest.mark.parametrize(("text", "share"), [("", 1), (OPEN, 1), (TEXT[:100], 0), (TEXT[:60] + "~" * 40, 0.4)])
def test_the_share_that_is_new_counts_characters(text: str, share: float) -> None:
    assert share_new(text, Copies((Source.of("book", TEXT),)).runs(text)) == pytest.approx(share)


def test_reading_the_same_text_again_adds_nothing() -> None:
    source = Source.of("book", TEXT)
    copies = Copies((), unknown="elder").and_then(Source.of("other", OTHER)).and_then(source)
    assert [s.name for s in copies.and_then(Source.of("again", TEXT)).sources] == ["again", "other"]
    assert copies.unknown == "elder"


# ---- storage ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copies() -> Copies:
    return Copies((Source.of("Ælfric’s 안녕 😀", TEXT), Source.of("other", OTHER, most=500)), unknown="elder")


def test_reading_the_file_returns_what_was_stored(copies: Copies) -> None:
    again = Copies.from_data(copies.data)
    assert again.unknown == "elder"
    for source, other in zip(copies.sources, again.sources, strict=True):
        assert (source.name, source.characters, source.stride) == (other.name, other.characters, other.stride)
        assert source.hashes.tolist() == other.hashes.tolist()
        assert other.hashes.dtype == np.uint64
    assert again.data == copies.data  # the bytes do not depend on the time of writing
    assert Copies.from_data(Copies(()).data).sources == ()


def test_a_window_takes_less_than_half_of_its_eight_bytes() -> None:
    source = Source.of("book", book(50_000))
    assert len(Copies((source,)).data) < 4.3 * len(source.hashes)  # the more windows, the fewer bytes for each


def test_the_file_does_not_hold_the_text(copies: Copies) -> None:
    with zipfile.ZipFile(io.BytesIO(copies.data)) as file:
        content = b"".join(file.read(name) for name in file.namelist())
    for word in ("garden", "lantern", "quietly"):
        assert word in TEXT
        assert word.encode() not in content


def test_a_file_cut_off_anywhere_is_refused(copies: Copies) -> None:
    whole = copies.data
    for length in (0, 1, 4, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
            Copies.from_data(whole[:length])


def test_a_file_with_one_bit_flipped_is_refused_or_gives_the_same_hashes(copies: Copies) -> None:
    whole, refused = copies.data, 0
    for place in range(0, len(whole), len(whole) // 70):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        try:
            read = Copies.from_data(bytes(damaged))
        except ValueError:
            refused += 1
        else:  # zip files have bytes that do not count, such as dates
            assert read.data == whole
    assert refused > 60


def stored(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def about(**changes: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    source = {"name": "book", "characters": 90, "stride": 1}
    told = {"format": copying.FORMAT, "version": copying.VERSION, "unknown": "", "sources": [source]} | changes
    return np.frombuffer(json.dumps(told).encode(), np.uint8)


STEPS = np.zeros((8, 3), np.uint8)
STEPS[1] = 5  # three hashes, 1280 apart


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"about": about()},
        {"hashes-0": STEPS},
        {"about": about(format="another"), "hashes-0": STEPS},
        {"about": about(version=2), "hashes-0": STEPS},
        {"about": about(unknown=None), "hashes-0": STEPS},
        {"about": about(sources=5), "hashes-0": STEPS},
        {"about": about(sources=[]), "hashes-0": STEPS},
        {"about": about(sources=[{"name": "book"}]), "hashes-0": STEPS},
        *(
            {"about": about(sources=[{"name": "book", "characters": 90, "stride": 1} | change]), "hashes-0": STEPS}
            for change in ({"name": 5}, {"stride": 0}, {"stride": RUN + 1}, {"stride": 1.5}, {"characters": 2})
        ),
        {"about": np.frombuffer(b"[]", np.uint8), "hashes-0": STEPS},
        {"about": np.frombuffer(b"\xff{", np.uint8), "hashes-0": STEPS},
        {"about": about(), "hashes-0": STEPS.astype(np.int64)},
        {"about": about(), "hashes-0": STEPS[:7]},
        {"about": about(), "hashes-0": STEPS.ravel()},
        {"about": about(), "hashes-0": STEPS * 0},  # the same hash again
        {"about": about(), "hashes-0": STEPS[::-1]},  # a hash of more than BITS bits
        {"about": about(), "hashes-0": np.full((8, 3), 255, np.uint8)},  # descending
        {"about": about(), "hashes-0": STEPS, "more": STEPS},
        {"about": about(), "hashes-0": np.array([{}], dtype=object)},  # a pickle
    ],
)
def test_a_file_of_other_content_is_refused(arrays: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
        Copies.from_data(stored(**arrays))


def test_the_simplest_valid_file_is_read() -> None:
    [source] = Copies.from_data(stored(about=about(), **{"hashes-0": STEPS})).sources
    assert source.hashes.tolist() == [1280, 2560, 3840]


@pytest.mark.parametrize("data", [b"text", b"PK\x03\x04", b"\x80\x04N.", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_not_npz_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
        Copies.from_data(data)


def test_a_small_file_that_unpacks_to_a_large_one_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("hashes-0.npy", "w", force_zip64=True) as zeros,
    ):
        for _ in range(25):
            zeros.write(bytes(10_000_000))
    assert len(file.getvalue()) < 1_000_000
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(ValueError, match="unpacks to 250 MB, but at most 200 MB are read"):
        Copies.from_data(file.getvalue())
