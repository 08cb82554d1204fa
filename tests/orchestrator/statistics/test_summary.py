"""Mean, sample standard deviation and interval."""

import math

import pytest

from orchestrator.statistics.summary import summarise


def test_of_three_figures():
    """The deviation is 2, and t(2) is 4.3027 at 97.5 %, 2.9200 at 95 %."""
    found = summarise([60, 62, 64])
    assert (found.n, found.mean, found.deviation, found.confidence) == (3, 62, 2, 0.95)
    assert found.high - found.mean == pytest.approx(4.3027 * 2 / math.sqrt(3), rel=1e-4)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)
    assert summarise([60, 62, 64], confidence=0.9).high - 62 == pytest.approx(
        2.92 * 2 / math.sqrt(3), rel=1e-4
    )


@pytest.mark.filterwarnings("error")  # of a division by 0
def test_one_figure_has_a_mean_alone():
    found = summarise([60])
    assert (found.n, found.mean) == (1, 60)
    assert math.isnan(found.deviation) and math.isnan(found.low) and math.isnan(found.high)


@pytest.mark.parametrize(
    ("figures", "confidence", "message"),
    [
        ([], 0.95, r"figures of shape \(0,\): allowed is a list of at least one number"),
        ([1, math.nan], 0.95, "figure 1 is nan: allowed are finite numbers"),
        ([1, 2], 95, "confidence 95: allowed is a number between 0 and 1"),
    ],
)
def test_what_is_wrong_is_named(figures, confidence, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        summarise(figures, confidence=confidence)
