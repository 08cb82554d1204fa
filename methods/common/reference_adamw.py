"""AdamW as transformers had it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from .checks import check_range

_BETAS = (0.9, 0.999)


class ReferenceAdamW(torch.optim.Optimizer):
    """AdamW as transformers had it until its version 5, which VQACL's code trains with.

    At step n, with the gradient g, m = 0.9 m + 0.1 g and v = 0.999 v + 0.001 g^2::

        p <- p - lr sqrt(1 - 0.999^n) / (1 - 0.9^n) m / (sqrt(v) + eps)
        p <- p - lr weight_decay p

    torch's AdamW divides sqrt(v) by sqrt(1 - 0.999^n) before it adds ``eps``. Compared with it, ``eps`` is 1
    / sqrt(1 - 0.999^n) times as large here (32 times at the first step). torch's AdamW also decays the
    weights before the step and not after it.

    Args:
        params: Parameters, or groups of them, whose ``lr`` and ``weight_decay`` may be their own.
        lr: The rate. Range: at least 0.
        eps: What is added to the root. Range: at least 0.
        weight_decay: The weight decay. Range: at least 0.

    Raises:
        ValueError: A value is outside its range.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        for name, value in (("lr", lr), ("eps", eps), ("weight_decay", weight_decay)):
            check_range(name, value, 0)
        super().__init__(params, {"lr": lr, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch's is overloaded
        """Takes a step with the gradients that the parameters have; those without one stay.

        Args:
            closure: Computes the loss and its gradients anew. None: they are there.

        Returns:
            What ``closure`` returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, p.grad, group)
        return loss

    def _move(self, p: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state, (b1, b2) = self.state[p], _BETAS
        if not state:
            state.update(step=0, mean=torch.zeros_like(p), square=torch.zeros_like(p))
        state["step"] += 1
        state["mean"].lerp_(grad, 1 - b1)
        state["square"].mul_(b2).addcmul_(grad, grad, value=1 - b2)
        rate = group["lr"] * math.sqrt(1 - b2 ** state["step"]) / (1 - b1 ** state["step"])
        p.addcdiv_(state["mean"], state["square"].sqrt().add_(group["eps"]), value=-rate)
        p.mul_(1 - group["lr"] * group["weight_decay"])
