"""Dynamic evaluation: each text has its own output layer, which learns from the text while it is read."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Chosen on texts that are not used for any reported figure: see docs/experiments.md.
EVERY = 32  # characters of a block, from which one step learns
RATE = 2e-3  # how far one step moves a weight whose gradient is as large as usual
DECAY = 0.999  # of the mean squares, at each step
EPSILON = 1e-4  # in the units of a gradient: a weight whose gradient is smaller hardly moves


class AdaptedOutput:
    """The output layer of one text: a copy of the network's, which learns from the text, `EVERY` characters at a time.

    Only these weights change, by one step for each block. The step is the gradient of the block's mean loss, where
    each number is divided by the root of its mean square so far in this text. The method is that of Krause, Kahembwe,
    Murray, Renals, "Dynamic Evaluation of Neural Sequence Models", 2018, section 3.2, but only the output layer learns,
    the weights do not decay towards the old ones, and the mean squares are those of Adam. The products are computed so
    that they do not depend on the number of threads.
    """

    def __init__(self, output: nn.Linear) -> None:
        """Copy the weights of `output`."""
        bias = output.bias.detach()[:, None]
        self.weights = torch.cat((output.weight.detach(), bias), dim=1).float().cpu()  # (V, H + 1)
        self._mean_squares = torch.zeros_like(self.weights)
        self._steps = 0
        self._inputs = torch.ones(EVERY, self.weights.size(1))  # of the next block
        self._following: list[int] = []

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (V,) of the character after a hidden state (H,)."""
        return (self.weights[:, :-1] * hidden).sum(dim=1).add_(self.weights[:, -1])

    def add(self, hidden: Tensor, following: int) -> None:
        """Store that the id `following` came after the hidden state (H,); learn as soon as a block is complete."""
        self._inputs[len(self._following), :-1] = hidden
        self._following.append(following)
        if len(self._following) == EVERY:
            self._learn(self._inputs, self._predict(self._inputs), torch.tensor(self._following))
            self._following.clear()

    def read(self, hidden: Tensor, following: Tensor) -> Tensor:
        """Return the logits (T, V) after `hidden` (T, H); `following` are the ids that follow, T or T - 1 of them.

        Each complete block is predicted before the layer learns from it. The rest at the end is only predicted.
        """
        parts = []
        inputs = torch.cat((hidden, hidden.new_ones(len(hidden), 1)), dim=1)
        for begin in range(0, len(hidden), EVERY):
            block, ids = inputs[begin : begin + EVERY], following[begin : begin + EVERY]
            parts.append(self._predict(block))
            if len(ids) == EVERY:
                self._learn(block, parts[-1], ids)
        return torch.cat(parts)

    def _predict(self, inputs: Tensor) -> Tensor:
        """Return the logits (T, V) for `inputs` (T, H + 1), whose last column is 1."""
        # One product for each character: the sums of a larger product depend on the number of threads.
        every = F.pad(inputs, (0, 0, 0, EVERY - len(inputs)))
        return torch.bmm(every[:, None], self.weights.T.expand(EVERY, -1, -1))[: len(inputs), 0]

    def _learn(self, inputs: Tensor, logits: Tensor, following: Tensor) -> None:
        """Take one step from `inputs` (T, H + 1), their `logits` (T, V) and the ids that follow (T,)."""
        errors = logits.softmax(dim=1)
        errors[torch.arange(len(following)), following] -= 1
        gradient = (errors / len(following)).T @ inputs
        self._steps += 1
        self._mean_squares.mul_(DECAY).addcmul_(gradient, gradient, value=1 - DECAY)
        usual = (self._mean_squares / (1 - DECAY**self._steps)).sqrt_().add_(EPSILON)
        self.weights.addcdiv_(gradient, usual, value=-RATE)
