import re

import pytest

from orchestrator.evaluation.metric_names import metric_names


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (["what color", "yes-no", "v1.5"], ["what color", "yes-no", "v1.5"]),
        (["a/b", "a_b", "a?b"], ["a_b", "a_b_2", "a_b_3"]),
        (["家居", "(家装)"], ["家居", "_家装_"]),
        (["..", "", " . "], ["_", "__2", "__3"]),
        ([], []),
    ],
)
def test_names_that_a_record_takes(names, safe):
    assert metric_names(names) == safe


def test_mlflow_takes_them():
    from mlflow.utils.validation import _validate_metric_name

    for name in metric_names(["..", "what's\tthis?", "a/../b", "家", "x:y", "100%"]):
        _validate_metric_name(f"test/cell/{name}/{name}")
        assert re.fullmatch(r"[\w. -]+", name)
