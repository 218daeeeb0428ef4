"""From logits to the next character: greedy, temperature, top-k, top-p and min-p."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from model.options import check, option

COLDEST = 1e-200  # temperature: below it even the closest float32 logits are all or nothing


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How the next character is drawn; ValueError for values outside their range."""

    temperature: float = option(1.0, "0 always takes the likeliest character; higher is more adventurous", 0, 10)
    top_k: int = option(0, "draw from the k likeliest characters only (0: from all)", 0, 1_000_000)
    top_p: float = option(1.0, "draw from the fewest characters that hold this share of the probability", 0, 1)
    min_p: float = option(0.0, "leave out characters less likely than this share of the likeliest one's chance", 0, 1)

    def __post_init__(self) -> None:
        check(self)


class Sampler:
    """Draws the next character in each of B streams, each by its own settings.

    Characters are ranked, the likeliest first and equals by id. Each setting keeps some of the first and leaves out the
    rest, the temperature having been applied: top-k, then top-p (Holtzman et al., "The Curious Case of Neural Text
    Degeneration", 2020), then min-p (Nguyen et al., "Turning Up the Heat", 2024). The likeliest always stays.
    """

    def __init__(self, configs: Sequence[SamplingConfig]) -> None:
        def column(*values: float) -> NDArray[np.float64]:
            return np.array(values, dtype=np.float64)[:, None]  # (B, 1)

        self.temperature = column(*(max(c.temperature, COLDEST) for c in configs))
        self.top_k = column(*((c.top_k or inf) if c.temperature else 1 for c in configs))
        self.top_p, self.min_p = column(*(c.top_p for c in configs)), column(*(c.min_p for c in configs))
        self.cuts = np.any(self.top_k < inf), np.any(self.top_p < 1), np.any(self.min_p > 0)  # made by anyone here
        self.greedy = all(c.temperature == 0 for c in configs)
        self.rows = np.arange(len(configs))[:, None]

    def shares(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The ids (B, V), the likeliest first, and what each is drawn with (B, V), up to a factor for each stream."""
        ranked = np.argsort(np.negative(logits, order="C"), axis=1, kind="stable")
        scores = logits[self.rows, ranked].astype(np.float64)
        p = np.exp((scores - scores[:, :1]) / self.temperature)
        if self.cuts[0]:
            p *= np.arange(p.shape[1]) < self.top_k
        if self.cuts[1]:
            cumulative = np.cumsum(p, axis=1)
            before = cumulative - p  # what the likelier ones hold already
            p *= (before < self.top_p * cumulative[:, -1:]) | (before == 0)
        if self.cuts[2]:
            p *= p >= self.min_p * p[:, :1]
        return ranked, p

    def __call__(self, logits: NDArray[np.float32], random: NDArray[np.float64]) -> NDArray[np.int64]:
        """The next ids (B,), from the logits (B, V) and a random number from 0 to below 1 for each stream (B,)."""
        if self.greedy:
            return logits.argmax(axis=1)
        ranked, p = self.shares(logits)
        cumulative = np.cumsum(p, axis=1)
        # Divided by its own last value it ends at exactly 1, which no random number reaches.
        place = (cumulative / cumulative[:, -1:] <= random[:, None]).sum(axis=1)
        return ranked[self.rows[:, 0], place]


def probabilities(logits: NDArray[np.float32], config: SamplingConfig) -> NDArray[np.float64]:
    """The distribution a character is drawn from: logits (V,) to probabilities (V,) that sum to 1."""
    ranked, p = Sampler([config]).shares(logits[None])
    drawn = np.empty(len(logits))
    drawn[ranked[0]] = p[0] / p.sum()
    return drawn
