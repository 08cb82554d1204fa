"""The update of the momentum model."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.nn import Parameter


@torch.no_grad()
def momentum_update(
    target: Iterable[Parameter],
    current: Iterable[Parameter],
    momentum: float,
    reference: Iterable[Parameter] | None = None,
    mix: float = 0.0,
) -> None:
    """Sets c <- m c + (1 - m) (a r + (1 - a) w), in place, parameter by parameter.

    This is the compatible momentum update of CTP (Zhu et al., ICCV 2023); the released code has a = 1/2.

    Args:
        target: c.
        current: w.
        momentum: m, in [0, 1].
        reference: r; None: c <- m c + (1 - m) w.
        mix: a, in [0, 1].
    """
    target, current = list(target), list(current)
    torch._foreach_mul_(target, momentum)
    if reference is None:
        torch._foreach_add_(target, current, alpha=1 - momentum)
    else:
        torch._foreach_add_(target, current, alpha=(1 - momentum) * (1 - mix))
        torch._foreach_add_(target, list(reference), alpha=(1 - momentum) * mix)
