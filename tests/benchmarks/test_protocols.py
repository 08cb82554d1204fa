"""What benchmarks/protocols.py says of two studies."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def protocols():
    path = Path(__file__).parents[2] / "benchmarks" / "protocols.py"
    spec = importlib.util.spec_from_file_location("protocols", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_lost_how_methods_rank_and_how_far_the_pairs_agree(protocols):
    first = {"a": [70.0, 71.0, 72.0, 73.0, 74.0, 75.0], "b": [60.0] * 6, "c": [50.0] * 6}
    second = {"a": [68.0, 68.0, 70.0, 71.0, 72.0, 71.0], "b": [60.0] * 6, "c": [65.0] * 6}
    table = protocols.lines(first, second)
    assert "| a | 72.5 | 70.0 | 2.5 (1.6 to 3.4) | 0.031 |" in table
    assert "| b | 60.0 | 60.0 | 0, the same values |  |" in table
    assert "Rank correlation of the 3 methods' means: 0.50" in table
    assert "Kendall's W over the pairs: 1.00 and 1.00" in table


def test_pairs_that_rank_the_methods_in_every_order_agree_in_nothing(protocols):
    turned = {"a": [1.0, 2.0, 3.0], "b": [2.0, 3.0, 1.0], "c": [3.0, 1.0, 2.0]}
    assert protocols.concordance(turned) == pytest.approx(0.0)
    # Siegel's correction: with ties the pairs that agree still have 1.
    assert protocols.concordance({"a": [1.0, 1.0], "b": [1.0, 1.0], "c": [2.0, 2.0]}) == pytest.approx(1.0)


def test_a_file_is_read_in_the_order_of_its_pairs(protocols, tmp_path):
    (tmp_path / "pairs.csv").write_text("method,pair,x\na,10,3\na,2,2\na,1,1\n")
    assert protocols.figures(tmp_path / "pairs.csv", "x") == {"a": [1.0, 2.0, 3.0]}


def test_studies_of_other_methods_or_pairs_are_not_compared(protocols):
    for other in ({"b": [1.0, 2.0]}, {"a": [1.0]}):
        with pytest.raises(SystemExit, match="the studies differ"):
            protocols.lines({"a": [1.0, 2.0]}, other)
