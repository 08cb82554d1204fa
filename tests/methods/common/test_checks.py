"""Ranges of hyper-parameters: which ends are allowed, and what is said."""

import math

import pytest

from methods.common.checks import check_range


@pytest.mark.parametrize(
    ("value", "ends", "said"),
    [
        (0, {}, None),
        (1, {}, None),
        (-1e-9, {}, "x -1e-09 must be >= 0 and <= 1"),
        (1.5, {}, "x 1.5 must be >= 0 and <= 1"),
        (0, {"open_low": True}, "x 0 must be > 0 and <= 1"),
        (1e-9, {"open_low": True}, None),
        (1, {"open_high": True}, "x 1 must be >= 0 and < 1"),
        (0.999, {"open_high": True}, None),
        (math.nan, {}, "x nan must be >= 0 and <= 1"),
        (math.inf, {"high": math.inf}, "x inf must be >= 0"),
        (-math.inf, {"low": -math.inf, "high": math.inf}, "x -inf must be >= -inf"),
        (1e300, {"high": math.inf}, None),
        (-1, {"high": math.inf, "open_low": True}, "x -1 must be > 0"),
    ],
)
def test_a_value_is_in_its_range_or_named_with_what_is_allowed(value, ends, said):
    ends = {"low": 0, "high": 1} | ends
    if said is None:
        assert check_range("x", value, **ends) is None
    else:
        with pytest.raises(ValueError) as found:
            check_range("x", value, **ends)
        assert str(found.value) == said
