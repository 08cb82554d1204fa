"""Measures how far images have drifted from the texts of their classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..metrics.recognition import angle
from ..storage.task_key import task_key
from .distributed import add_up, largest


class Drift:
    """Collects the batches of a pass and computes each class's angle between image and text, over all ranks'
    batches.

    A class's text feature is the mean, over all pictures, of what the method compares pictures with
    (``Method.class_features``). Its image feature is the mean over the class's own pictures.

    Args:
        classes: The number of classes seen.
        device: The device of the sums.
    """

    def __init__(self, classes: int, device: torch.device) -> None:
        self._classes = classes
        self._device = device
        self._sums: Tensor | None = None

    def add(self, label: Tensor, image: Tensor, text: Tensor) -> None:
        """Takes in a batch.

        Args:
            label: (B,), the pictures' classes.
            image: (B, D), unit rows.
            text: (classes, D), means over the batch.
        """
        if self._sums is None:
            self._sums = self._zeros(image.shape[1])
        self._sums[0].index_add_(0, label, image.double())
        self._sums[1] += len(image) * text.double()

    def angles(self) -> Tensor:
        """Computes the angle of each class, in degrees. The call is collective: every rank makes it.

        Returns:
            (classes,), NaN for a class without pictures.
        """
        width = largest(0 if self._sums is None else self._sums.shape[2], self._device)
        if self._sums is None:
            self._sums = self._zeros(width)
        image, text = add_up(self._sums)
        return angle(text, image)

    def _zeros(self, width: int) -> Tensor:
        """Sums of images and of texts, in float64, where the order of the additions does not show."""
        return torch.zeros(2, self._classes, width, dtype=torch.float64, device=self._device)

    def metrics(self, tasks: Sequence[range]) -> dict[str, float]:
        """Computes the mean angles of all classes and of each task.

        Args:
            tasks: The classes of each task.

        Returns:
            ``drift/angle``, the mean over all classes that have pictures, and ``drift/task_01`` ..., the
            means over the classes of each task.
        """
        angles = self.angles().cpu()
        means = {"angle": angles.nanmean()}
        means |= {task_key(k): angles[own.start : own.stop].nanmean() for k, own in enumerate(tasks)}
        return {f"drift/{name}": float(mean) for name, mean in means.items() if not mean.isnan()}
