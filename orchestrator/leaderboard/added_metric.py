"""A metric that a run did not log, computed from its matrix and from its kept predictions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import Any

from ..errors import UserError
from ..metrics.from_matrix import FROM_MATRIX
from ..metrics.from_predictions import FROM_PREDICTIONS

_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

Found = Mapping[str, Any]
"""``matrix``: (T, T), R[t, k] the score on task k after task t in percent. ``predictions``: name -> (N,), see
:data:`~orchestrator.evaluation.kept_predictions.COLUMNS`. What a metric does not take may be missing.
"""


@dataclass(frozen=True)
class AddedMetric:
    """A metric that is computed from a run's files of test data.

    Attributes:
        takes: ``matrix``, ``predictions`` or both.
        compute: What it takes, by these names -> the metric. Raises a :class:`~orchestrator.errors.UserError`
            of one line where it cannot be computed.
        needs: The columns of the predictions that it cannot do without.
    """

    takes: frozenset[str]
    compute: Callable[[Found], float]
    needs: tuple[str, ...] = ()


def added_metric(name: str) -> AddedMetric | None:
    """Finds how a metric is computed from a run's matrix of test data, or from its kept predictions.

    Args:
        name: A name of :data:`~orchestrator.metrics.from_matrix.FROM_MATRIX` or
            :data:`~orchestrator.metrics.from_predictions.FROM_PREDICTIONS`, or ``module:function``, whose
            module is imported. The function takes the matrix, and the predictions where it has a parameter
            ``predictions``. Where that is its first one, it takes no matrix. It returns a number.

    Returns:
        The metric; None where the name is none of them.

    Raises:
        UserError: The module cannot be imported, or has no such function. The message is one line.
    """
    if name in FROM_MATRIX:
        return AddedMetric(frozenset({"matrix"}), lambda found: FROM_MATRIX[name].compute(found["matrix"]))
    if name in FROM_PREDICTIONS:
        metric = FROM_PREDICTIONS[name]
        takes = frozenset({"predictions"})
        return AddedMetric(takes, lambda found: metric.compute(found["predictions"]), metric.needs)
    if not _PATH.fullmatch(name):
        return None
    module, _, function = name.partition(":")
    try:
        there = getattr(import_module(module), function)
    except Exception as error:  # whatever the module raises
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"--metric {name}: {lines[0]}; allowed: an importable module:function") from error
    if not callable(there):
        raise UserError(f"--metric {name}: is a {type(there).__name__}; allowed: a function of a matrix")
    return _own(name, there)


def _own(name: str, function: Callable[..., Any]) -> AddedMetric:
    """A metric of the user's own."""
    try:
        parameters = list(signature(function).parameters)
    except (TypeError, ValueError):  # as of some builtins
        parameters = []
    takes = {"matrix", "predictions"} if "predictions" in parameters else {"matrix"}
    if parameters[:1] == ["predictions"] and "matrix" not in parameters:
        takes = {"predictions"}

    def compute(found: Found) -> float:
        given = {key: _copy(found[key]) for key in takes}
        # What is the first parameter need not have the name that it has here.
        first = [] if parameters[:1] == ["predictions"] else [given.pop("matrix")]
        try:
            return float(function(*first, **given))
        except Exception as error:  # whatever the function raises
            lines = str(error).strip().splitlines() or [type(error).__name__]
            of = [f"a matrix of shape {found['matrix'].shape}"] if "matrix" in takes else []
            of += [f"predictions of {', '.join(found['predictions'])}"] if "predictions" in takes else []
            raise UserError(
                f"--metric {name}: {type(error).__name__} ({lines[0]}) for {' and '.join(of)}"
            ) from error

    return AddedMetric(frozenset(takes), compute)


def _copy(value: Any) -> Any:
    return {key: one.copy() for key, one in value.items()} if isinstance(value, Mapping) else value.copy()
