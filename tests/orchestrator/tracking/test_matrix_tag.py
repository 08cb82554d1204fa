"""A matrix as the text of a tag."""

import numpy as np
import pytest

from orchestrator.tracking.matrix_tag import matrix_tag, read_matrix_tag

pytestmark = pytest.mark.unit

_NAN = float("nan")


def test_a_matrix_has_two_decimals_and_what_was_not_measured_is_null():
    text = matrix_tag(np.array([[100.0, _NAN], [12.3456, -0.001]]))
    assert text == "[[100,null],[12.35,0]]"
    assert np.array_equal(read_matrix_tag(text), [[100.0, _NAN], [12.35, 0.0]], equal_nan=True)


def test_what_is_not_finite_is_written_as_not_measured():
    assert matrix_tag(np.array([[np.inf, 1.0], [-np.inf, np.nan]])) == "[[null,1],[null,null]]"
    assert read_matrix_tag("[" * 5000) is None


def test_one_of_35_tasks_is_no_longer_than_a_tag_and_a_longer_one_is_none():
    assert 7000 < len(matrix_tag(np.full((35, 35), 53.27))) <= 8000
    assert matrix_tag(np.full((40, 40), 53.27)) == ""


@pytest.mark.parametrize("text", ["", "[[1,2]]", "[1,2]", "[[1],[2,3]]", "{}", '[["a"]]', "[]", "no"])
def test_what_is_no_square_matrix_is_none(text):
    assert read_matrix_tag(text) is None
