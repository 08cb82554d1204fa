"""The reference runs that there are beside a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ...errors import UserError
from ...evaluation.tables import read_matrix
from ...metrics.against_references import against_references
from ...storage.reference_name import reference_kind
from ...storage.trial_files import TEST_MATRIX_FILE
from .finished_run import FinishedRun
from .groups import order_of, settings

_Run = TypeVar("_Run", bound=FinishedRun)
_SIZE = ("method.epochs", "method.batch_size")


def kind_of(run: FinishedRun) -> str:
    """The kind of reference that a run is; empty: it is none."""
    return reference_kind(run.name.partition("/")[0])


def with_references(runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """Runs with the metrics on test data that there are references for among them
    (:func:`~orchestrator.metrics.against_references.against_references`). A run whose matrix, or whose
    reference's, cannot be read has none. A reference has none beside itself.

    Args:
        runs: The runs.
    """
    there = [run for run in runs if run.test is not None and kind_of(run)]
    return [_beside(run, there) if run.test is not None and not kind_of(run) else run for run in runs]


def _beside(run: FinishedRun, references: Sequence[FinishedRun]) -> FinishedRun:
    found = references_beside(run, references)
    matrix = _matrix(run) if found else None
    if matrix is None:
        return run
    every = {kind: _matrix(other) for kind, other in found.items()}
    alike = {kind: one for kind, one in every.items() if one is not None and one.shape == matrix.shape}
    more = {f"test/{name}": value for name, value in against_references(matrix, alike).items()}
    return replace(run, test={**(run.test or {}), **more})


def _matrix(run: FinishedRun) -> np.ndarray | None:
    try:
        matrix = read_matrix(run.folder / TEST_MATRIX_FILE)[0]
    except UserError:
        return None
    return matrix if matrix.size and matrix.shape[0] == matrix.shape[1] else None


def references_beside(run: FinishedRun, references: Iterable[_Run]) -> dict[str, _Run]:
    """The references beside a run: of the same seed, order, stream and backbone.

    Where there are several of a kind, that one counts which trained as many epochs in as large batches, and
    else the one that ended later.

    Args:
        run: The run.
        references: Runs that were tested, each of which is a reference.

    Returns:
        Kind -> the reference.
    """
    found: dict[str, _Run] = {}
    for other in sorted(references, key=lambda one: (_size(one) == _size(run), one.ended)):
        if _conditions(other) == _conditions(run):
            found[kind_of(other)] = other
    return found


def _conditions(run: FinishedRun) -> Sequence[object]:
    backbone = {key: value for key, value in run.config.items() if key.startswith("method.backbone.")}
    return str(run.seed), order_of(run), run.content, dict(settings(run)), backbone


def _size(run: FinishedRun) -> list[object]:
    return [run.config.get(key) for key in _SIZE]
