"""Weights by which classes, tasks, or the object groups of each task count alike."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from orchestrator.training.balanced_weights import balanced_weights

LABELS = np.array([0, 0, 0, 0, 1, 2, 2, 3, 0, 3], np.int32)
STARTS = [0, 7]  # the last three rows are of the second task
ROWS = np.array([9, 0, 1, 2, 4, 5, 7, 8])


def _stream(scenario):
    return SimpleNamespace(
        scenario=scenario,
        task_of=lambda rows: np.searchsorted(STARTS, rows, side="right") - 1,
        group_of=lambda labels: np.array([0, 0, 1, 1])[labels],
    )


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("recognition", lambda row: LABELS[row]),
        ("retrieval", lambda row: row >= 7),
        ("vqa", lambda row: (row >= 7, LABELS[row] // 2)),
    ],
)
def test_every_kind_of_sample_has_the_same_part_in_the_loss(scenario, kind):
    reader = SimpleNamespace(labels=lambda rows: LABELS[rows])
    weights = balanced_weights(_stream(scenario), reader, ROWS)
    assert weights.dtype == np.float32
    parts, kinds = Counter(), Counter(kind(row) for row in ROWS)
    for row, weight in zip(ROWS, weights, strict=True):
        parts[kind(row)] += weight
    assert len(kinds) == {"recognition": 4, "retrieval": 2, "vqa": 4}[scenario]
    assert len(set(kinds.values())) > 1, "as many of each would need no weights"
    assert list(parts.values()) == pytest.approx([len(ROWS) / len(kinds)] * len(kinds))


def test_a_single_task_of_retrieval_has_no_weights_to_speak_of():
    found = balanced_weights(_stream("retrieval"), None, np.arange(7))
    assert found.tolist() == [1.0] * 7
