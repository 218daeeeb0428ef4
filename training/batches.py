"""The ids of a text as batches: shuffled windows (classic) or contiguous streams (modern).

A batch depends only on the seed and the step, so a resumed run needs no saved position in the text.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows of the text in shuffled order; the target of each is the one character that follows it.

    The windows are views of the text, so the memory is proportional to the text and not to the windows.
    """

    ids: Tensor  # (N,)
    batch_size: int
    window: int
    seed: int

    carried = False

    @property
    def steps_per_epoch(self) -> int:
        return ceil((len(self.ids) - self.window) / self.batch_size)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The inputs (B, T) and the one target that follows each, (B, 1); an epoch's last batch can be smaller."""
        epoch, i = divmod(step, self.steps_per_epoch)
        rows = _shuffled(len(self.ids) - self.window, self.seed, epoch)[i * self.batch_size : (i + 1) * self.batch_size]
        rows = rows.to(self.ids.device)
        windows = self.ids.unfold(0, self.window + 1, 1)[rows]  # (B, T + 1)
        return windows[:, :-1], windows[:, -1:]


@dataclass(frozen=True, eq=False)
class Streams:
    """B streams from evenly spaced positions of the text; each continues in the next batch and wraps around at the end.

    So the state of a stream can be carried from batch to batch (truncated backpropagation through time).
    """

    ids: Tensor  # (N,)
    batch_size: int
    window: int
    seed: int

    carried = True

    @property
    def steps_per_epoch(self) -> int:
        return ceil(len(self.ids) / (self.batch_size * self.window))

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The inputs (B, T), and the targets (B, T): the inputs shifted by one character."""
        N, B, T = len(self.ids), self.batch_size, self.window
        first = torch.arange(B, device=self.ids.device) * N // B + self.seed + step * T  # (B,)
        positions = (first[:, None] + torch.arange(T + 1, device=self.ids.device)) % N  # (B, T + 1)
        window = self.ids[positions]
        return window[:, :-1], window[:, 1:]


@lru_cache(maxsize=1)
def _shuffled(count: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
