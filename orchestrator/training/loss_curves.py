"""Loss curves of a trial, gathered without stopping the device at every step."""

from __future__ import annotations

import math

import torch
import torch.distributed as dist
from torch import Tensor

from ..numerics.diverged import Diverged

_FLUSH_EVERY = 20  # steps between two device synchronisations
_NORM = "the gradient's norm"  # no term has such a name


class Curves:
    """Loss terms by optimiser step. Values are means over ranks (and over accumulated micro-batches).

    A step's terms are the same on all ranks; those of two steps may differ. A term that is not finite raises
    :class:`~orchestrator.numerics.diverged.Diverged`, naming term, step, phase and task, within 20 steps.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, int, str, float]] = []
        self._pending: list[tuple[int, str, Tensor]] = []
        self._steps = 0
        self._place = (0, "")

    def start(self, task: int, phase: str) -> None:
        """Begins the curve of a phase."""
        self._place = (task, phase)

    def add(self, step: int, terms: dict[str, Tensor], norm: Tensor | None = None) -> None:
        """Takes one step's terms, still on the device, and the norm of its gradient where there is one: that
        is looked at as they are, but is no term.
        """
        self._pending += [(step, name, value) for name, value in terms.items()]
        if norm is not None:
            self._pending.append((step, _NORM, norm))
        self._steps += 1
        if self._steps >= _FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Brings what is pending to the CPU and checks it."""
        if not self._pending:
            return
        device = self._pending[0][2].device
        values = torch.stack([value.float().to(device) for *_, value in self._pending])
        if dist.is_initialized() and dist.get_world_size() > 1:
            dist.all_reduce(values)
            values /= dist.get_world_size()
        task, phase = self._place
        places = [(step, name) for step, name, _ in self._pending]
        self._pending, self._steps = [], 0
        for (step, name), value in zip(places, values.tolist(), strict=True):
            if not math.isfinite(value):
                what = name if name == _NORM else f"loss term {name}"
                raise Diverged(f"{what} is {value} at step {step} of phase {phase}, task {task + 1}")
            if name != _NORM:
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
