"""The nearest mean of exemplars."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...method import Batch, Pass, Task
from .nearest_mean import NearestMean


class ExemplarMean(NearestMean):
    """iCaRL's nearest mean of exemplars (Rebuffi et al., CVPR 2017, Algorithm 1) on frozen features.

    The means are those of the replay memory's samples, made anew after each task. Rows of samples and of
    means are unit rows, so that the nearest by Euclidean distance is the nearest by cosine. iCaRL's released
    code also averages over the mirrored pictures.
    """

    _pass = Pass("exemplars", data="memory")

    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        # The pass has shown the whole memory, which may keep less of past classes than before.
        self.counts.zero_()
        self.sums.zero_()
        super().finish_task(task, data)
