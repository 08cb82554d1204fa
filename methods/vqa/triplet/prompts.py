"""TRIPLET's decoupled prompts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...common.task_parameters import TaskParameters
from .modality import Modality
from .splice import Groups

_DEVIATION = 0.02


class Prompts(nn.Module):
    """Prompt tokens by modality and layer: general tokens, which all tasks share, and tokens of each task.

    ``general`` is (M, n, L_G, D), or None where there are no ``general_layers``. ``specific`` is (M, n', L_E,
    D) for each task, or None where there are no ``task_layers``. They are drawn from N(0, 0.02^2). Each of
    the two makes a group of slots.

    Args:
        modalities: The M encoders that are prompted.
        width: D.
        general_layers: The n layers at which general prompts are fresh.
        general_length: L_G.
        task_layers: The n' layers at which a task's prompts are fresh.
        task_length: L_E.
    """

    def __init__(
        self,
        modalities: Sequence[Modality],
        width: int,
        general_layers: Sequence[int],
        general_length: int,
        task_layers: Sequence[int],
        task_length: int,
    ) -> None:
        super().__init__()
        self._modalities = tuple(modalities)
        self._general_layers = tuple(general_layers)
        self._task_layers = tuple(task_layers)
        self.general: nn.Parameter | None = None
        self.specific: TaskParameters | None = None
        if general_layers:
            shape = len(modalities), len(general_layers), general_length, width
            self.general = nn.Parameter(torch.empty(shape).normal_(0, _DEVIATION))
        if task_layers:
            self.specific = TaskParameters(len(modalities), len(task_layers), task_length, width)

    def grow(self) -> None:
        """Adds a task. The prompts of past tasks are frozen."""
        if self.specific is not None:
            like = self.specific.new
            self.specific.grow(torch.empty(like.shape[1:]).normal_(0, _DEVIATION))
            self.specific.past.requires_grad_(False)

    def newest(self) -> dict[Modality, Groups]:
        """Returns the general prompts and those of the newest task, for any number of samples."""
        return self._groups(
            [self.specific.new[:, i] for i in self._range] if self.specific is not None else []
        )

    def chosen(self, tasks: Tensor) -> dict[Modality, Groups]:
        """Returns the general prompts and, for each sample and modality, those of its task: int64 (B, M)."""
        if self.specific is None:
            return self._groups([])
        every = torch.cat([self.specific.past, self.specific.new])
        return self._groups([every[tasks[:, i], i] for i in self._range])

    def groups(self) -> list[Tensor]:
        """Returns the prompts on which the modality interaction acts.

        Returns:
            The general prompts (M, n, L_G, D) and those of the newest task (M, n', L_E, D), as far as they
            exist.
        """
        groups = [] if self.general is None else [self.general]
        return groups + ([] if self.specific is None else [self.specific.new[0]])

    @property
    def _range(self) -> range:
        return range(len(self._modalities))

    def _groups(self, specific: Sequence[Tensor]) -> dict[Modality, Groups]:
        """Makes groups of slots; ``specific`` is (B or 1, n', L_E, D) of each modality, or empty."""
        slots: dict[Modality, list[dict[int, Tensor]]] = {name: [] for name in self._modalities}
        for i, name in enumerate(self._modalities):
            if self.general is not None:
                slots[name].append({k: self.general[i, j, None] for j, k in enumerate(self._general_layers)})
            if specific:
                slots[name].append({k: specific[i][:, j] for j, k in enumerate(self._task_layers)})
        return slots
