"""Distillation of masked-token predictions."""

from __future__ import annotations

from torch import Tensor


def mlm_distillation(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """-sum over the vocabulary of softmax(teacher / T) log softmax(student / T), a value a position: (N,).

    ``logits``, ``teacher_logits``: (N, V) at the masked positions. No T^2 factor, as in CTP's code; its
    teacher is the momentum model, in every task.
    """
    teacher = (teacher_logits / temperature).softmax(-1)
    return -(teacher * (logits / temperature).log_softmax(-1)).sum(-1)
