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


def _study(**methods):
    """Method -> its figures with pair 1, 2, ..."""
    return {
        name: {(str(n), str(n), str(n)): value for n, value in enumerate(values, 1)}
        for name, values in methods.items()
    }


def _file(path, rows, measure="seen/accuracy"):
    lines = [f"{stream},{method},{pair},{pair},{pair},{value}" for stream, method, pair, value in rows]
    path.write_text("\n".join([f"stream,method,pair,seed,order,{measure}", *lines]) + "\n")
    return path


_FIRST = {"a": [70.0, 71.0, 72.0, 73.0, 74.0, 75.0], "b": [60.0] * 6, "c": [50.0] * 6}


def test_what_is_lost_how_methods_rank_and_how_far_the_pairs_agree(protocols):
    second = {"c": [65.0] * 5 + [55.0], "b": [60.0] * 6, "a": [68.0, 68.0, 70.0, 71.0, 72.0, 71.0]}
    table = protocols.lines(_study(**_FIRST), _study(**second))
    assert "| a | 72.5 | 70.0 | 2.5 (1.6 to 3.4) | 0.031 |" in table
    assert "| b | 60.0 | 60.0 | 0, the same values |  |" in table
    # Of another order of the methods in the file nothing depends.
    assert "Rank correlation of the 3 methods' means: 0.50" in table
    assert "Kendall's W over the pairs: 1.00 and 0.86" in table


def test_pairs_that_rank_the_methods_in_every_order_agree_in_nothing(protocols):
    turned = _study(a=[1.0, 2.0, 3.0], b=[2.0, 3.0, 1.0], c=[3.0, 1.0, 2.0])
    assert protocols.concordance(turned) == pytest.approx(0.0)
    # Siegel's correction: with ties the pairs that agree still have 1.
    tied = _study(a=[1.0, 1.0], b=[1.0, 1.0], c=[2.0, 2.0])
    assert protocols.concordance(tied) == pytest.approx(1.0)


def test_the_command_reads_two_files_whatever_the_order_of_their_rows(protocols, tmp_path, capsys):
    first = [("s", "a", 1, 3), ("s", "a", 10, 5), ("s", "a", 2, 4), ("s", "b", 1, 1), ("s", "b", 10, 1)]
    first += [("s", "b", 2, 1)]
    second = [(stream, method, pair, value - (method == "a")) for stream, method, pair, value in first[::-1]]
    names = [str(_file(tmp_path / f"{n}.csv", rows)) for n, rows in enumerate((first, second))]
    protocols.main(names)
    told = capsys.readouterr().out
    assert "| a | 4.0 | 3.0 | 1.0 (1.0 to 1.0) | 0.250 |" in told and "| b | 1.0 | 1.0 | 0, the" in told


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("s", "a", 1, 3), ("t", "a", 1, 3)], "has the streams s, t; allowed: one"),
        ([("s", "a", 1, 3), ("s", "b", 2, 3)], "its methods have different pairs"),
        ([("s", "a", 1, "")], "a has no seen/accuracy with pair 1"),
        ([], "has no seen/accuracy; allowed"),
    ],
)
def test_a_file_that_pairs_nothing_is_refused(protocols, tmp_path, rows, problem):
    with pytest.raises(SystemExit, match=problem):
        protocols.figures(_file(tmp_path / "pairs.csv", rows), "seen/accuracy")


@pytest.mark.parametrize("other", [{"a": [1.0, 2.0], "c": [1.0, 2.0]}, {"a": [1.0], "b": [1.0]}])
def test_studies_of_other_methods_or_pairs_are_not_compared(protocols, other):
    with pytest.raises(SystemExit, match="the studies differ"):
        protocols.lines(_study(a=[1.0, 2.0], b=[1.0, 2.0]), _study(**other))
    with pytest.raises(SystemExit, match="of two methods or more"):
        protocols.lines(_study(a=[1.0, 2.0]), _study(a=[1.0, 2.0]))
