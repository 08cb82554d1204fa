"""How a trial is run: the ``run`` section of a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class RunOptions:
    """How a trial is run: nothing here belongs to the method or to the data."""

    seed: int = 0
    """What a trial's random numbers start from; 0 .. 2**32 - 1. Same seed, same number of workers and
    threads, same kind of processor: same numbers. On a GPU, whose sums may run in any order, only with
    ``deterministic``; without it, the same samples in the same order and nearly the same numbers."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """``bf16``: forward and loss under autocast to bfloat16, weights and optimiser in float32."""

    deterministic: bool = False
    """Whether torch takes deterministic algorithms alone, which may be slower, in training and evaluation; an
    operation that has none ends the run in one line."""

    accumulate: int = 1
    """Micro-batches an optimiser step is put together from, 1 or more; the method's batch stays what it
    is."""

    workers: int = 1
    """Data-parallel processes of a trial, 1 or more; the method's batch is divided over them."""

    gpus_per_trial: float | None = None
    """GPUs a trial holds, all its workers together: 0, a fraction (trials share a GPU; one worker only), or
    one a worker. None: one a worker where the machine or cluster has a GPU and ``device`` is not ``cpu``,
    else 0."""

    cpus_per_worker: int = 1
    """CPU cores a worker asks Ray for, 1 or more; also the threads that torch computes with."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where a worker computes; ``auto``: on its GPU where it was given one."""

    eval_batch_size: int = 256
    """Samples a forward pass of the evaluation takes, over one worker; 1 or more."""

    loader_threads: int = 2
    """Threads a worker that read, decode and augment batches ahead of the step; 1 or more."""

    stream_in: Literal["auto", "memory", "disk"] = "auto"
    """Where pictures are read from: ``memory``, all put into the object store once; ``disk``, read as they
    are needed and only what may be replayed put there; ``auto``, memory where they fit."""

    views: int = 4
    """Augmented views of a training picture that a frozen image encoder sees, drawn once for all runs; 1 or
    more. A step takes one of them at random."""

    feature_cache: bool = True
    """Whether what a frozen encoder gives is computed once for all trials and later sweeps, or, as the
    papers' code does, for every batch."""

    skip_bad: bool = False
    """Whether a record that cannot be read is left out and counted instead of ending the run."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed {self.seed} is not in 0 .. {2**32 - 1}")
        _at_least(
            self, 1, "accumulate", "workers", "cpus_per_worker", "eval_batch_size", "loader_threads", "views"
        )
        gpus = self.gpus_per_trial
        if gpus is None:
            return
        if gpus < 0:
            raise ValueError(f"gpus_per_trial {gpus} is below 0")
        if gpus and gpus != self.workers and not (self.workers == 1 and gpus < 1):
            # NCCL refuses two workers on one GPU ("Duplicate GPU detected"), and a worker uses one GPU only.
            raise ValueError(
                f"gpus_per_trial {gpus:g} does not suit {self.workers} worker(s): allowed are 0, "
                f"{self.workers} (one a worker)" + (" or a fraction of 1" if self.workers == 1 else "")
            )
        if gpus and self.device == "cpu":
            raise ValueError(f"gpus_per_trial {gpus:g} is of no use with device cpu: allowed is 0")
        if not gpus and self.device == "cuda":
            raise ValueError("gpus_per_trial 0 leaves device cuda without a GPU: allowed is more than 0")


def _at_least(options: Any, low: int, *names: str) -> None:
    for name in names:
        if getattr(options, name) < low:
            raise ValueError(f"{name} {getattr(options, name)} is below {low}")
