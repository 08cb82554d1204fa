"""How a trial is run: the ``run`` section of a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Keep = Literal["chosen", "last", "all"]
"""Which checkpoints of ended trials stay, see :attr:`RunOptions.keep`."""

CHANGES_NO_NUMBER = (
    "stream.data",
    "run.device",
    "run.feature_cache",
    "run.gpus_per_trial",
    "run.keep",
    "run.loader_threads",
    "run.skip_bad",
    "run.stream_in",
)
"""Keys of a configuration that say where and how a trial is run. Beside the stream's content, they
change no number but by a processor's rounding."""


@dataclass(frozen=True)
class RunOptions:
    """How a trial is run. Nothing here belongs to the method or to the data."""

    seed: int = 0
    """The seed of a trial's random numbers. The same seed, number of workers, number of threads and kind of
    processor give the same numbers. A GPU may add in any order, so that it also needs ``deterministic``.
    Without that the samples and their order are the same there, and the numbers nearly so.
    Range: 0 to 2**32 - 1.
    """

    precision: Literal["fp32", "bf16"] = "fp32"
    """Number format of the training step. With ``bf16`` forward pass and loss run under autocast to bfloat16;
    weights and optimiser stay in float32."""

    deterministic: bool = False
    """Whether torch uses only deterministic algorithms, in training and evaluation. They may be slower. An
    operation without such an algorithm ends the run in one line.
    """

    accumulate: int = 1
    """Micro-batches of an optimiser step. The method's batch stays as it is. Range: at least 1."""

    workers: int = 1
    """Data-parallel processes of a trial. The method's batch is divided over them. Range: at least 1."""

    gpus_per_trial: float | None = None
    """GPUs that all workers of a trial hold together: 0, a fraction (trials then share a GPU, and have one
    worker only), or one for each worker. ``None`` is one for each worker where the machine or cluster has a
    GPU and ``device`` is not ``cpu``, else 0. Range: at least 0.
    """

    cpus_per_worker: int = 1
    """CPU cores that a worker asks Ray for, and the threads that torch computes with in it. Range: at least
    1."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where a worker computes. ``auto`` is its GPU where it was given one, else the CPU."""

    eval_batch_size: int = 256
    """Samples that one worker takes in a forward pass of the evaluation. Range: at least 1."""

    loader_threads: int = 2
    """Threads of a worker that read, decode and augment batches ahead of the step. Range: at least 1."""

    stream_in: Literal["auto", "memory", "disk"] = "auto"
    """Where pictures are read from. With ``memory`` all are put into the object store once. With ``disk``
    they are read as they are needed, and only what may be replayed is put into the store. ``auto`` is
    memory where they fit."""

    views: int = 4
    """Augmented views of a training picture that a frozen image encoder sees, the same in all runs. A step
    takes one of them at random. Every second view is mirrored for a stream that mirrors pictures. With an
    even number a picture is then mirrored half the time. Range: at least 1.
    """

    feature_cache: bool = True
    """Whether a frozen encoder's features are computed once for all trials and later sweeps. If not, they are
    computed for every batch, for the same views. The numbers are the same: pictures are not augmented afresh,
    as they are in the papers' code.
    """

    skip_bad: bool = False
    """Whether a record that cannot be read is left out and counted instead of ending the run."""

    keep: Keep = "chosen"
    """Which checkpoints of ended trials stay on the disk. With ``chosen`` a trial that the sweep may choose,
    and each trial of a run without a search, keeps the checkpoints of all its tasks. Every other trial keeps
    its last one. With ``last`` the former also keep only their last one, once they have been tested. With
    ``all`` nothing is deleted.
    """

    fresh: bool = False
    """Whether each task begins with a new model, and not with the one that the task before left. It is for
    reference runs: finetuning so trains each task independently, and joint training each time from the
    beginning. It suits methods whose later tasks need nothing of earlier ones. A replay memory stays."""

    @property
    def gpus_held(self) -> float:
        """The GPUs that all workers of a trial hold together, where there are any."""
        return self.workers if self.gpus_per_trial is None else self.gpus_per_trial

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
