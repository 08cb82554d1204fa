"""Counts the floating-point operations of a task's training steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

from methods.common.is_compiled import is_compiled
from methods.common.trim import last_tokens
from methods.method import Batch, InputSpec, Method

from ..evaluation.agreement import from_each
from .flop_counter import flop_counter

FLOPS = "flops/train"
"""The metric of a task's report."""


class StepFlops:
    """The floating-point operations (FLOPs) of a task's steps: of each loss and its gradient, on all ranks.

    They are torch's figures (``torch.utils.flop_counter``): 2 m n k for the product of an (m, k) and a (k, n)
    matrix, and likewise for convolutions and attention. Every other operation counts 0, among them the
    product of a matrix and a vector, and an operation of one's own for which torch has no formula. What
    frozen encoders compute ahead of the loss is not counted, nor are passes without steps, optimisers and
    evaluation.

    A step takes two to six times as long while it is counted. In each phase, therefore, one micro-batch of
    each shape is counted and stands for all of that shape. The shape is that of all of the batch's tensors,
    and the number of token columns without the padding that all rows share. Where a method's work depends on
    more than that, as on how many words are masked, the first micro-batch of a shape stands for others that
    differ a little.

    Where a part of the method is compiled, nothing is counted: while torch counts, what is compiled runs
    otherwise.
    """

    def __init__(self) -> None:
        self._counted: int | None = None
        self._unknown = False

    def begin(self) -> None:
        """Begins a task."""
        self._counted, self._unknown = None, False

    def of_phase(self, method: Method) -> Callable[[Batch], AbstractContextManager[None]]:
        """Begins a phase.

        Args:
            method: The method that is trained.

        Returns:
            What takes a micro-batch and returns a context, in which its loss and gradient are computed.
        """
        if is_compiled(method):
            self._unknown = True
            return lambda batch: nullcontext()
        known: dict[tuple[object, ...], int] = {}

        @contextmanager
        def counted(batch: Batch) -> Iterator[None]:
            shape = _shape(batch, method)
            if shape in known:
                yield
            else:
                with flop_counter() as counter:
                    yield
                known[shape] = counter.get_total_flops()
            self._counted = (self._counted or 0) + known[shape]

        return counted

    def report(self, device: torch.device) -> dict[str, float]:
        """Returns the metric for the task's report. Every rank calls it.

        Args:
            device: The device on which ranks exchange messages.

        Returns:
            ``flops/train``, the sum over ranks since :meth:`begin`. It is missing where no step was taken,
            and where a rank's steps were not counted.
        """
        counts = from_each(None if self._unknown else self._counted, device)
        return {} if None in counts else {FLOPS: float(sum(counts))}


def _shape(batch: Batch, method: Method) -> tuple[object, ...]:
    """What a micro-batch's work depends on, from tensors on the CPU."""
    tensors = {name: value.shape for name, value in vars(batch).items() if isinstance(value, Tensor)}
    spec, columns = method.spec, 0
    if isinstance(spec, InputSpec) and batch.tokens.numel():
        columns = int(last_tokens(batch.tokens, spec.pad_id).max())
    return (*tensors.items(), columns)
