"""How many processes a node has room for."""

from __future__ import annotations

from collections.abc import Mapping

_UNIT = 10_000  # parts of a CPU or GPU that Ray reckons in


def slots(node: Mapping[str, float], cpus: float, gpus: float) -> int:
    """How many processes fit on ``node`` at once that ask for ``cpus`` CPUs and ``gpus`` GPUs each.

    ``node``: its ``CPU`` and ``GPU``, all or those that are free; ``cpus`` > 0; ``gpus``: 0, a fraction of 1,
    or whole. A fraction lies on one GPU, so what is left on two GPUs is no place: 0.6 fits once on each. What
    is free of GPUs that others use is taken to lie on as few of them as can be.
    """
    count = _parts(node.get("CPU", 0)) // max(1, _parts(cpus))
    if not gpus:
        return count
    available, asked = _parts(node.get("GPU", 0)), max(1, _parts(gpus))
    if asked >= _UNIT:
        return min(count, available // asked)
    whole, rest = divmod(available, _UNIT)
    return min(count, whole * (_UNIT // asked) + rest // asked)


def _parts(amount: float) -> int:
    """As Ray cuts it off, so that three thirds are one; but not by what floats err."""
    return int(amount * _UNIT + 1e-3)
