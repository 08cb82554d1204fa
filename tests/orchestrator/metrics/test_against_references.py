"""What is computed of a matrix beside those of reference runs, on numbers that are worked out by hand."""

import numpy as np
import pytest

from orchestrator.metrics.against_references import (
    against_references,
    forgetting_independent,
    forward_transfer_independent,
    forward_transfer_zero_shot,
    intransigence,
)
from orchestrator.metrics.measures import better

pytestmark = pytest.mark.unit

_OWN = [[90.0, 20.0, 10.0], [70.0, 80.0, 40.0], [50.0, 60.0, 65.0]]
_ZERO_SHOT = [[50.0, 45.0, 30.0], [40.0, 42.0, 25.0], [35.0, 33.0, 31.0]]
_ALONE = [[92.0, 1.0, 1.0], [1.0, 86.0, 1.0], [1.0, 1.0, 72.0]]
_JOINT = [[91.0, 1.0, 1.0], [85.0, 88.0, 1.0], [80.0, 81.0, 83.0]]


def test_forward_transfer_beside_zero_shot_takes_the_entries_right_above_the_diagonal():
    """(20 - 45 + 40 - 25) / 2: Z of the same row, since candidates grow."""
    assert forward_transfer_zero_shot(_OWN, _ZERO_SHOT) == pytest.approx(-5.0)


def test_forward_transfer_beside_independent_training_leaves_the_first_task_out():
    """(80 - 86 + 65 - 72) / 2."""
    assert forward_transfer_independent(_OWN, _ALONE) == pytest.approx(-6.5)


def test_forgetting_beside_independent_training_leaves_the_last_task_out():
    """(92 - 50 + 86 - 60) / 2."""
    assert forgetting_independent(_OWN, _ALONE) == pytest.approx(34.0)


def test_intransigence_is_of_all_tasks():
    """(91 - 90 + 88 - 80 + 83 - 65) / 3."""
    assert intransigence(_OWN, _JOINT) == pytest.approx(9.0)


def test_a_metric_is_there_where_its_reference_is():
    assert against_references(_OWN, {}) == {} and against_references(_OWN, {"finetune": _ALONE}) == {}
    found = against_references(_OWN, {"joint": _JOINT, "joint-once": _OWN, "zero-shot": _ZERO_SHOT})
    assert found == {
        "forward_transfer_zero_shot": pytest.approx(-5.0),
        "intransigence": pytest.approx(9.0),
        "intransigence_once": 0.0,
    }
    assert against_references(_OWN, {"independent": _ALONE}).keys() == {
        "forward_transfer_independent",
        "forgetting_independent",
    }


def test_of_one_task_or_without_an_entry_there_is_none():
    assert against_references([[50.0]], {"independent": [[60.0]], "zero-shot": [[60.0]]}) == {}
    assert against_references([[50.0]], {"joint": [[60.0]]}) == {"intransigence": 10.0}
    lower = np.where(np.tri(3) > 0, _OWN, np.nan)
    assert against_references(lower, {"zero-shot": _ZERO_SHOT}) == {}


def test_matrices_of_other_streams_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 3\) and \(1, 1\); allowed: square ones of one size"):
        against_references(_OWN, {"joint": [[1.0]]})
    with pytest.raises(ValueError, match="allowed: square ones"):
        intransigence(_OWN[:2], _OWN[:2])


def test_less_is_better_but_of_transfer():
    assert {name: better(name) for name in ("intransigence", "intransigence_once")} == {
        "intransigence": "min",
        "intransigence_once": "min",
    }
    assert better("forgetting_independent") == "min" and better("forward_transfer_independent") == "max"
