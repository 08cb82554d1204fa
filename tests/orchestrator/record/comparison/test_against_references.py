"""Metrics beside reference runs, of runs on disk."""

import numpy as np
import pytest
from written_run import write_run

from orchestrator.evaluation.tables import write_matrix
from orchestrator.record.comparison.finished_runs import read_runs
from orchestrator.record.comparison.references import with_references
from orchestrator.record.comparison.report import compare
from orchestrator.storage.reference_name import reference_name

pytestmark = pytest.mark.unit

_NAME = reference_name("independent", "shapes", 1, "0" * 12)


@pytest.fixture
def runs(tmp_path):
    """A run and the independent training beside it."""
    how = {"kind": "train", "seed": 1}
    write_run(tmp_path, "mine", "seed_1", test=55.0, matrix=[[70.0, 5.0], [60.0, 40.0]], **how)
    alone = {"method": "finetune", "values": {"run.fresh": True}}
    write_run(tmp_path, _NAME, "seed_1", test=50.0, matrix=[[75.0, 1.0], [1.0, 55.0]], **alone, **how)
    return tmp_path


def _test(runs):
    return {run.name: dict(run.test or {}) for run in with_references(read_runs(runs))}


def test_a_run_has_the_metrics_beside_its_reference_which_has_none(runs):
    found = _test(runs)
    assert found["mine/seed_1"] == {
        "test/average": 55.0,
        "test/forward_transfer_independent": -15.0,
        "test/forgetting_independent": 15.0,
    }
    assert found[f"{_NAME}/seed_1"] == {"test/average": 50.0}
    told = compare(runs)
    assert "forward, independent" in told and "-15.0" in told


def test_a_reference_is_no_row_unless_there_is_nothing_else(runs):
    told = compare(runs)
    assert "left out: 1 reference run, beside which others have metrics" in told
    assert "shapes: 1 finished" in told and _NAME not in told
    assert "1 finished" in compare(runs / _NAME) and "left out" not in compare(runs / _NAME)


def test_one_of_another_order_of_the_tasks_is_not_beside_a_run(runs):
    other = reference_name("zero-shot", "shapes", 1, "0" * 12)
    far = {"test": 0.0, "matrix": [[0.0, 0.0], [0.0, 0.0]], "kind": "train", "method": "finetune", "seed": 1}
    write_run(runs, other, "seed_1", content=("content", "in another order"), **far)
    assert "test/forward_transfer_zero_shot" not in _test(runs)["mine/seed_1"]
    write_run(runs, other.replace("000000", "111111"), "seed_1", **far)
    assert _test(runs)["mine/seed_1"]["test/forward_transfer_zero_shot"] == 5.0


def test_one_of_another_number_of_tasks_is_not_beside_a_run(runs):
    matrix = runs / _NAME / "trials" / "seed_1" / "test" / "matrix.csv"
    write_matrix(matrix, np.full((3, 3), 90.0), ["one", "two", "three"])
    assert _test(runs)["mine/seed_1"] == {"test/average": 55.0}


def test_without_a_matrix_there_are_none(runs):
    (runs / _NAME / "trials" / "seed_1" / "test" / "matrix.csv").unlink()
    assert _test(runs)["mine/seed_1"] == {"test/average": 55.0}
