"""What a comparison of the record's rows says of what they took."""

from types import SimpleNamespace

import pytest
from told_study import method, stream

from orchestrator.leaderboard.compared import compared

pytestmark = pytest.mark.unit

_LOW = (50, 52, 51, 53, 49, 50, 52, 51)
_HIGH = tuple(value + 4 + n / 10 for n, value in enumerate(_LOW))


def _row(label):
    group = SimpleNamespace(label=label, method=label)
    return SimpleNamespace(group=group, trials=(), conditions=lambda: {"protocol": "end-of-stream"})


def test_a_sentence_ends_with_the_memory_and_what_a_run_of_both_took():
    rows = [_row("slda"), _row("ncm")]
    both = stream(method("slda", _HIGH), method("ncm", _LOW))
    (found,) = compared(both, rows, [], {}).comparisons
    took = "7 s of training a run of slda and 7 s of ncm"  # the mean of 1.5 s to 12 s
    assert found.sentence.endswith(f"paired over 8 seeds and orders), for 40 replayed samples, and {took}")
    other = stream(method("slda", _HIGH, memory="20"), method("ncm", _LOW))
    assert compared(other, rows, [], {}).comparisons[0].sentence.endswith(f"seeds and orders), for {took}")
