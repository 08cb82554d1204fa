"""Which runs of a record count, and how values were come by that a run did not search itself."""

from pathlib import Path

import pytest
from recorded_runs import Record, trial

from orchestrator import compare
from orchestrator.leaderboard import leaderboard as board
from orchestrator.leaderboard.leaderboard import leaderboard
from orchestrator.leaderboard.wanted import Wanted

pytestmark = pytest.mark.unit


@pytest.fixture
def record(monkeypatch):
    """A record with a sweep of er, whose chosen trial was looked at with test data."""
    found = Record()
    monkeypatch.setattr(board, "RecordReader", lambda runs: found)
    trials = [trial(0, 99.0, id="t1", score=60.0), trial(0, id="t2", score=50.0)]
    found.run("s", "er", trials, kind="sweep", best="t1", protocol="first-tasks 2")
    return found


def _read():
    found = leaderboard(Path("runs"), Wanted())
    (stream,) = found.streams
    (row,) = stream.methods
    return row, found.remarks, stream.about


def test_the_seed_and_order_that_chose_the_values_are_not_among_others(record):
    (row, left_out, _) = _read()
    assert (list(row.figures("average").values()), left_out) == ([99.0], ()), "it counts where it is alone"
    again = [trial(seed, figure) for seed, figure in ((0, 99.0), (1, 40.0), (2, 42.0))]
    record.run("r", "er", [*again, trial(0, 44.0, order=3)], search="s/t1")
    row, left_out, _ = _read()
    assert sorted(row.figures("average").values()) == [40.0, 42.0, 44.0]
    assert "left out: r/seed_0: its seed and order chose the values; runs with others count" in left_out
    assert row.trials == 2, "of the search"


def test_other_seeds_of_the_order_that_chose_count(record):
    record.run("r", "er", [trial(seed, 40.0 + seed, order=0) for seed in (0, 1, 2)], search="s/t1")
    row, left_out, _ = _read()
    assert sorted(row.figures("average").values()) == [41.0, 42.0]
    assert "left out: r/seed_0: its seed and order chose the values; runs with others count" in left_out


def test_the_order_that_chose_is_known_by_another_name(record):
    again = [trial(0, 98.0, order="ab", id="seed_0"), trial(1, 40.0)]
    record.run("r", "er", again, search="s/t1")
    for run in record._runs:
        if run.params.get("stream.order") == "ab":
            run.tags["data.identity"] = "0"  # as of order 0
    row, left_out, _ = _read()
    assert list(row.figures("average").values()) == [40.0]
    assert any(line.startswith("left out: r/seed_0: its seed and order chose") for line in left_out)


def test_on_another_stream_the_seed_and_order_chose_nothing(record):
    again = [trial(seed, 40.0 + seed, order=0) for seed in (0, 1)]
    record.run("r", "er", again, stream="letters", content="d" * 64, search="s/t1")
    (stream,) = leaderboard(Path("runs"), Wanted(runs=("r",))).streams
    assert sorted(stream.methods[0].figures("average").values()) == [40.0, 41.0]
    assert "protocol first-tasks 2 of digits, trials 2" in stream.about


@pytest.mark.parametrize("search", ["gone/t1", ""])
def test_what_is_known_of_some_runs_alone_is_known_of_no_row(search, record):
    record.run("p1", "er", [trial(1, 40.0)], search="s/t1")
    record.run("p2", "er", [trial(2, 42.0)], search=search)
    if not search:
        for run in record._runs:
            if run.name == "p2" and not run.trial:
                del run.tags["data.content"]  # as an earlier version recorded it
    (stream,) = leaderboard(Path("runs"), Wanted(runs=("p1", "p2")), allowed=["stream"]).streams
    (row,) = stream.methods[:1]
    assert (row.trials, row.spent, row.score) == (None, {}, None)
    assert "Not recorded: protocol, trials." in stream.about


@pytest.mark.parametrize("steps", [1, 2])
def test_a_run_that_goes_on_from_a_sweep_has_its_protocol_and_trials(steps, record):
    record.run("more", "er", [trial(0, 30.0)], content="d" * 64, continues_run="s")
    if steps == 2:
        record.run("more2", "er", [trial(0, 20.0)], content="e" * 64, continues_run="more")
    last = ("more", "more2")[steps - 1]
    (stream,) = leaderboard(Path("runs"), Wanted(runs=(last,))).streams
    assert stream.methods[0].trials == 2 and "protocol first-tasks 2, trials 2" in stream.about


def test_nothing_is_known_of_the_values_where_the_first_run_is_gone(record):
    record.run("more", "er", [trial(0, 30.0)], content="d" * 64, continues_run="gone")
    (stream,) = leaderboard(Path("runs"), Wanted(runs=("more",))).streams
    assert "Not recorded: protocol, trials." in stream.about


def test_a_search_that_began_at_what_another_chose_is_not_like_one_that_did_not(record, capsys):
    two = [trial(0, 70.0, id="t1", score=60.0), trial(0, id="t2", score=50.0)]
    how = {"kind": "sweep", "best": "t1", "protocol": "first-tasks 2"}
    record.run("warm", "ewc", two, begins="trial 1 of s", **how)
    assert compare.main(["--record"]) == 2
    said = "not run alike: trials is 2 (er) and 2, begun at trial 1 of s (ewc); allowed: --allow trials"
    assert said in capsys.readouterr().err
    assert compare.main(["--record", "--allow", "trials"]) == 0


def test_a_run_of_a_study_in_an_extreme_order_counts_by_its_whole_name_alone(record):
    record.run("p-er-pair1", "er", [trial(1, 40.0)])
    record.run("p-er-worst-order", "er", [trial(1, 9.0, order="ba")])
    for runs in ((), ("p-er-*",)):
        found = leaderboard(Path("runs"), Wanted(runs=runs))
        assert 9.0 not in found.streams[0].methods[0].figures("average").values()
        assert "left out: p-er-worst-order: its order was chosen, and is no sample of orders" in found.remarks
    (stream,) = leaderboard(Path("runs"), Wanted(runs=("p-er-worst-order",))).streams
    assert list(stream.methods[0].figures("average").values()) == [9.0]
