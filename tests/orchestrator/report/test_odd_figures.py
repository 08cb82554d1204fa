"""A table in LaTeX of figures that are none, and of letters that LaTeX takes for others."""

import math
from dataclasses import replace

import pytest
from told_study import method, stream, study

from orchestrator.report.answer import answer
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


def test_a_method_without_a_finite_figure_is_the_reason_that_nothing_is_compared():
    found = stream(method("a", (50.0, 51.0)), method("b", ()))
    assert answer(found) == "a shares no pair that has ended with another method yet."
    pairs = (PairResult(1, 1, 1, {"average": math.nan}), PairResult(2, 2, 2, {"average": math.inf}))
    lost = replace(found, methods=(found.methods[0], replace(found.methods[1], pairs=pairs)))
    assert answer(lost) == "a is compared with nothing: no run of b has a finite average."


def test_letters_that_latex_takes_for_others_are_written_out():
    text = result_tex(study(stream(method("a", (1.0,))), question="Is A > B | C, or < 3?"))
    assert "Is A \\textgreater{} B \\textbar{} C, or \\textless{} 3?" in text
