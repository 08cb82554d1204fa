"""Measures the GPUs that a trial holds, and their memory that it takes."""

from __future__ import annotations

import torch

from ..run_options import RunOptions


class GpuUse:
    """The GPUs that a trial holds, for the report of a task.

    Args:
        run: The run's options.
        device: Where this rank computes.
    """

    def __init__(self, run: RunOptions, device: torch.device) -> None:
        self._gpus = float(run.gpus_held) if device.type == "cuda" else 0.0
        self._device = device

    def begin(self) -> None:
        """Begins a task. The memory's maximum is counted from here on."""
        if self._gpus:
            torch.cuda.reset_peak_memory_stats(self._device)

    def report(self) -> dict[str, float]:
        """Returns the metrics for the task's report.

        Returns:
            ``gpus``: how many GPUs all ranks hold together, 0 on the CPU. On a GPU also ``memory/gpu_bytes``:
            the most bytes that torch had allocated at once for tensors of this rank since :meth:`begin`. The
            memory of CUDA itself and of other trials on the same GPU is not included.
        """
        if not self._gpus:
            return {"gpus": 0.0}
        return {
            "gpus": self._gpus,
            "memory/gpu_bytes": float(torch.cuda.max_memory_allocated(self._device)),
        }
