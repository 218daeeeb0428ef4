"""From logits to the next character: greedy, temperature, top-k, top-p and min-p."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.options import check, option


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How the next character is drawn; ValueError for values outside their range."""

    temperature: float = option(1.0, "0 always takes the likeliest character; higher is more adventurous", 0, 10)
    top_k: int = option(0, "draw from the k likeliest characters only (0: from all)", 0, 1_000_000)
    top_p: float = option(1.0, "draw from the fewest characters that hold this share of the probability", 0, 1)
    min_p: float = option(0.0, "leave out characters less likely than this share of the likeliest one's chance", 0, 1)

    def __post_init__(self) -> None:
        check(self)


def probabilities(logits: NDArray[np.float32], config: SamplingConfig) -> NDArray[np.float64]:
    """The distribution the next character is drawn from: (V,) logits to (V,) probabilities that sum to 1.

    Temperature first, then top-k, then top-p (Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020),
    then min-p (Nguyen et al., "Turning Up the Heat", 2024). The likeliest character always stays.
    """
    if config.temperature == 0:
        greedy = np.zeros(len(logits))
        greedy[np.argmax(logits)] = 1.0
        return greedy
    with np.errstate(over="ignore"):  # a tiny temperature sends all but the likeliest to minus infinity, as it should
        p = np.exp((logits.astype(np.float64) - np.float64(logits.max())) / config.temperature)
    p /= p.sum()
    if 0 < config.top_k < len(p):
        p[np.argsort(-p, kind="stable")[config.top_k :]] = 0.0
        p /= p.sum()
    if config.top_p < 1:
        order = np.argsort(-p, kind="stable")
        before = np.cumsum(p[order]) - p[order]  # what the likelier ones hold already
        p[order[(before >= config.top_p) & (before > 0)]] = 0.0
    if config.min_p > 0:
        p[p < config.min_p * p.max()] = 0.0
    return p / p.sum()


def sample(logits: NDArray[np.float32], config: SamplingConfig, random: np.random.Generator) -> int:
    """The id of the next character, drawn with exactly one number from `random` (none where greedy)."""
    if config.temperature == 0:
        return int(np.argmax(logits))
    cumulative = np.cumsum(probabilities(logits, config))
    # Divided by its own last value it ends at exactly 1, which random() never reaches.
    return int(np.searchsorted(cumulative / cumulative[-1], random.random(), side="right"))
