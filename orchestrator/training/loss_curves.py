"""Loss curves of a trial, collected without stopping the device at every step."""

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

    The terms of a step are the same on all ranks; the terms of two steps may differ. A term that is not
    finite raises :class:`~orchestrator.numerics.diverged.Diverged` within 20 steps. The message names the
    term, step, phase and task.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, int, str, float]] = []
        self._pending: list[tuple[int, str, Tensor]] = []
        self._steps = 0
        self._place = (0, "")

    def start(self, task: int, phase: str) -> None:
        """Begins the curve of a phase.

        Args:
            task: The task's number, from 0.
            phase: The phase's name.
        """
        self._place = (task, phase)

    def add(self, step: int, terms: dict[str, Tensor], norm: Tensor | None = None) -> None:
        """Takes one step's terms, still on the device.

        Args:
            step: The step's number within the phase.
            terms: Loss terms by name.
            norm: The norm of the step's gradient, where there is one. It is checked as the terms are, but is
                no term.
        """
        self._pending += [(step, name, value) for name, value in terms.items()]
        if norm is not None:
            self._pending.append((step, _NORM, norm))
        self._steps += 1
        if self._steps >= _FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Brings the pending terms to the CPU and checks them.

        Raises:
            Diverged: A term or a gradient's norm is not finite
                (:class:`~orchestrator.numerics.diverged.Diverged`).
        """
        if not self._pending:
            return
        device = self._pending[0][2].device
        values = torch.stack([value.float().to(device) for *_, value in self._pending])
        if dist.is_initialized() and dist.get_world_size() > 1:
            dist.all_reduce(values)
            values /= dist.get_world_size()
        task, phase = self._place
        steps = [(step, name) for step, name, _ in self._pending]
        self._pending, self._steps = [], 0
        for (step, name), value in zip(steps, values.tolist(), strict=True):
            if not math.isfinite(value):
                what = name if name == _NORM else f"loss term {name}"
                raise Diverged(f"{what} is {value} at step {step} of phase {phase}, task {task + 1}")
            if name != _NORM:
                self.rows.append((task, phase, step, name, value))

    def means(self, task: int) -> dict[str, float]:
        """Computes the means that a task's report shows.

        Returns:
            The mean of each term over the last tenth of the steps of the task's last phase, and the means'
            sum as ``total``.
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
