"""One phase of optimisation: what happens in a step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.distributed as dist
from torch import nn

from methods.common.without_compiler import without_compiler
from methods.method import Batch, Method, Phase

from .loss_curves import Curves


class _Loss(nn.Module):
    """Lets DistributedDataParallel see ``method.loss`` as a forward pass."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, batch: Batch, phase: Phase) -> dict[str, torch.Tensor]:
        return self.method.loss(batch, phase)


def train_phase(
    method: Method,
    phase: Phase,
    batches: Iterable[Batch],
    steps: int,
    *,
    device: torch.device,
    precision: str,
    accumulate: int,
    curves: Curves,
    encode: Callable[[Batch], Batch] = lambda batch: batch,
    validate: Callable[[], float] = lambda: 0.0,
    counted: Callable[[Batch], AbstractContextManager[None]] = lambda batch: nullcontext(),
) -> list[nn.Parameter]:
    """Runs ``steps`` optimiser steps of ``phase``, each over ``accumulate`` micro-batches.

    With several ranks, DistributedDataParallel averages the gradients. A micro-batch's loss is divided by
    ``accumulate``. Losses between samples (contrastive terms) see one micro-batch at a time.

    Args:
        method: The method that is trained.
        phase: What is trained, and how.
        batches: The micro-batches.
        steps: How many optimiser steps are taken.
        device: Where the method is.
        precision: ``fp32`` or ``bf16`` (autocast around the loss).
        accumulate: How many micro-batches make one step.
        curves: Takes the loss terms of each step.
        encode: Puts a frozen encoder's features in the place of pixels.
        validate: Scores the method. A higher score is better, and the score is alike on all ranks. It is
            called where the phase has ``patience``: after each epoch (after each step where there are fewer
            steps than epochs) and after the last step.
        counted: Takes a micro-batch and returns the context of its loss and gradient
            (:meth:`.StepFlops.of_phase`).

    Returns:
        The parameters that the optimiser trained.

    Raises:
        Diverged: A loss term, the gradient's norm, or what ``validate`` sees, is not finite.
    """
    method.train()
    # An earlier phase's loss may have left gradients on parameters that the phase did not train. They are no
    # part of this phase's gradient.
    method.zero_grad(set_to_none=True)
    without_compiler()
    optimizer = phase.optimizer()
    base = [group["lr"] for group in optimizer.param_groups]
    gradient = _Gradient(method, phase, device, precision, accumulate, encode, counted)
    stream = iter(batches)
    patience = _Patience(method, phase.patience) if phase.patience else None
    epoch = max(1, steps // max(1, phase.epochs))
    for step in range(steps):
        factor = phase.learning_rate(step, steps)
        for group, rate in zip(optimizer.param_groups, base, strict=True):
            group["lr"] = rate * factor
        method.before_step(phase)
        terms = gradient.add(stream)
        norm = None
        if phase.clip is not None:
            trained = [p for group in optimizer.param_groups for p in group["params"]]
            norm = nn.utils.clip_grad_norm_(trained, phase.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        curves.add(step, terms, norm)
        if patience and ((step + 1) % epoch == 0 or step + 1 == steps):
            # A loss that is not finite says more than the model's outputs that follow.
            curves.flush()
            method.eval()
            if patience.ends(validate()):
                break
            method.train()
    curves.flush()
    if patience:
        patience.restore()
    method.eval()
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]


class _Gradient:
    """The gradient of one optimiser step, from several micro-batches and all ranks."""

    def __init__(
        self,
        method: Method,
        phase: Phase,
        device: torch.device,
        precision: str,
        accumulate: int,
        encode: Callable[[Batch], Batch],
        counted: Callable[[Batch], AbstractContextManager[None]],
    ) -> None:
        self._phase = phase
        self._device = device
        self._precision = precision
        self._accumulate = accumulate
        self._encode = encode
        self._counted = counted
        self._loss_of: nn.Module = _Loss(method)
        self._parallel: nn.parallel.DistributedDataParallel | None = None
        if dist.is_initialized() and dist.get_world_size() > 1:
            self._loss_of = self._parallel = nn.parallel.DistributedDataParallel(self._loss_of)
            # Buffers (queues) are equal on all ranks by construction: every rank enqueues the gathered batch.
            # The constructor's option has another name from torch 2.13 on; the attribute has the old name in
            # all versions.
            self._parallel.broadcast_buffers = False

    def add(self, batches: Iterator[Batch]) -> dict[str, torch.Tensor]:
        """Takes a step's micro-batches and adds their gradient to the parameters'.

        Returns:
            The step's loss terms, each the mean over its micro-batches.
        """
        parallel, accumulate = self._parallel, self._accumulate
        mixed = self._precision == "bf16"
        terms: dict[str, torch.Tensor] = {}
        for micro in range(accumulate):
            taken = next(batches)
            batch = self._encode(taken.to(self._device, non_blocking=True))
            last = micro == accumulate - 1
            with self._counted(taken), parallel.no_sync() if parallel and not last else nullcontext():
                with torch.autocast(self._device.type, torch.bfloat16) if mixed else nullcontext():
                    losses = self._loss_of(batch, self._phase)
                (sum(losses.values()) / accumulate).backward()
            for name, value in losses.items():
                part = value.detach() / accumulate
                terms[name] = terms[name] + part if name in terms else part
        return terms


class _Patience:
    """Early stopping: the best weights so far, and how many epochs ago they were reached."""

    def __init__(self, method: Method, patience: int) -> None:
        self._method = method
        self._patience = patience
        self._best = -math.inf
        self._state: dict[str, torch.Tensor] = {}
        self._since = 0

    def ends(self, score: float) -> bool:
        """Takes an epoch's score; returns whether ``patience`` epochs have passed without a better one."""
        if score > self._best:
            self._best, self._since = score, 0
            self._state = {name: value.clone() for name, value in self._method.state_dict().items()}
        else:
            self._since += 1
        return self._since >= self._patience

    def restore(self) -> None:
        """Brings the best weights back."""
        if self._state:
            self._method.load_state_dict(self._state)
