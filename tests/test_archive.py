"""Checkpoints as zips: unpacking returns the packed files byte for byte, and refuses any other zip."""

import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
import torch

from model import generate, hub
from model.archive import pack, unpack
from model.checkpoint import CARD, CONFIG, COPIES, FILES, NEEDED, WEIGHTS, CheckpointError
from model.loaded import Model


@pytest.fixture
def packed(directory: Path, tmp_path: Path) -> Path:
    pack(directory, tmp_path / "my.zip")
    return tmp_path / "my.zip"


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def zipped(file: Path, *entries: tuple[str | ZipInfo, bytes], compression: int = ZIP_DEFLATED) -> Path:
    """Write a zip with `entries` first, then the other files that a checkpoint needs, all empty."""
    own = {entry if isinstance(entry, str) else entry.filename for entry, _ in entries}
    with ZipFile(file, "w", compression) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
        for name in NEEDED:
            if name not in own:
                archive.writestr(name, b"")
    return file


def refused(file: Path, said: str) -> None:
    """Assert that unpacking `file` writes nothing and raises one sentence, which has `said` and names the file."""
    before = sorted(file.parent.iterdir())
    with pytest.raises(CheckpointError, match=rf"\A[^\n]*{said}[^\n]*\Z") as error:
        unpack(file, file.parent / "unpacked")
    assert str(file) in str(error.value)
    assert sorted(file.parent.iterdir()) == before


def test_unpacking_returns_the_packed_files_byte_for_byte(directory: Path, packed: Path, tmp_path: Path) -> None:
    unpack(packed, tmp_path / "unpacked")
    assert contents(tmp_path / "unpacked") == contents(directory)
    assert set(contents(directory)) == set(FILES)


def test_only_the_files_of_a_checkpoint_are_packed_and_the_needed_ones_must_exist(
    directory: Path, tmp_path: Path
) -> None:
    (directory / "holiday.mp4").write_bytes(b"x")
    (directory / CARD).unlink()
    (directory / COPIES).unlink()
    pack(directory, tmp_path / "my.zip")
    assert ZipFile(tmp_path / "my.zip").namelist() == list(NEEDED)
    (directory / CONFIG).unlink()
    with pytest.raises(CheckpointError, match=r"tiny lacks config\.json"):
        pack(directory, tmp_path / "my.zip")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_zip_is_loaded_as_its_directory_is_and_has_its_own_name(directory: Path, packed: Path, model: Model) -> None:
    loaded = hub.load(packed)
    assert loaded.name == "my"
    shutil.rmtree(directory)  # the zip alone must be enough
    again = hub.load(str(packed))
    assert again.digest == loaded.digest
    assert again.vocabulary == model.vocabulary
    assert all(map(torch.equal, again.network.state_dict().values(), loaded.network.state_dict().values()))
    assert again.copies
    assert again.copies.data == loaded.copies.data  # type: ignore[union-attr]


def test_a_command_writes_with_a_zip(packed: Path, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = []
    for place in (packed, directory):
        assert generate.main([str(place), "--prompt", "the", "--length", "9", "--seed", "1"]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1]
    assert len(written[0]) == 10


def test_a_damaged_file_in_a_zip_is_named_by_the_zip(directory: Path, tmp_path: Path) -> None:
    (directory / CONFIG).write_text("{")
    pack(directory, tmp_path / "my.zip")
    with pytest.raises(CheckpointError, match=rf"\A{tmp_path}/my\.zip/config\.json is damaged"):
        hub.load(tmp_path / "my.zip")


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "../config.json", "/tmp/config.json", "tiny/config.json", "C:\\config.json", "config.json/", "a\nb"],
)
def test_a_name_that_is_no_file_of_a_checkpoint_is_refused(tmp_path: Path, name: str) -> None:
    refused(zipped(tmp_path / "my.zip", (name, b"x")), "which is no file of a checkpoint: pack only model")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    refused(zipped(tmp_path / "my.zip", (CONFIG, b"x"), (CONFIG, b"y")), "holds a file twice")


def test_a_zip_without_a_file_that_a_checkpoint_needs_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "my.zip", "w") as archive:
        archive.writestr(CONFIG, "{}")
    refused(tmp_path / "my.zip", "lacks model.safetensors, vocabulary.json, training.json: a checkpoint needs")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFDIR])
def test_links_pipes_and_directories_are_refused(tmp_path: Path, kind: int) -> None:
    link = ZipInfo(CARD)
    link.external_attr = (kind | 0o777) << 16
    refused(zipped(tmp_path / "my.zip", (link, b"/etc/passwd")), "is a link or a device")


def altered(file: Path, name: str, change: Callable[[ZipInfo], None]) -> Path:
    """Change what a zip declares about one of its files."""
    with ZipFile(file) as archive:
        entries = {entry.filename: (entry, archive.read(entry)) for entry in archive.infolist()}
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for entry, content in entries.values():
            archive.writestr(entry, content)
        change(archive.getinfo(name))
        archive._didModify = True  # type: ignore[attr-defined]
    return file


def test_an_encrypted_zip_is_refused(packed: Path) -> None:
    def encrypt(entry: ZipInfo) -> None:
        entry.flag_bits |= 1

    refused(altered(packed, WEIGHTS, encrypt), "is encrypted: pack the checkpoint without a password")


def test_an_unusual_compression_is_refused(tmp_path: Path) -> None:
    refused(zipped(tmp_path / "my.zip", (CARD, b"x"), compression=ZIP_BZIP2), "is packed in an unusual way")


def test_a_zip_that_declares_too_much_is_refused(packed: Path) -> None:
    def enlarge(entry: ZipInfo) -> None:
        entry.file_size = 2**32 - 2

    refused(altered(packed, WEIGHTS, enlarge), "unpacks to 4,295 MB, but at most 100 MB are loaded")


def test_a_zip_that_holds_more_than_it_declares_is_refused_before_more_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipped(tmp_path / "my.zip", (WEIGHTS, bytes(30_000_000)))
    assert bomb.stat().st_size < 40_000

    def belittle(entry: ZipInfo) -> None:
        entry.file_size = 5

    largest = 0
    decompressor = zipfile._get_decompressor  # type: ignore[attr-defined]

    class Watched:
        """A decompressor that records the size of the largest piece it returns."""

        def __init__(self, kind: int) -> None:
            self.real = decompressor(kind)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal largest
            unpacked: bytes = self.real.decompress(data, most)
            largest = max(largest, len(unpacked))
            return unpacked

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    altered(bomb, WEIGHTS, belittle)
    monkeypatch.setattr(zipfile, "_get_decompressor", Watched)
    refused(bomb, "is damaged or no zip of a checkpoint")
    assert 0 < largest < 1_000_000


def test_a_zip_with_a_long_table_of_files_is_refused_before_the_table_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = zipped(tmp_path / "my.zip", *((f"{i}.txt", b"") for i in range(1000)))
    monkeypatch.setattr("model.archive.ZipFile", None)
    refused(many, "holds too many files: a checkpoint has at most 6")


@pytest.mark.parametrize("cut", [0, 10, 500, -1])
def test_a_zip_that_was_cut_off_is_refused(packed: Path, cut: int) -> None:
    packed.write_bytes(packed.read_bytes()[:cut])
    refused(packed, "is damaged or no zip of a checkpoint: give a checkpoint's directory or its zip")


def test_a_zip_whose_content_has_changed_is_refused(packed: Path) -> None:
    data = bytearray(packed.read_bytes())
    data[200] ^= 1
    packed.write_bytes(data)
    refused(packed, "is damaged or no zip of a checkpoint")


def test_a_zip_whose_first_file_begins_before_it_is_refused(packed: Path) -> None:
    data = bytearray(packed.read_bytes())
    table = int.from_bytes(data[-6:-2], "little")
    data[-6:-2] = (table + 1).to_bytes(4, "little")  # so the bytes before the table seem to be one less than they are
    packed.write_bytes(data)
    refused(packed, "is damaged or no zip of a checkpoint")


def test_a_zip_with_a_name_that_is_no_text_is_refused(packed: Path) -> None:
    data = bytearray(packed.read_bytes())
    table = int.from_bytes(data[-6:-2], "little")
    data[table + 9] |= 8  # the name of the first file is said to be UTF-8
    data[table + 46] = 0xFF  # and begins with no character of it
    packed.write_bytes(data)
    refused(packed, "is damaged or no zip of a checkpoint")


def test_a_zip_with_a_comment_or_of_the_large_format_is_refused(packed: Path) -> None:
    with ZipFile(packed, "a") as archive:
        archive.comment = b"made on a holiday"
    refused(packed, "is damaged or no zip of a checkpoint")
    end = packed.read_bytes()[: -len(b"made on a holiday")]
    packed.write_bytes(end[:-22] + b"PK\6\7" + bytes(16) + end[-22:-2] + b"\0\0")
    refused(packed, "is damaged or no zip of a checkpoint")


def test_an_existing_directory_is_not_overwritten(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(CheckpointError, match="unpacked exists already: give the name of a new directory"):
        unpack(packed, tmp_path / "unpacked")
