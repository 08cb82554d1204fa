"""One phase of optimisation: the story of a step."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext

import torch
import torch.distributed as dist
from torch import nn

from methods.method import Batch, Method, Phase

from .curves import Curves


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
) -> float:
    """Runs ``steps`` optimiser steps of ``phase``, each over ``accumulate`` micro-batches; returns seconds
    spent.

    ``precision`` is ``fp32`` or ``bf16`` (autocast around the loss). With several ranks gradients are
    averaged by DistributedDataParallel; a micro-batch's loss is divided by ``accumulate``. Losses between
    samples (contrastive terms) see one micro-batch at a time.
    """
    began = time.perf_counter()
    method.train()
    optimizer = phase.optimizer()
    base = [group["lr"] for group in optimizer.param_groups]
    loss_of: nn.Module = _Loss(method)
    parallel = dist.is_initialized() and dist.get_world_size() > 1
    if parallel:
        # Buffers (queues) are equal on all ranks by construction: every rank enqueues the gathered batch.
        loss_of = nn.parallel.DistributedDataParallel(loss_of, broadcast_buffers=False)
    cast = torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
    stream = _endless(batches)
    for step in range(steps):
        factor = phase.learning_rate(step, steps)
        for group, rate in zip(optimizer.param_groups, base, strict=True):
            group["lr"] = rate * factor
        method.before_step(phase)
        terms: dict[str, torch.Tensor] = {}
        for micro in range(accumulate):
            batch = next(stream).to(device, non_blocking=True)
            last = micro == accumulate - 1
            with loss_of.no_sync() if parallel and not last else nullcontext():
                with cast:
                    found = loss_of(batch, phase)
                (sum(found.values()) / accumulate).backward()
            for name, value in found.items():
                part = value.detach() / accumulate
                terms[name] = terms[name] + part if name in terms else part
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        curves.add(step, terms)
    curves.flush()
    method.eval()
    return time.perf_counter() - began


def _endless(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Starts again where the steps take more micro-batches than come: a training set below one batch."""
    while True:
        yield from batches
