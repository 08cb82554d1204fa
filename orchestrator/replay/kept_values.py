"""A method's own values beside the samples of a memory: stored logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class KeptValues:
    """Values by global training row.

    Attributes:
        rows: int64 (n,), different rows.
        values: float32 (n, ...), NaN where a row has none.
    """

    rows: np.ndarray
    values: np.ndarray

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Returns the values of rows, NaN for rows that are not there.

        Args:
            rows: int64 (m,).

        Returns:
            float32 (m, ...).
        """
        values = np.full((len(rows), *self.values.shape[1:]), np.nan, np.float32)
        if len(self.rows):
            order = np.argsort(self.rows)
            index = order[np.searchsorted(self.rows, rows, sorter=order).clip(max=len(order) - 1)]
            there = self.rows[index] == rows
            values[there] = self.values[index[there]]
        return values

    def missing(self) -> np.ndarray:
        """Returns which rows have no value, bool (n,)."""
        return np.isnan(self.values).reshape(len(self.rows), -1).all(1)

    def joined(self, other: KeptValues) -> KeptValues:
        """Returns these values and those of ``other``, whose rows are different. Smaller values are filled up
        with NaN.
        """
        shape = np.maximum(self.values.shape[1:], other.values.shape[1:])
        return KeptValues(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([_padded(self.values, shape), _padded(other.values, shape)]),
        )


def _padded(values: np.ndarray, shape: np.ndarray) -> np.ndarray:
    more = [(0, 0), *((0, int(n - m)) for n, m in zip(shape, values.shape[1:], strict=True))]
    return np.pad(np.asarray(values, np.float32), more, constant_values=np.nan)
