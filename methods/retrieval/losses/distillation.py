"""Distillation of masked-token predictions."""

from __future__ import annotations

from torch import Tensor

from ...common.distillation import distillation


def mlm_distillation(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Computes -sum over the vocabulary of softmax(teacher / T) log softmax(student / T) at each position.

    There is no factor T^2, as in CTP's code. Its teacher is the momentum model, in every task.

    Args:
        logits: (N, V), the student's at the masked positions.
        teacher_logits: (N, V), the teacher's.
        temperature: T.

    Returns:
        (N,).
    """
    return distillation(logits, teacher_logits, temperature)
