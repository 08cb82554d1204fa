"""Searches that used every point of their spaces, in leaderboards of runs that are in MLflow alone."""

from pathlib import Path

import pytest
from recorded_runs import Record, trial

from orchestrator import compare
from orchestrator.leaderboard import leaderboard as board
from orchestrator.leaderboard.leaderboard import leaderboard
from orchestrator.leaderboard.wanted import Wanted

pytestmark = pytest.mark.unit

_RATE = "method.learning_rate"


@pytest.fixture
def record(monkeypatch):
    """er, whose search had three trials of a space without end."""
    found = Record()
    monkeypatch.setattr(board, "RecordReader", lambda runs: found)
    _method(found, "er", 3)
    return found


def _method(record, method, trials, *, searched=True, test=None, **tags):
    """A search of so many trials, and a run of its choice."""
    found = [
        trial(0, test if n == 1 else None, id=f"t{n}", values={_RATE: 0.1 * n} if searched else {})
        for n in range(1, trials + 1)
    ]
    how = {"kind": "sweep", "best": "t1", "protocol": "end-of-stream", **tags}
    search = record.run(f"s-{method}", method, found, **how)
    values = {_RATE: 0.1} if searched else {}
    record.run(f"s-{method}-pair1", method, [trial(1, 50.0)], values=values, search=f"{search}/t1")


def _refused(capsys):
    assert compare.main(["--record", "--runs", "s-*-pair1"]) == 2
    return capsys.readouterr().err.split(": ")[3].split(";")[0]


def test_a_search_of_every_point_is_like_any_number_of_trials(record):
    _method(record, "ncm", 1, searched=False, points="1")
    _method(record, "slda", 2, points="2")
    (stream,) = leaderboard(Path("runs"), Wanted(runs=("s-*-pair1",))).streams
    assert {m.label: m.trials for m in stream.methods} == {"er": 3, "ncm": 1, "slda": 2}, "the table has them"
    assert "trials 3 or every point of the space, " in stream.about
    only = leaderboard(Path("runs"), Wanted(runs=("s-ncm-*", "s-slda-*"))).streams[0].about
    assert "protocol end-of-stream, trials every point of the space, " in only


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"trials": 2, "points": "3"}, "2"),  # one point is left
        ({"trials": 2}, "2"),  # no end of points
        ({"trials": 2, "points": "2", "begins": "trial 1 of s"}, "2, begun at trial 1 of s"),
        ({"trials": 2, "points": "many"}, "2"),
    ],
)
def test_one_of_fewer_trials_or_that_began_at_what_another_chose_is_refused(how, said, record, capsys):
    _method(record, "slda", **how)
    assert _refused(capsys) == f"trials is 3 (er) and {said} (slda)"


def test_two_numbers_of_trials_are_refused_beside_it(record, capsys):
    _method(record, "ncm", 1, searched=False, points="1")
    _method(record, "ewc", 2)
    assert _refused(capsys) == "trials is 3 (er) and every point of the space (ncm) and 2 (ewc)"


def test_an_earlier_search_of_nothing_has_one_point(record):
    _method(record, "ncm", 1, searched=False)
    (stream,) = leaderboard(Path("runs"), Wanted(runs=("s-*-pair1",))).streams
    assert {m.label: m.trials for m in stream.methods} == {"er": 3, "ncm": 1}


def test_of_an_earlier_search_of_one_trial_or_one_that_was_tested_nothing_is_known(record, capsys):
    _method(record, "ewc", 1)
    assert _refused(capsys) == "trials is 3 (er) and 1 (ewc)"
    # Its parameters are those of its chosen trial, searched ones too.
    _method(record, "mma", 1, searched=False, test=40.0)
    next(run for run in record._runs if run.name == "s-mma").metrics["test/average"] = 40.0
    assert _refused(capsys) == "trials is 3 (er) and 1 (ewc, mma)"
