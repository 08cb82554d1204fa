"""Pictures that the published data set does not have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import UserError


@dataclass(frozen=True)
class MissingPictures:
    """Stands for ``count`` pictures whose file does not exist, in a split that a search can do without.

    Attributes:
        count: How many pictures there are.
        reason: The one line that a read of them raises.
    """

    count: int
    reason: str

    def __len__(self) -> int:
        return self.count

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Raises an error, since there is nothing to read.

        Raises:
            UserError: Always. The message is one line.
        """
        del rows
        raise UserError(self.reason)
