"""The saved state of an unfinished run, in a file beside its checkpoint, and the lock that keeps other runs away."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout


class Unfinished:
    """The state of an unfinished run that trains to `directory`, in the file `path` beside it."""

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory).absolute()
        self.path = self.directory.with_name(self.directory.name + ".unfinished")
        self._new = self.path.with_name(self.path.name + ".new")
        self._lock = self.path.with_name(self.path.name + ".lock")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the directory; ValueError if one is there. A killed process leaves nothing locked."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._lock)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise ValueError(
                f"another run is training to {self.directory}: wait until it has ended, or give another --out"
            ) from None
        try:
            self._new.unlink(missing_ok=True)  # of a run that was killed
            yield
        finally:
            with suppress(OSError):  # Windows deletes no open file; the empty file that stays locks nothing
                self._lock.unlink()
            lock.release()

    def save(self, identity: str, state: dict[str, Any]) -> None:
        """Keep `state`, of tensors and plain values, for the run with that `identity`.

        The file is replaced whole or stays as it was; OSError if the disk refuses.
        """
        try:
            with self._new.open("wb") as file:
                torch.save({"identity": identity, "state": state}, file)
            self._new.replace(self.path)
        except Exception as error:
            refusal = error if isinstance(error, OSError) else error.__context__  # torch hides it behind its own error
            if not isinstance(refusal, OSError):
                raise
            raise OSError(refusal.errno, refusal.strerror, str(self.path)) from error
        finally:
            self._new.unlink(missing_ok=True)  # a half-written file would keep a full disk full

    def load(self, identity: str, device: torch.device) -> dict[str, Any]:
        """The state that was kept; ValueError if the file is damaged, or is that of a run with another identity."""
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            found, state = content["identity"], dict(content["state"])
        except Exception as error:  # torch.load raises a dozen kinds for a damaged file
            raise ValueError(f"{self.path} is damaged: add --overwrite to begin afresh") from error
        if found != identity:
            raise ValueError(
                f"{self.path} belongs to a run with another text, recipe, seed or time: "
                "repeat that command to go on with it, or add --overwrite to begin afresh"
            )
        return state

    def remove(self) -> None:
        """Delete the file, because the run is finished."""
        self.path.unlink(missing_ok=True)
