"""Pictures of which the data set as it is published has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import UserError


@dataclass(frozen=True)
class MissingPictures:
    """Stands for ``count`` pictures whose file is not there, in a split that a search can do without.
    ``reason``: the one line that a read of them raises.
    """

    count: int
    reason: str

    def __len__(self) -> int:
        return self.count

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Raises :class:`~orchestrator.errors.UserError`."""
        del rows
        raise UserError(self.reason)
