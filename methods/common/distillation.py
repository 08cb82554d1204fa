"""Distillation by softened probabilities."""

from __future__ import annotations

from torch import Tensor


def distillation(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Computes -sum over the last axis of softmax(teacher / T) log softmax(student / T).

    This is the cross-entropy, not the divergence: the two differ by the teacher's entropy, which has no
    gradient. There is no factor T^2.

    Args:
        logits: (..., K), the student's.
        teacher_logits: (..., K), the teacher's.
        temperature: T.

    Returns:
        (...).
    """
    teacher = (teacher_logits / temperature).softmax(-1)
    return -(teacher * (logits / temperature).log_softmax(-1)).sum(-1)
