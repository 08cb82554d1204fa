"""A loss in two steps: what the model gives for a batch, and the terms that follow from it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..method import Batch, Method, Phase


class OutputMethod(Method):
    """A method whose loss follows from what its model gives for a batch.

    Therefore a part that adds a term (a distillation, stored logits) needs no second pass of the model.
    """

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        return self.terms(self.outputs(batch), batch)

    def outputs(self, batch: Batch) -> Any:
        """Returns what the loss is computed from: logits or features, as the scenario says.

        Args:
            batch: This rank's share of the batch.
        """
        raise NotImplementedError

    def terms(self, outputs: Any, batch: Batch) -> dict[str, Tensor]:
        """Returns the terms of the loss, as :meth:`loss` does.

        Args:
            outputs: What :meth:`outputs` gave for the batch.
            batch: The batch.
        """
        raise NotImplementedError
