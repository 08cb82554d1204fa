"""Learning without forgetting: the model before a task teaches what it says of the task's samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..method import Batch, Task
from .checks import check_range
from .frozen_copy import frozen_copy
from .output_method import OutputMethod
from .weighted_mean import weighted_mean


@dataclass(frozen=True)
class LwFConfig:
    """Hyper-parameters of learning without forgetting."""

    lwf_weight: float = 1.0
    """alpha, the weight of the distillation. A term of weight 0 is not computed. Range: at least 0. Paper: 1.
    Released code: 0.5 (Mammoth)."""

    lwf_temperature: float = 2.0
    """T, by which both models' logits are divided. Range: above 0. Paper: 2. Released code: 2 (Mammoth)."""

    def __post_init__(self) -> None:
        check_range("lwf_weight", self.lwf_weight, 0)
        check_range("lwf_temperature", self.lwf_temperature, 0, open_low=True)


class LearningWithoutForgetting(OutputMethod):
    """Adds a distillation to the loss of the method whose class comes next among the bases.

    The term is alpha cross-entropy(softmax(old / T), softmax(new / T)), the mean over samples (Li and Hoiem,
    ECCV 2016, equation 2). The old model is the one before the task. It sees the batch as the new one does.

    Its ``Config`` is an :class:`LwFConfig`, too. Subclasses implement :meth:`distilled`.
    """

    def start_task(self, task: Task) -> None:
        super().start_task(task)
        self._teacher: tuple[LearningWithoutForgetting, ...] = ()
        if task.index > 0 and self.config.lwf_weight:
            self._teacher = (frozen_copy(self),)  # a module in a tuple is not registered

    def terms(self, outputs: Any, batch: Batch) -> dict[str, Tensor]:
        terms = super().terms(outputs, batch)
        for teacher in self._teacher:
            with torch.no_grad():
                before = teacher.outputs(batch)
            values = self.distilled(outputs, before, batch)
            terms["lwf"] = self.config.lwf_weight * weighted_mean(values, batch.weight)
        return terms

    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        super().finish_task(task, data)
        self._teacher = ()

    def distilled(self, outputs: Any, before: Any, batch: Batch) -> Tensor:
        """Returns each sample's distillation (B,), by :func:`~methods.common.distillation.distillation`.

        Args:
            outputs: The new model's outputs.
            before: The old model's.
            batch: The batch.
        """
        raise NotImplementedError
