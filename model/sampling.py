"""From logits to the next character: greedy decoding, temperature, top-k, top-p and min-p."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from model.options import check, option

LOWEST_TEMPERATURE = 1e-200  # in place of 0: even the closest float32 logits give probabilities 0 and 1


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How the next character is drawn; ValueError for values outside their range."""

    temperature: float = option(1.0, "0 always chooses the most likely character; a higher value is more random", 0, 10)
    top_k: int = option(0, "draw only from the k most likely characters (0: from all)", 0, 1_000_000)
    top_p: float = option(1.0, "draw only from as few of the most likely characters as reach this probability", 0, 1)
    min_p: float = option(0.0, "leave out characters whose probability is below this times the highest", 0, 1)

    def __post_init__(self) -> None:
        check(self)


class Sampler:
    """Draws the next character of each of B streams, each with its own settings.

    The temperature is applied first. Then the characters are sorted, the most likely first and ties by id, and each
    setting cuts off the end of that list: top-k, then top-p (Holtzman et al., "The Curious Case of Neural Text
    Degeneration", 2020), then min-p (Nguyen et al., "Turning Up the Heat", 2024). The most likely character always
    stays.
    """

    def __init__(self, configs: Sequence[SamplingConfig]) -> None:
        def column(*values: float) -> NDArray[np.float64]:
            return np.array(values, dtype=np.float64)[:, None]  # (B, 1)

        self.temperature = column(*(max(c.temperature, LOWEST_TEMPERATURE) for c in configs))
        self.top_k = column(*((c.top_k or inf) if c.temperature else 1 for c in configs))
        self.top_p, self.min_p = column(*(c.top_p for c in configs)), column(*(c.min_p for c in configs))
        self.truncates = np.any(self.top_k < inf), np.any(self.top_p < 1), np.any(self.min_p > 0)  # in any stream
        self.greedy = all(c.temperature == 0 for c in configs)
        self.rows = np.arange(len(configs))[:, None]

    def distribution(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The ids (B, V), the most likely first, and the probability of each (B, V), not yet normalised to sum 1."""
        ranked = np.argsort(np.negative(logits, order="C"), axis=1, kind="stable")
        scores = logits[self.rows, ranked].astype(np.float64)
        p = np.exp((scores - scores[:, :1]) / self.temperature)
        if self.truncates[0]:
            p *= np.arange(p.shape[1]) < self.top_k
        if self.truncates[1]:
            cumulative = np.cumsum(p, axis=1)
            before = cumulative - p  # the sum over all more likely characters
            p *= (before < self.top_p * cumulative[:, -1:]) | (before == 0)
        if self.truncates[2]:
            p *= p >= self.min_p * p[:, :1]
        return ranked, p

    def __call__(self, logits: NDArray[np.float32], random: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the next ids (B,), given the logits (B, V) and a random number from 0 to below 1 per stream (B,)."""
        if self.greedy:
            return logits.argmax(axis=1)
        ranked, p = self.distribution(logits)
        cumulative = np.cumsum(p, axis=1)
        # The last quotient is exactly 1, and every random number is below 1, so the index never passes the end.
        index = (cumulative / cumulative[:, -1:] <= random[:, None]).sum(axis=1)
        return ranked[self.rows[:, 0], index]
