"""Loss curves of a trial, gathered without stopping the device at every step."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from .curve_file import append_curves

_FLUSH_EVERY = 20  # steps between two device synchronisations


class Diverged(Exception):
    """A loss term became NaN or infinite. Raised on every rank alike, so that no rank waits for another."""


class Curves:
    """Loss terms by optimiser step. Values are means over ranks (and over accumulated micro-batches).

    A term that is not finite raises :class:`Diverged`, naming term, step, phase and task, within 20 steps.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, int, str, float]] = []
        self._pending: list[tuple[int, dict[str, Tensor]]] = []
        self._place = (0, "")

    def start(self, task: int, phase: str) -> None:
        """Begins the curve of a phase."""
        self._place = (task, phase)

    def add(self, step: int, terms: dict[str, Tensor]) -> None:
        """Takes one step's terms, still on the device."""
        self._pending.append((step, terms))
        if len(self._pending) >= _FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Brings what is pending to the CPU and checks it."""
        if not self._pending:
            return
        names = list(self._pending[0][1])
        values = torch.stack(
            [torch.stack([terms[name].float() for name in names]) for _, terms in self._pending]
        )
        if dist.is_initialized() and dist.get_world_size() > 1:
            dist.all_reduce(values)
            values /= dist.get_world_size()
        task, phase = self._place
        steps = [step for step, _ in self._pending]
        self._pending = []
        for step, row in zip(steps, values.tolist(), strict=True):
            for name, value in zip(names, row, strict=True):
                if not (abs(value) < float("inf")):
                    raise Diverged(
                        f"loss term {name} is {value} at step {step} of phase {phase}, task {task + 1}"
                    )
                self.rows.append((task, phase, step, name, value))

    def means(self, task: int) -> dict[str, float]:
        """The mean of each term over the last tenth of a task's steps (of its last phase), and their sum as
        ``total``.
        """
        mine = [row for row in self.rows if row[0] == task]
        if not mine:
            return {}
        last_phase, last_step = mine[-1][1], mine[-1][2]
        first = last_step - max(1, (last_step + 1) // 10) + 1
        sums: dict[str, list[float]] = {}
        for _, phase, step, name, value in mine:
            if phase == last_phase and step >= first:
                sums.setdefault(name, []).append(value)
        means = {name: sum(v) / len(v) for name, v in sums.items()}
        return {**means, "total": sum(means.values())}

    def append_csv(self, path: Path, task: int) -> None:
        """Appends a task's curve to ``path``; see :func:`~orchestrator.curve_file.read_curves`."""
        append_curves(path, (row for row in self.rows if row[0] == task))
