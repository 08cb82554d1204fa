"""Closed-form recognition on the features of a frozen CLIP."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common.closed_form.sums import ClosedFormSums
from ...method import Batch, ClassSpec, Pass, Task
from ..base import RecognitionMethod


class ClosedForm(ClosedFormSums, RecognitionMethod):
    """A classifier of pictures that follows from sums over their features.

    The sums grow with the classes. Logits have CLIP's scale. A class of which there is no sample has its
    text's logit, as zero-shot CLIP has it.

    Args:
        config: The method's hyper-parameters.
        spec: The stream's classes.
    """

    spec: ClassSpec

    def __init__(self, config: Any, spec: ClassSpec) -> None:
        super().__init__(config, spec)
        self._scale = spec.scale
        self._make_sums(spec.width)

    def start_task(self, task: Task) -> None:
        super().start_task(task)
        self._begin(task.classes.stop)

    @torch.no_grad()
    def observe(self, batch: Batch, step: Pass) -> None:
        assert batch.feature is not None  # the image encoder is frozen
        feature = batch.feature.to(self.sums)  # float64, which autocast leaves alone
        self._add(feature, F.one_hot(batch.label, len(self.counts)).to(feature))

    def scores(self, feature: Tensor, classes: range) -> Tensor:
        logits = self.spec.scale * feature @ self._texts(classes).T
        seen = slice(classes.start, classes.stop)  # of the sums, which end with the classes seen
        own = self._logits(feature.to(self.sums), seen).to(logits)
        known = logits[:, : own.shape[1]]
        known.copy_(torch.where(self.counts[seen] > 0, own, known))
        return logits

    def adapted(self, feature: Tensor, classes: range) -> tuple[Tensor, Tensor]:
        """The pictures' features as they are, and the classes' unit means.

        A class without samples has its text in the place of a mean.
        """
        rows = self._texts(classes).clone()
        counts, sums = (t[classes.start : classes.stop] for t in (self.counts, self.sums))
        means = F.normalize(sums, dim=-1).to(rows)
        rows[: len(means)] = torch.where(counts[:, None] > 0, means, rows[: len(means)])
        return feature, rows
