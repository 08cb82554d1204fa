"""Elastic weight consolidation: what past tasks needed of the weights is kept near."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn

from ..method import Batch, Pass, Phase, Task
from .checks import check_range
from .distributed import all_reduce_sum
from .fisher import Weighting, quadratic_penalty, squared_gradients
from .output_method import OutputMethod


@dataclass(frozen=True)
class EWCConfig:
    """Hyper-parameters of online elastic weight consolidation."""

    ewc_weight: float = 10.0
    """lambda, the weight of sum F (w - w*)^2. Its scale depends on the model, and is to be searched. The
    papers write lambda / 2. A term of weight 0 is not computed. Range: at least 0. Released code: 10
    (Mammoth's example)."""

    ewc_decay: float = 1.0
    """gamma, the share of past tasks' Fisher information that is kept when that of a new task is added.
    Range: 0 to 1. Released code: 1 (Mammoth's example).
    """

    def __post_init__(self) -> None:
        check_range("ewc_weight", self.ewc_weight, 0)
        check_range("ewc_decay", self.ewc_decay, 0, 1)


@dataclass(frozen=True)
class SampleFisherConfig(EWCConfig):
    """As :class:`EWCConfig`, where each sample has a likelihood of its own."""

    fisher: Weighting = "empirical"
    """How a sample's squared gradient counts: ``empirical``, as it is, or ``weighted``, by the probability of
    the sample's label. Paper: empirical. Released code: weighted (Mammoth)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fisher not in get_args(Weighting):
            raise ValueError(f"fisher {self.fisher!r} must be one of {', '.join(get_args(Weighting))}")


class ElasticWeightConsolidation(OutputMethod):
    """Adds lambda sum F (w - w*)^2 to the loss of the method whose class comes next among the bases.

    This is the online EWC of Schwarz et al. (ICML 2018), after Kirkpatrick et al. (PNAS 2017). w* are the
    weights at the end of the last task. F is the diagonal of the Fisher information, F <- gamma F + F_new,
    with F_new the mean over the task's samples at its end. Weights that the task did not use have none.

    Its ``Config`` is an :class:`EWCConfig`, too. Subclasses implement :meth:`log_likelihoods`.
    """

    fisher_pass = Pass("fisher")

    def __init__(self, config: Any, spec: Any, *parts: Any) -> None:
        super().__init__(config, spec, *parts)
        self.fisher, self.anchors = _Like(self), _Like(self)
        self._new: list[Tensor] = []
        self._samples = torch.zeros(())
        self._past = False

    @classmethod
    def checkpoint_bytes(cls, config: Any, spec: Any, tasks: int) -> int | None:
        weights = super().checkpoint_bytes(config, spec, tasks)
        return None if weights is None else 3 * weights  # with F and w*

    def start_task(self, task: Task) -> None:
        super().start_task(task)
        self._past = task.index > 0
        self._new = [torch.zeros_like(buffer) for buffer in self.fisher.buffers()]
        self._samples = torch.zeros((), dtype=torch.float64, device=self._new[0].device)

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        phases = super().phases(task)
        return [*phases, self.fisher_pass] if self.config.ewc_weight else phases

    def terms(self, outputs: Any, batch: Batch) -> dict[str, Tensor]:
        terms = super().terms(outputs, batch)
        if self._past and self.config.ewc_weight:
            held = list(self.anchors.buffers()), list(self.fisher.buffers())
            terms["ewc"] = self.config.ewc_weight * quadratic_penalty(list(self.parameters()), *held)
        return terms

    def observe(self, batch: Batch, step: Pass) -> None:
        c = self.config
        weighting: Weighting = c.fisher if isinstance(c, SampleFisherConfig) else "empirical"
        parameters = list(self.parameters())
        trained = [i for i, parameter in enumerate(parameters) if parameter.requires_grad]
        with torch.enable_grad():
            for samples, value in self.log_likelihoods(batch):
                squared = squared_gradients(value, [parameters[i] for i in trained], weighting)
                self._samples += samples
                for i, squares in zip(trained, squared, strict=True):
                    self._new[i].add_(squares, alpha=samples)

    @torch.no_grad()
    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        super().finish_task(task, data)
        if self.config.ewc_weight:
            samples = all_reduce_sum(self._samples)
            for total, new in zip(self.fisher.buffers(), self._new, strict=True):
                total.mul_(self.config.ewc_decay).add_(all_reduce_sum(new) / samples)
            for anchor, parameter in zip(self.anchors.buffers(), self.parameters(), strict=True):
                anchor.copy_(parameter)
        self._new = []

    def log_likelihoods(self, batch: Batch) -> Iterator[tuple[int, Tensor]]:
        """Yields log p(y | x), whose gradient is squared, of one sample after another.

        Where a likelihood is that of several samples together, it is their mean.

        Args:
            batch: The samples.

        Yields:
            The number of samples, and the scalar.
        """
        raise NotImplementedError


class _Like(nn.Module):
    """A buffer of zeros for each parameter of a module, in their order."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        for name, parameter in module.named_parameters():
            self.register_buffer(name.replace(".", "/"), torch.zeros_like(parameter.detach()))
