"""One classifier for all tasks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .classify import classify


class GlobalHead(nn.Module):
    """A linear classifier over a vocabulary of answers. Only the learnt answers take part.

    ``learnt`` is bool (A,). ``column`` has each answer's index among those learnt, -1 where the answer is not
    learnt.

    Args:
        width: The width of the features.
        vocabulary: A, the number of answers.
    """

    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, vocabulary)
        self.register_buffer("learnt", torch.zeros(vocabulary, dtype=torch.bool))
        self.register_buffer("column", torch.full((vocabulary,), -1), persistent=False)
        self.register_buffer("_answers", torch.empty(0, dtype=torch.long), persistent=False)

    def grow(self, answers: Sequence[int]) -> None:
        """Adds answers to those learnt. Some of them may be learnt already."""
        self.learnt[list(answers)] = True
        self._arrange()

    def keep_waiting(self, optimizer: torch.optim.Optimizer) -> None:
        """Keeps the rows of answers that are not learnt as they are now through the optimizer's steps.

        They have no gradient, but weight decay would shrink them, and the more so the later their task comes.
        """
        waiting = ~self.learnt
        kept = [(p, p.detach()[waiting].clone()) for p in (self.linear.weight, self.linear.bias)]

        @torch.no_grad()
        def restore(*_: object) -> None:
            for parameter, rows in kept:
                parameter[waiting] = rows

        optimizer.register_step_post_hook(restore)

    def forward(self, feature: Tensor) -> Tensor:
        """Returns the logits (B, N) of the answers learnt, in ascending order."""
        return classify(feature, self.linear.weight[self._answers], self.linear.bias[self._answers])

    def best(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the likeliest answer, int64 (B,), and its logit (B,), which is NaN where one of the
        compared logits is.
        """
        logit, row = self(feature).max(1)
        return self._answers[row], logit

    def _load_from_state_dict(self, *args) -> None:
        super()._load_from_state_dict(*args)
        self._arrange()

    def _arrange(self) -> None:
        self._answers = self.learnt.nonzero().squeeze(1)
        self.column = torch.where(self.learnt, self.learnt.cumsum(0) - 1, -1)
