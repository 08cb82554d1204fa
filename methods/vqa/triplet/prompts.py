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
    """Prompt tokens by modality and layer: general ones, which all tasks share, and those of each task.

    ``general``: (M, n, L_G, D), or None where ``general_layers`` are none. ``specific``: (M, n', L_E, D) a
    task, or None where ``task_layers`` are none. Drawn from N(0, 0.02^2). The two make a group of slots each.
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
        """Adds a task; past ones are frozen."""
        if self.specific is not None:
            like = self.specific.new
            self.specific.grow(torch.empty(like.shape[1:]).normal_(0, _DEVIATION))
            self.specific.past.requires_grad_(False)

    def newest(self) -> dict[Modality, Groups]:
        """The general prompts and those of the newest task, for any number of samples."""
        return self._groups(
            [self.specific.new[:, i] for i in self._range] if self.specific is not None else []
        )

    def chosen(self, tasks: Tensor) -> dict[Modality, Groups]:
        """The general prompts and, of each sample and modality, those of its task: int64 (B, M)."""
        if self.specific is None:
            return self._groups([])
        every = torch.cat([self.specific.past, self.specific.new])
        return self._groups([every[tasks[:, i], i] for i in self._range])

    def groups(self) -> list[Tensor]:
        """General prompts (M, n, L_G, D) and those of the newest task (M, n', L_E, D), of those that exist:
        what the modality interaction acts on.
        """
        found = [] if self.general is None else [self.general]
        return found + ([] if self.specific is None else [self.specific.new[0]])

    @property
    def _range(self) -> range:
        return range(len(self._modalities))

    def _groups(self, specific: Sequence[Tensor]) -> dict[Modality, Groups]:
        """``specific``: (B or 1, n', L_E, D) of each modality; empty where there are none."""
        found: dict[Modality, list[dict[int, Tensor]]] = {name: [] for name in self._modalities}
        for i, name in enumerate(self._modalities):
            if self.general is not None:
                found[name].append({k: self.general[i, j, None] for j, k in enumerate(self._general_layers)})
            if specific:
                found[name].append({k: specific[i][:, j] for j, k in enumerate(self._task_layers)})
        return found
