"""Sums over training samples, whatever follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ...method import Batch, Method, Pass, Phase, Task
from ..distributed import all_reduce_sum


class SampleSums(Method):
    """A method that follows by a formula from sums over the training samples.

    A task is one pass over its samples. Sums do not depend on the order of tasks or of batches, and the sums
    of several ranks are added up. All sums are float64, in which the order of additions does not show.

    A subclass says in ``_summed`` which buffers are sums. It calls :meth:`_begin_sums` as a task starts and
    :meth:`_add_terms` for each batch, and implements :meth:`_solve`.
    """

    _summed: ClassVar[tuple[str, ...]]
    _pass = Pass("sums")

    _new: dict[str, Tensor]

    def _begin_sums(self) -> None:
        """Begins a task."""
        # A rank adds what it has seen to sums that begin at 0: those of past tasks are on every rank.
        self._new = {name: torch.zeros_like(getattr(self, name)) for name in self._summed}

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        return [self._pass]

    def _add_terms(self, terms: Mapping[str, Tensor]) -> None:
        """Adds what a batch adds to each of the sums."""
        for name, term in terms.items():
            self._new[name] += term

    @torch.no_grad()
    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        for name, new in self._new.items():
            getattr(self, name).add_(all_reduce_sum(new))
        self._new = {}
        self._solve()

    def _solve(self) -> None:
        """Computes the results that follow from the sums."""
