"""Which metrics a run is told by, in which unit, and which end of them is better."""

from __future__ import annotations

from collections.abc import Iterable

_GENERAL = ("seen/r_mean", "seen/accuracy", "average", "average_over_time", "forgetting")
_OWN = (  # the papers'
    "vqacl/ap",
    "vqacl/forget",
    "vqacl/novel_ap",
    "vqacl/novel_forget",
    "triplet/average_accuracy",
    "triplet/forgetting",
)
_PAPERS = frozenset(name.partition("/")[0] for name in _OWN)

TOP = (*_GENERAL, *_OWN)
"""The few metrics by which a run is told in MLflow, named without their split."""

SHOWN = (
    *_GENERAL,
    "backward_transfer",
    "forward_transfer",
    "seen/map1",
    "over_time/harmonic_mean",
    "over_time/detection/auroc",
    "seen/ece",
    "drift/angle",
    "novel/accuracy",
    *_OWN,
    "recognition/image",
    "recognition/text",
    "recognition/fusion",
)
"""What a run's last lines show, where there are any, named without their split."""

_LESS = frozenset(
    {
        "forget",
        "forget_6q",
        "forgetting",
        "novel_forget",
        "novel_forget_6q",
        "ece",
        "ece_batch_mean",
        "fpr95",
        "angle",
    }
)


def shown_metrics(method: str, found: Iterable[str]) -> list[str]:
    """Of the test metrics ``found`` (``test/average`` ...) those that the last lines of a run of ``method``
    show, in their order, without ``test/``. Of the papers' own those of the method's paper alone.
    """
    from methods import registry as methods  # with torch, which the record does without

    others = _PAPERS - {methods.get(method).measures}
    there = set(found)
    return [n for n in SHOWN if f"test/{n}" in there and n.partition("/")[0] not in others]


def unit(metric: str) -> str:
    """``degrees`` of an angle, ``%`` of all other scores."""
    return "degrees" if "drift" in metric.split("/") else "%"


def better(metric: str) -> str:
    """``min`` where less of a metric is better, else ``max``."""
    return "min" if metric.rpartition("/")[2] in _LESS else "max"
