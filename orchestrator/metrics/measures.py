"""The metrics that describe a run, their units, and which end of each is better."""

from __future__ import annotations

from collections.abc import Iterable

_GENERAL = (
    "seen/r_mean",
    "seen/accuracy",
    "average",
    "average_over_time",
    "forgetting",
    "task_aware_forgetting",
)
_OWN = (  # the papers' own measures
    "ctp/bwt",
    "vqacl/ap",
    "vqacl/forget",
    "vqacl/novel_ap",
    "vqacl/novel_forget",
    "triplet/average_accuracy",
    "triplet/forgetting",
)
_PAPERS = frozenset({"vqacl", "triplet"})  # both are of questions; retrieval has CTP's alone

TOP = (*_GENERAL, *_OWN)
"""The few metrics that describe a run in MLflow, named without their split."""

SHOWN = (
    *_GENERAL,
    "backward_transfer",
    "forward_transfer",
    "forward_transfer_zero_shot",
    "forward_transfer_independent",
    "forgetting_independent",
    "intransigence",
    "intransigence_once",
    "seen/map1",
    "seen/map1_reference",
    "over_time/harmonic_mean",
    "over_time/detection/auroc",
    "seen/ece",
    "drift/angle",
    "novel/accuracy",
    *_OWN,
    "ctp/bwt_map1",
    "ctp/bwt_map1_reference",
    "recognition/image",
    "recognition/text",
    "recognition/fusion",
)
"""The metrics that a run's last lines show where the run has them, named without their split."""

_COSTS = frozenset(
    {
        "replay/items",
        "replay/bytes",
        "parameters/trained",
        "flops/train",
        "seconds/train",
        "seconds/evaluate",
        "gpu_hours",
    }
)
_UNITS = {  # the last part of a metric's name -> its unit, where that is not %
    "txt_median_rank": "ranks",
    "img_median_rank": "ranks",
    "items": "samples",
    "bytes": "bytes",
    "gpu_bytes": "bytes",
    "trained": "parameters",
    "gpus": "GPUs",
    "gpu_hours": "GPU-hours",
    "learning_rate": "",
    "strength": "",
    "trainings": "",
}
_LESS = frozenset(
    {
        "forget",
        "forget_6q",
        "forget_6q_reference",
        "forgetting",
        "forgetting_including_last",
        "forgetting_independent",
        "intransigence",
        "intransigence_once",
        "spread_over_tasks",
        "task_aware_forgetting",
        "novel_forget",
        "novel_forget_6q",
        "ece",
        "ece_batch_mean",
        "fpr95",
        "txt_median_rank",
        "img_median_rank",
        "angle",
        "bwt",
        "bwt_map1",
        "bwt_map1_reference",
    }
)


def shown_metrics(method: str, found: Iterable[str]) -> list[str]:
    """Chooses the test metrics that the last lines of a run show.

    Of the papers' own measures only those of the method's own paper are shown.

    Args:
        method: The method's name.
        found: Names of the test metrics that the run has (``test/average`` ...).

    Returns:
        The chosen names in the order of :data:`SHOWN`, without ``test/``.
    """
    from methods import registry as methods  # imports torch, which the record does without

    others = _PAPERS - {methods.get(method).measures}
    measured = set(found)
    return [n for n in SHOWN if f"test/{n}" in measured and n.partition("/")[0] not in others]


def unit(metric: str) -> str:
    """The unit of a metric, with or without its split; ``%`` for every score.

    The unit of ``module:function`` is not known, and a term of a loss has none. Theirs is empty.
    """
    parts = metric.split("/")
    if ":" in metric or "train" in parts[:-1]:
        return ""
    if "drift" in parts:
        return "degrees"
    if "seconds" in parts:
        return "seconds"
    if "flops" in parts:
        return "FLOPs"
    return _UNITS.get(parts[-1], "%")


def difference_unit(metric: str) -> str:
    """The unit of a difference of two of its values: ``points`` where the metric is in percent."""
    return {"%": "points"}.get(unit(metric), unit(metric))


def in_unit(metric: str) -> str:
    """The unit of a metric for a sentence: ``in percent``, ``in ranks from 1 on``, ``in degrees``."""
    said = {"%": "percent", "ranks": "ranks from 1 on", "": "its own unit"}
    return f"in {said.get(unit(metric), unit(metric))}"


def better(metric: str) -> str:
    """Returns ``min`` where a lower value of the metric is better, else ``max``. Of costs less is better."""
    return "min" if metric in _COSTS or metric.rpartition("/")[2] in _LESS else "max"
