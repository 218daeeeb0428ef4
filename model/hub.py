"""Checkpoints by name: a directory, a zip, or `user/name` or `user/name@revision` on the Hugging Face Hub."""

import dataclasses
import errno
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2  # the Hub client's own HTTP library
from huggingface_hub import HfApi, ModelInfo, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from model import checkpoint as checkpoints
from model.archive import unpack
from model.checkpoint import FILES, LARGEST, NEEDED, WEIGHTS, CheckpointError
from model.loaded import Model

HUB_ID = re.compile(r"([\w.-]+/[\w.-]+)(?:@(.+))?")


def load(source: str | Path) -> Model:
    """Return the model of a checkpoint directory, zip or Hub id, in evaluation mode; CheckpointError if there is none.

    Only the files of a checkpoint are downloaded from a Hub repository, into the Hub's ordinary cache. Nothing is
    downloaded if the repository's list of files shows that it is not a checkpoint. Without a network connection, the
    cached copy is loaded. The model's name contains the loaded revision.
    """
    hub_id = HUB_ID.fullmatch(str(source))
    if Path(source).exists() or not hub_id:
        with unpacked(Path(source)) as directory:
            return checkpoints.load(directory)
    repository, revision = hub_id.groups()
    directory = _download(repository, revision)
    return dataclasses.replace(checkpoints.load(directory), name=f"{repository}@{directory.name[:7]}")


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """Yield the directory of the checkpoint at `source`: a directory itself, or a temporary copy of a zip.

    A CheckpointError about the copy names the zip instead.
    """
    if not source.is_file():
        yield source
        return
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place).resolve() / source.stem  # the name of the model
        try:
            unpack(source, directory)
            yield directory
        except CheckpointError as error:
            raise CheckpointError(str(error).replace(str(directory), str(source))) from error


def _download(repository: str, revision: str | None) -> Path:
    """Download a revision if it is not cached; return the directory of the cached copy."""
    fetch = partial(snapshot_download, repository, revision=revision, allow_patterns=list(FILES))
    try:
        _inspect(HfApi().model_info(repository, revision=revision, files_metadata=True))
        return Path(fetch())
    except HFValidationError as error:
        raise CheckpointError(f"{repository} is neither a directory nor a name on the Hub: give user/name") from error
    except GatedRepoError as error:
        raise CheckpointError(
            f"{repository} is gated: ask for access on its page on the Hub, then log in with: hf auth login"
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"there is no directory {repository}, and no such model on the Hub, or it is private: "
            "check the name, or log in with: hf auth login"
        ) from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{repository} has no revision {revision}: check it on the model's page") from error
    except (httpx2.HTTPError, OSError) as error:
        try:
            return Path(fetch(local_files_only=True))
        except LocalEntryNotFoundError:
            raise CheckpointError(f"{repository} is not in the Hub's cache here, and {trouble(error)}") from error


def _inspect(info: ModelInfo) -> None:
    """Raise CheckpointError if a repository's list of files shows that it is not a checkpoint of this project."""
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    missing = [file for file in NEEDED if file not in sizes]
    if WEIGHTS in missing and any(name.endswith((".bin", ".ckpt", ".pkl", ".pt", ".pth")) for name in sizes):
        raise CheckpointError(f"{info.id} holds its weights as a pickle, which is not read: publish {WEIGHTS}")
    if missing:
        raise CheckpointError(f"{info.id} lacks {', '.join(missing)}: it is not a checkpoint of this project")
    size = sum(sizes.get(file, 0) for file in FILES)
    if size > LARGEST:
        raise CheckpointError(f"{info.id} takes {size / 1e6:,.0f} MB, but at most {LARGEST / 1e6:,.0f} MB are loaded")


def trouble(error: BaseException) -> str:
    """Return the reason why a request to the Hub failed, and what to do."""
    if isinstance(error, HfHubHTTPError) and error.response.status_code == 401:
        return "the Hub does not accept the login: repeat it with: hf auth login"
    if isinstance(error, HfHubHTTPError) and error.response.status_code == 429:
        return "the Hub received too many requests: wait some minutes, or log in with: hf auth login"
    if isinstance(error, HfHubHTTPError):
        return f"the Hub answers with status {error.response.status_code}: try again later"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return f"its files cannot be written here: {error.strerror}"
    return "the Hub cannot be reached: check the network"
