"""A checkpoint in one file: a zip of its files, to download, to send and to load again."""

import shutil
import stat
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from model.checkpoint import FILES, LARGEST, NEEDED, CheckpointError

LONGEST_TABLE = 4_000  # bytes: the table of a checkpoint's files has a few hundred


def pack(directory: Path, file: Path) -> None:
    """Write the checkpoint in `directory` to the zip `file`, whole or not at all.

    CheckpointError if a file of the checkpoint is missing, OSError if the zip cannot be written.
    """
    directory, file = Path(directory), Path(file).absolute()
    names = [name for name in FILES if (directory / name).is_file()]
    _check_names(names, directory)
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.new.", dir=file.parent) as place:
        fresh = Path(place) / file.name
        with ZipFile(fresh, "w", ZIP_DEFLATED) as archive:
            for name in names:
                archive.write(directory / name, name)
        fresh.replace(file)


def unpack(file: Path, directory: Path) -> None:
    """Write the files of the checkpoint in the zip `file` to the new `directory`, all or none.

    CheckpointError, in one sentence, if `directory` exists, or if the zip lacks files of a checkpoint or holds others.
    At most `LARGEST` bytes are unpacked. A size that the zip only declares takes no memory.
    """
    file, directory = Path(file), Path(directory).absolute()
    if directory.exists():
        raise CheckpointError(f"{directory} exists already: give the name of a new directory")
    try:
        _check_end(file)
        with (
            ZipFile(file) as archive,
            tempfile.TemporaryDirectory(prefix=f".{directory.name}.new.", dir=directory.parent) as place,
        ):
            entries = archive.infolist()
            _check_names([entry.filename for entry in entries], file)
            _check_entries(entries, file)
            fresh = Path(place) / "fresh"
            fresh.mkdir()
            for entry in entries:
                # Copied in pieces: reading stops at the declared size, and a file with more data fails its checksum.
                with archive.open(entry) as packed, (fresh / entry.filename).open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
            fresh.rename(directory)
    except (BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError, zlib.error) as error:
        raise _no_zip(file) from error


def _check_end(file: Path) -> None:
    """Raise CheckpointError unless `file` ends as a plain zip does, with a short table of its files.

    `ZipFile` reads the whole table before it knows the number of files, so the length of the table is checked first. A
    record of 22 bytes follows the table, with the length of the table at byte 12. A zip that exceeds 4 GB has another
    record, of 20 bytes, before that one. PKWARE, "APPNOTE.TXT: .ZIP File Format Specification", 4.3.15 and 4.3.16.
    """
    with file.open("rb") as content:
        content.seek(-min(42, file.stat().st_size), 2)
        end = content.read().rjust(42)
    if end[20:24] != b"PK\5\6" or end[40:] != b"\0\0" or end[:4] == b"PK\6\7":
        raise _no_zip(file)
    if int.from_bytes(end[32:36], "little") > LONGEST_TABLE:
        raise CheckpointError(f"{file} holds too many files: a checkpoint has at most {len(FILES)}")


def _check_names(names: Sequence[str], place: Path) -> None:
    """Raise CheckpointError unless these are the files of a checkpoint, each of them once."""
    others = [name for name in names if name not in FILES]
    if others:
        raise CheckpointError(
            f"{place} holds {others[0]!r}, which is no file of a checkpoint: pack only {', '.join(FILES)}, "
            "without their folder"
        )
    if len(set(names)) < len(names):
        raise CheckpointError(f"{place} holds a file twice: pack the checkpoint anew")
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise CheckpointError(f"{place} lacks {', '.join(missing)}: a checkpoint needs {', '.join(NEEDED)}")


def _check_entries(entries: Sequence[ZipInfo], file: Path) -> None:
    """Raise CheckpointError if a file is encrypted, a link or packed in an unusual way, or if all are too large."""
    for entry in entries:
        if entry.header_offset < 0:  # it would begin before the zip
            raise _no_zip(file)
        kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the zip was not made on Unix
        if entry.flag_bits & 1:
            raise CheckpointError(f"{file} is encrypted: pack the checkpoint without a password")
        if kind not in (0, stat.S_IFREG):
            raise CheckpointError(f"{entry.filename} in {file} is a link or a device: pack the file itself")
        if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise CheckpointError(f"{file} is packed in an unusual way: pack the checkpoint as an ordinary zip")
    size = sum(entry.file_size for entry in entries)
    if size > LARGEST:
        raise CheckpointError(f"{file} unpacks to {size / 1e6:,.0f} MB, but at most {LARGEST / 1e6:,.0f} MB are loaded")


def _no_zip(file: Path) -> CheckpointError:
    return CheckpointError(f"{file} is damaged or no zip of a checkpoint: give a checkpoint's directory or its zip")
