"""How far images have drifted from the texts of their classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..metrics.recognition import angle
from ..storage.task_key import task_key
from .distributed import add_up, largest


class Drift:
    """Takes in the batches of a pass over ``classes`` seen classes; the angles are of all ranks' batches.

    A class's text feature is the mean, over all pictures, of what the method compares them with
    (``Method.class_features``); its image feature is the mean over its own pictures.
    """

    def __init__(self, classes: int, device: torch.device) -> None:
        self._classes = classes
        self._device = device
        self._sums: Tensor | None = None

    def add(self, label: Tensor, image: Tensor, text: Tensor) -> None:
        """``label``: (B,). ``image``: (B, D), unit rows. ``text``: (classes, D), means over the batch."""
        if self._sums is None:
            self._sums = self._zeros(image.shape[1])
        self._sums[0].index_add_(0, label, image.double())
        self._sums[1] += len(image) * text.double()

    def angles(self) -> Tensor:
        """(classes,): degrees, NaN for a class without pictures. Collective: every rank calls it."""
        width = largest(0 if self._sums is None else self._sums.shape[2], self._device)
        if self._sums is None:
            self._sums = self._zeros(width)
        image, text = add_up(self._sums)
        return angle(text, image)

    def _zeros(self, width: int) -> Tensor:
        """Sums of images and of texts, in float64: in it, the order of adding does not show."""
        return torch.zeros(2, self._classes, width, dtype=torch.float64, device=self._device)

    def metrics(self, tasks: Sequence[range]) -> dict[str, float]:
        """``drift/angle``, the mean over all classes that have pictures, and ``drift/task_01`` ..., over the
        classes of each of ``tasks``.
        """
        angles = self.angles().cpu()
        means = {"angle": angles.nanmean()}
        means |= {task_key(k): angles[own.start : own.stop].nanmean() for k, own in enumerate(tasks)}
        return {f"drift/{name}": float(mean) for name, mean in means.items() if not mean.isnan()}
