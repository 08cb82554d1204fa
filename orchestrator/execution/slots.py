"""The number of processes that a node has room for."""

from __future__ import annotations

from collections.abc import Mapping

_UNIT = 10_000  # the parts of a CPU or GPU that Ray counts in


def slots(node: Mapping[str, float], cpus: float, gpus: float) -> int:
    """How many processes fit on a node at the same time.

    A fraction of a GPU lies on one GPU, so that what is left on two GPUs does not add up: 0.6 fits once on
    each. The free parts of GPUs that others use are assumed to lie on as few GPUs as possible.

    Args:
        node: The node's ``CPU`` and ``GPU``, all of them or those that are free.
        cpus: CPUs of each process, above 0.
        gpus: GPUs of each process: 0, a fraction of 1, or a whole number.
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
    """The amount in Ray's parts, cut off as Ray does, so that three thirds are one, but without the error of
    floats.
    """
    return int(amount * _UNIT + 1e-3)
