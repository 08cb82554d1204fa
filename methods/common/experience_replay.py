"""Experience replay: how a baseline of any scenario trains on its memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from ..method import Method, Pass, Phase, Task
from .checks import check_range

Mixing = Literal["merge", "paired", "weighted"]


@dataclass(frozen=True)
class ExperienceReplayConfig:
    """Hyper-parameters of training on a memory."""

    replay: Mixing = "paired"
    """How the memory is mixed in. ``merge``: its samples join the task's, one set. ``paired``: each step on
    the task is followed by one on a batch of the memory, twice as many steps. ``weighted``: as ``merge``,
    with a loss in which classes (recognition), tasks (retrieval) or the object groups of each task
    (questions) count alike. Paper: merge (CTP, CLAP4CLIP), paired (VQACL)."""

    consolidation_epochs: int = 0
    """Passes over the memory alone that end a task, from the second on. The memory holds the task by then,
    and its loss is that of ``weighted``. Optimiser, rate and schedule are the task's, begun anew. Range: at
    least 0. Paper: 0 (CTP, VQACL), 2 (CLAP4CLIP)."""

    def __post_init__(self) -> None:
        if self.replay not in get_args(Mixing):
            raise ValueError(f"replay {self.replay!r} must be one of {', '.join(get_args(Mixing))}")
        check_range("consolidation_epochs", self.consolidation_epochs, 0)


class ExperienceReplay(Method):
    """Adds the memory to the phases of the method whose class comes next among the bases.

    Its ``Config`` is an :class:`ExperienceReplayConfig`, too. Where the memory is empty, ``merge`` and
    ``paired`` are training on the task alone.
    """

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        c = self.config
        own = [phase for phase in super().phases(task) if isinstance(phase, Phase)]
        phases = [replace(phase, replay=c.replay) for phase in own]
        if task.index > 0 and c.consolidation_epochs and phases:
            last = replace(phases[-1], data="memory", replay="weighted", group=None)
            phases.append(replace(last, name="consolidate", epochs=c.consolidation_epochs))
        return phases
