"""CTP's own table: each checkpoint against the last one, over the union of the tasks that had come."""

import math

import numpy as np
import pytest

from orchestrator.evaluation.retrieval_summary import checkpoint_metrics, checkpoint_table, last_checkpoint

# The model after task k over the union of tasks 0 .. k, and the last model over the same unions.
_OWN = {"r_mean": [90.0, 70.0, 50.0], "map1": [80.0, 60.0, 40.0], "map1_reference": [81.0, 62.0, 43.0]}
_LAST = {"r_mean": [60.0, 55.0, 50.0], "map1": [83.0, 61.0, 40.0], "map1_reference": [71.0, 57.0, 43.0]}


def _steps(names=tuple(_OWN), tasks=3):
    steps = [{f"seen/{name}": _OWN[name][k] for name in names} | {"seen/txt_r1": 1.0} for k in range(tasks)]
    unions = [{name: _LAST[name][k] for name in names} | {"txt_r1": 2.0} for k in range(tasks)]
    return [*steps[:-1], steps[-1] | last_checkpoint(unions)]


def test_the_last_checkpoint_is_named_by_the_union_it_is_scored_on():
    last = {k: v for k, v in _steps()[-1].items() if k.startswith("ctp/")}
    assert len(last) == 9 and last["ctp/last/task_02/r_mean"] == 55 and last["ctp/last/task_03/map1"] == 40


def test_ctps_bwt_is_own_less_last_over_one_task_fewer():
    found = checkpoint_metrics(_steps())
    assert found["ctp/bwt"] == (30 + 15 + 0) / 2, "positive is forgetting"
    assert found["ctp/bwt_map1"] == (-3 - 1 + 0) / 2
    assert found["ctp/bwt_map1_reference"] == (10 + 5 + 0) / 2
    own = {k: v for k, v in found.items() if k.startswith("ctp/own/")}
    assert len(own) == 9 and own["ctp/own/task_01/r_mean"] == 90 and own["ctp/own/task_02/map1"] == 60


def test_without_a_gallery_there_is_r_m_alone():
    found = checkpoint_metrics(_steps(("r_mean",)))
    assert {name for name in found if "own" not in name} == {"ctp/bwt"}
    table = checkpoint_table(found | _steps(("r_mean",))[-1], ["a", "b", "c"])
    assert table.columns == ["R_m", "R_m, last model", "BWT R_m"]


def test_validation_has_none_of_it_and_one_task_no_bwt():
    assert checkpoint_metrics([{"seen/r_mean": 5.0}, {"seen/r_mean": 6.0}]) == {}
    assert not [name for name in checkpoint_metrics(_steps(tasks=1)) if "bwt" in name]
    assert checkpoint_table({"average": 3.0}, ["a"]) is None


def test_the_table_has_both_models_and_bwt_so_far():
    steps = _steps()
    table = checkpoint_table(steps[-1] | checkpoint_metrics(steps), ["a", "b", "c"])
    assert table.rows == ["a", "b", "c"]
    column = dict(zip(table.columns, table.values.T.tolist(), strict=True))
    assert column["R_m"] == _OWN["r_mean"] and column["R_m, last model"] == _LAST["r_mean"]
    assert column["mAP@1 as released"] == _OWN["map1_reference"]
    assert column["mAP@1, last model"] == _LAST["map1"]
    assert math.isnan(column["BWT R_m"][0]) and column["BWT R_m"][1:] == [45.0, 22.5]
    assert column["BWT mAP@1"][1:] == [-4.0, -2.0]
    assert np.isfinite(table.values[1:]).all() and len(table.columns) == 9


@pytest.mark.parametrize("name", ["r_mean", "map1"])
def test_the_last_row_is_one_model_twice(name):
    steps = _steps()
    found = steps[-1] | checkpoint_metrics(steps)
    assert found[f"ctp/own/task_03/{name}"] == found[f"ctp/last/task_03/{name}"]
