"""What a sweep notes of the reference runs beside its best trial, and what they come to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import UserError
from ..evaluation.tables import read_matrix
from ..metrics.against_references import against_references
from ..storage.atomic_write import write_text
from ..storage.identity import Identity
from ..storage.reference_name import REFERENCES, reference_kind
from ..storage.run_files import REFERENCES_FILE, trials_of
from ..storage.trial_files import TEST_MATRIX_FILE, TESTED_FILE


class NotedReference(NamedTuple):
    """A reference run as a sweep noted it.

    Attributes:
        run: The run's name.
        reason: Why it failed, in one line; empty where it did not.
    """

    run: str
    reason: str = ""


def note_references(folder: Path, noted: Mapping[str, NotedReference]) -> None:
    """Writes down the reference runs beside the sweep in ``folder``, by their kinds."""
    content = {kind: one._asdict() for kind, one in noted.items()}
    write_text(folder / REFERENCES_FILE, json.dumps(content, indent=1))


def noted_references(folder: Path) -> dict[str, NotedReference]:
    """Reads what :func:`note_references` wrote; what cannot be read is left out, since the next ``--resume``
    notes it again.
    """
    try:
        content = json.loads((folder / REFERENCES_FILE).read_text(encoding="utf-8"))
        found = {
            kind: NotedReference(str(content[kind]["run"]), str(content[kind]["reason"])) for kind in content
        }
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {
        kind: found[kind] for kind in REFERENCES if kind in found and reference_kind(found[kind].run) == kind
    }


def references_left(folder: Path, kinds: Iterable[str]) -> list[str]:
    """Those of ``kinds`` that the sweep in ``folder`` has still to run: neither tested nor failed."""
    noted = noted_references(folder)
    return [
        kind
        for kind in kinds
        if kind not in noted or not (noted[kind].reason or tested_reference(folder.parent / noted[kind].run))
    ]


def tested_reference(run: Path) -> Path | None:
    """The trial of a reference run that was tested; None where there is none.

    Args:
        run: The run's folder.
    """
    return next((file.parents[1] for file in trials_of(run).glob(f"*/{TESTED_FILE}")), None)


def against_noted(folder: Path, trial: str) -> dict[str, float]:
    """Computes what the references that a sweep noted come to beside one of its trials
    (:func:`~orchestrator.metrics.against_references.against_references`).

    A reference that is not tested, that was made on other data, or whose matrix cannot be read counts as
    none. Therefore nothing is raised.

    Args:
        folder: The sweep's folder.
        trial: The trial's id.

    Returns:
        ``test/METRIC`` -> value, in points.
    """
    matrix = _matrix(trials_of(folder) / trial)
    if matrix is None:
        return {}
    beside: dict[str, np.ndarray] = {}
    for kind, one in noted_references(folder).items():
        run = folder.parent / one.run
        there = _matrix(tested) if (tested := tested_reference(run)) is not None else None
        if there is not None and there.shape == matrix.shape and _content(run) == _content(folder):
            beside[kind] = there
    return {f"test/{name}": value for name, value in against_references(matrix, beside).items()}


def _matrix(trial: Path) -> np.ndarray | None:
    try:
        matrix = read_matrix(trial / TEST_MATRIX_FILE)[0]
    except UserError:
        return None
    return matrix if matrix.size and matrix.shape[0] == matrix.shape[1] else None


def _content(run: Path) -> str:
    try:
        return Identity.of(run).content
    except (UserError, OSError):
        return ""
