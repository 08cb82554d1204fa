"""The keys of tasks, with which queries are compared."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...common import distributed
from ...common.precision import full_precision
from ...common.task_parameters import TaskParameters


class Keys(nn.Module):
    """A key (D,) of each task in each of M modalities.

    A new key starts as the direction of the first batch's mean unit query (with ``run.accumulate``, of the
    first micro-batch's); the paper does not say how it starts. From random numbers it would take a thousand
    steps of 4e-4 until keys tell tasks apart, since a transformer's class tokens are alike (cosines of 0.99
    and more between tasks).

    Args:
        modalities: M.
        width: D.
    """

    def __init__(self, modalities: int, width: int) -> None:
        super().__init__()
        self.values = TaskParameters(modalities, width)
        self._begun = False

    def grow(self) -> None:
        """Adds a task. The keys of past tasks are frozen."""
        self.values.grow(torch.zeros(self.values.new.shape[1:]))
        self.values.past.requires_grad_(False)
        self._begun = False

    def match(self, queries: Tensor) -> Tensor:
        """Returns the query-and-match loss of the newest task.

        It is the negative sum over modalities of the cosine with the queries, averaged over the batch. The
        paper writes a sum over samples; its weight of 0.1 would then depend on the batch.

        Args:
            queries: (B, M, D).
        """
        if not self._begun:
            self._begin(queries)
        return -F.cosine_similarity(self.values.new, queries, dim=-1).sum(1).mean()

    def select(self, queries: Tensor) -> Tensor:
        """Returns the task whose key is nearest to each query by cosine.

        Args:
            queries: (B, M, D).

        Returns:
            int64 (B, M).
        """
        keys = F.normalize(torch.cat([self.values.past, self.values.new]), dim=-1)
        # The cosines of tasks differ in the third digit, which bf16 does not have.
        with full_precision(queries):
            return torch.einsum("bmd,tmd->bmt", queries, keys).argmax(-1)

    @torch.no_grad()
    def _begin(self, queries: Tensor) -> None:
        """Sets new keys from the global batch, so that all ranks have the same keys."""
        total = distributed.all_reduce_sum(F.normalize(queries, dim=-1).sum(0))
        self.values.new.copy_(F.normalize(total, dim=-1))
        self._begun = True
