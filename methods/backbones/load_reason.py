"""Says why weights could not be read."""

from __future__ import annotations

from pickle import UnpicklingError


def load_reason(error: Exception) -> str:
    """Returns the reason on one line, without the libraries' advice to run code that came with
    the weights.
    """
    reason = " ".join(str(error).split())
    if isinstance(error, UnpicklingError) or "weights_only" in reason:
        return "neither safetensors nor a torch file that holds tensors alone"
    if "trust_remote_code" in reason:
        return "it needs code of its own, which is never run"
    return reason[:300] or type(error).__name__
