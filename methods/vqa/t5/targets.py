"""Chooses which of a question's answers a training step takes as its target."""

from __future__ import annotations

from torch import Tensor


def draw_targets(answer: Tensor, score: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Draws an answer to each question in proportion to the answers' scores.

    Where no answer has a score, the score is 0 and the answer is any of them.

    Args:
        answer: (B, K), -1 after the last answer.
        score: (B, K).
        uniform: (B,), in [0, 1): the draws.

    Returns:
        The answers (B,) and their scores (B,).
    """
    score = score.masked_fill(answer < 0, 0)
    total = score.to(uniform.dtype).cumsum(1)
    drawn = (total <= uniform[:, None] * total[:, -1:]).sum(1)
    # Rounding may put a draw near 1 behind the last answer.
    last = score.shape[1] - 1 - (score > 0).flip(1).int().argmax(1)
    at = drawn.minimum(last)[:, None]
    return answer.gather(1, at).squeeze(1).clamp(min=0), score.gather(1, at).squeeze(1)
