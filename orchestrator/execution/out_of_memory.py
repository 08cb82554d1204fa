"""Errors that say that there is not enough memory."""

from __future__ import annotations

# torch raises a plain RuntimeError where the CPU's memory, or a library of CUDA's, has no more.
_SAID = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that the memory of a GPU or of the machine is not enough."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID)
