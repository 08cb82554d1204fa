"""What a trial holds of GPUs, and how much memory of one it takes."""

from __future__ import annotations

import torch

from ..run_options import RunOptions


class GpuUse:
    """What a trial holds of GPUs, for the report of a task.

    Args:
        run: The run's options.
        device: Where this rank computes.
    """

    def __init__(self, run: RunOptions, device: torch.device) -> None:
        asked = run.workers if run.gpus_per_trial is None else run.gpus_per_trial
        self._gpus = float(asked) if device.type == "cuda" else 0.0
        self._device = device

    def begin(self) -> None:
        """A task begins, from which on the most memory counts."""
        if self._gpus:
            torch.cuda.reset_peak_memory_stats(self._device)

    def report(self) -> dict[str, float]:
        """What the task's report says.

        Returns:
            ``gpus``: how many GPUs all ranks hold together, 0 on the CPU. On a GPU also ``memory/gpu_bytes``:
            the most bytes that torch had allocated at once for tensors of this rank since :meth:`begin`. What
            CUDA itself takes is not in it, nor what other trials on the same GPU take.
        """
        if not self._gpus:
            return {"gpus": 0.0}
        return {
            "gpus": self._gpus,
            "memory/gpu_bytes": float(torch.cuda.max_memory_allocated(self._device)),
        }
