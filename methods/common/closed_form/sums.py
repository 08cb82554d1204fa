"""What the closed-form methods share: sums over samples, class by class."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from .sample_sums import SampleSums


class ClosedFormSums(SampleSums):
    """A classifier that follows from sums over the training samples.

    ``counts`` (C,) and ``sums`` (C, D) have the number of samples and the sum of features of each of the C
    classes.

    A subclass for a scenario calls :meth:`_make_sums` once, :meth:`_begin` as a task starts, and :meth:`_add`
    for each batch. A subclass for a formula says in ``_summed`` which buffers are sums, and in ``_by_class``
    which buffers have a row for each class; it implements :meth:`_terms`, :meth:`_solve` and
    :meth:`_logits`.
    """

    _summed: ClassVar[tuple[str, ...]] = ("counts", "sums")
    _by_class: ClassVar[tuple[str, ...]] = ("counts", "sums")
    _scale = 1.0
    """What cosines and the like are multiplied by."""

    counts: Tensor
    sums: Tensor

    def _make_sums(self, width: int) -> None:
        """Makes the buffers, of no class yet.

        Args:
            width: D, the width of the features.
        """
        self.register_buffer("counts", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("sums", torch.zeros(0, width, dtype=torch.float64))

    def _begin(self, classes: int) -> None:
        """Begins a task, after which there are so many classes."""
        for name in self._by_class:
            rows = getattr(self, name)
            more = rows.new_zeros(classes - len(rows), *rows.shape[1:])
            setattr(self, name, torch.cat([rows, more]))
        self._begin_sums()

    def _add(self, feature: Tensor, target: Tensor) -> None:
        """Adds a batch.

        Args:
            feature: float64 (B, D), unit rows.
            target: float64 (B, C), each sample's share of each class. Rows sum to 1, or to 0 where a sample
                belongs to no class.
        """
        self._add_terms(self._terms(feature, target))

    def _means(self) -> Tensor:
        """(C, D), the mean feature of each class; 0 of a class without samples."""
        return self.sums / torch.where(self.counts > 0, self.counts, 1)[:, None]

    def _terms(self, feature: Tensor, target: Tensor) -> dict[str, Tensor]:
        """What a batch adds to the sums; the arguments are those of :meth:`_add`."""
        return {"counts": target.sum(0), "sums": target.T @ feature}

    def _logits(self, feature: Tensor, classes: slice) -> Tensor:
        """The logits (B, ...) of some of the classes that there are."""
        raise NotImplementedError

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        for name in self._by_class:
            saved = state_dict.get(prefix + name)
            if saved is not None:
                rows = getattr(self, name)
                setattr(self, name, rows.new_empty(len(saved), *rows.shape[1:]))
        super()._load_from_state_dict(state_dict, prefix, *args)
