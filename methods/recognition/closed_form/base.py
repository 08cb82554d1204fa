"""What the closed-form methods share: sums over samples, class by class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common.distributed import all_reduce_sum
from ...method import Batch, ClassSpec, Pass, Phase, Task
from ..base import RecognitionMethod


class ClosedForm(RecognitionMethod):
    """A classifier that follows from sums over the training samples.

    A task is one pass over its samples. Sums do not depend on the order of tasks or of batches, and the sums
    of several ranks are added up. All sums are float64, in which the order of additions does not show.
    ``counts`` (C,) and ``sums`` (C, D) have the number of samples and the sum of features of each of the C
    classes seen. Both grow with the classes. A class of which there is no sample has its text's logit, as
    zero-shot CLIP has it.

    Subclasses say in ``_summed`` which buffers are sums, and in ``_by_class`` which buffers have a row for
    each class. They implement :meth:`_terms`, :meth:`_solve` and :meth:`_logits`.

    Args:
        config: The method's hyper-parameters.
        spec: The stream's classes.
    """

    spec: ClassSpec
    _summed: ClassVar[tuple[str, ...]] = ("counts", "sums")
    _by_class: ClassVar[tuple[str, ...]] = ("counts", "sums")
    _pass = Pass("sums")

    def __init__(self, config: Any, spec: ClassSpec) -> None:
        super().__init__(config, spec)
        self.counts: Tensor
        self.sums: Tensor
        self.register_buffer("counts", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("sums", torch.zeros(0, spec.width, dtype=torch.float64))
        self._new: dict[str, Tensor] = {}

    def start_task(self, task: Task) -> None:
        super().start_task(task)
        for name in self._by_class:
            rows = getattr(self, name)
            more = rows.new_zeros(task.classes.stop - len(rows), *rows.shape[1:])
            setattr(self, name, torch.cat([rows, more]))
        # A rank adds what it has seen to sums that begin at 0: those of past tasks are on every rank.
        self._new = {name: torch.zeros_like(getattr(self, name)) for name in self._summed}

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        return [self._pass]

    @torch.no_grad()
    def observe(self, batch: Batch, step: Pass) -> None:
        assert batch.feature is not None  # the image encoder is frozen
        feature = batch.feature.to(self.sums)  # float64, which autocast leaves alone
        one_hot = F.one_hot(batch.label, len(self.counts)).to(feature)
        for name, term in self._terms(feature, one_hot).items():
            self._new[name] += term

    @torch.no_grad()
    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        for name, new in self._new.items():
            getattr(self, name).add_(all_reduce_sum(new))
        self._new = {}
        self._solve()

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

    def _means(self) -> Tensor:
        """(C, D), the mean feature of each class seen; 0 of a class without samples."""
        return self.sums / self.counts.clamp(min=1)[:, None]

    def _terms(self, feature: Tensor, one_hot: Tensor) -> dict[str, Tensor]:
        """What a batch adds to the sums.

        Args:
            feature: (B, D), unit rows.
            one_hot: (B, C), 1 at each picture's class.
        """
        return {"counts": one_hot.sum(0), "sums": one_hot.T @ feature}

    def _solve(self) -> None:
        """Makes the classifier of the sums."""

    def _logits(self, feature: Tensor, classes: slice) -> Tensor:
        """The logits (B, ...) of classes that have been seen."""
        raise NotImplementedError

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        for name in self._by_class:
            saved = state_dict.get(prefix + name)
            if saved is not None:
                rows = getattr(self, name)
                setattr(self, name, rows.new_empty(len(saved), *rows.shape[1:]))
        super()._load_from_state_dict(state_dict, prefix, *args)
