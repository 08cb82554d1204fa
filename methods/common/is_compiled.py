"""Says whether a part of a model is compiled."""

from __future__ import annotations

from torch import nn


def is_compiled(model: nn.Module) -> bool:
    """Whether ``model`` or a part of it went through ``torch.compile`` or ``Module.compile``.

    A function that was compiled is no part of a model, and is not seen.

    Args:
        model: The model.
    """
    # torch has no public name for either: the first is what Module.compile sets, the second the only child of
    # what torch.compile makes of a module.
    return any(
        getattr(part, "_compiled_call_impl", None) is not None or "_orig_mod" in dict(part.named_children())
        for part in model.modules()
    )
