"""Text files of any encoding, and files that are not text; `test_corpus` tests how books are read from them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from model.text_file import TextFileError, read_text_file

TEXT = "“The élan of the hall,” she said – “it is the inn’s own.” He had a hat.\n" * 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_text_is_the_same_in_any_encoding(write: Callable[..., Path], encoding: str) -> None:
    data = TEXT.encode(encoding)
    file = read_text_file(write(data))
    assert (file.data, file.text) == (data, TEXT)
    assert (file.encoding == "UTF-8") == encoding.startswith("utf-8")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (TEXT.encode() + "é".encode()[:1], TEXT),
        (("春はあけぼの。" * 50).encode()[:-2], ("春はあけぼの。" * 50)[:-1]),
        (("春はあけぼの。" * 50).encode()[1:], ("春はあけぼの。" * 50)[1:]),
        (TEXT.encode() + b"it\x92s\n" + TEXT.encode(), f"{TEXT}it\ufffds\n{TEXT}"),
    ],
    ids=["half a letter at the end", "Japanese", "half a letter at the beginning", "one byte of cp1252"],
)
def test_a_utf_8_file_with_a_wrong_byte_stays_utf_8(write: Callable[..., Path], data: bytes, text: str) -> None:
    file = read_text_file(write(data))
    assert (file.text, file.encoding) == (text, "UTF-8")


@pytest.mark.parametrize("content", [b"", b" \n", b"\xef\xbb\xbf", b"\0" * 99, bytes(range(256)) * 9], ids=len)
def test_a_file_that_is_no_text_is_refused_by_its_name(write: Callable[..., Path], content: bytes) -> None:
    with pytest.raises(TextFileError, match=r"book\.txt is (empty|not a text file): give"):
        read_text_file(write(content))


def test_a_path_that_is_not_a_file_is_refused_by_its_name(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.txt"):
        with pytest.raises(TextFileError, match=f"{path.name} cannot be read: .*; give"):
            read_text_file(path)
