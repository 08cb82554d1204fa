"""A table in LaTeX of figures that are none, and of letters that LaTeX takes for others."""

import math

import pytest
from told_study import method, stream, study

from orchestrator.report.pair_result import PairResult
from orchestrator.report.result_tex import result_tex
from orchestrator.report.stream_result import StreamResult

pytestmark = pytest.mark.unit


def test_n_counts_the_pairs_that_the_mean_is_of():
    some, none = method("some", ()), method("none", ())
    pairs = tuple(PairResult(n, n, n, {"average": v}) for n, v in enumerate((50.0, math.nan, 52.0), 1))
    some = type(some)(**{**vars(some), "pairs": pairs})
    none = type(none)(**{**vars(none), "pairs": pairs[1:2]})
    text = result_tex(study(StreamResult("digits", "average", "validation/average", "It.", (some, none))))
    assert "some & 40 & 2 & $51.0 \\pm 1.4$ \\\\" in text and "none & 40 & 0 & -- \\\\" in text


def test_letters_that_latex_takes_for_others_are_written_out():
    text = result_tex(study(stream(method("a", (1.0,))), question="Is A > B | C, or < 3?"))
    assert "Is A \\textgreater{} B \\textbar{} C, or \\textless{} 3?" in text
