"""Metrics beside reference runs, in leaderboards of runs that are in MLflow alone."""

from pathlib import Path

import pytest
from recorded_runs import Record, trial

from orchestrator.errors import UserError
from orchestrator.leaderboard import leaderboard as board
from orchestrator.leaderboard.leaderboard import leaderboard
from orchestrator.leaderboard.leaderboard_files import FORMATS
from orchestrator.leaderboard.wanted import Wanted
from orchestrator.storage.reference_name import reference_kind, reference_name

pytestmark = pytest.mark.unit

_DIGEST = "0123456789ab"


@pytest.fixture
def record(monkeypatch):
    """``er`` with two pairs, and for each an own ``joint`` reference."""
    found = Record()
    monkeypatch.setattr(board, "RecordReader", lambda runs: found)
    for seed, figure in ((1, 60.0), (2, 64.0)):
        matrix = [[80.0, 10.0], [50.0, figure]]
        found.run(f"er-{seed}", "er", [trial(seed, figure, matrix=matrix)], values={"method.epochs": 5})
        _reference(found, "joint", seed, [[85.0, 0.0], [0.0, 80.0]])
    return found


def _reference(record, kind, seed, matrix, *, digest=_DIGEST, status="finished", **more):
    name = reference_name(kind, "digits", seed, digest)
    values = {"method.epochs": 5, "run.fresh": True, **more.pop("values", {})}
    record.run(name, "joint", [trial(seed, 99.0, matrix=matrix, status=status)], values=values, **more)
    return name


def _board(*metrics, **wanted):
    return leaderboard(Path("runs"), Wanted(**wanted), metrics=metrics)


def _figures(result):
    return {m.label: m.figures("intransigence") for stream in result.streams for m in stream.methods}


def test_a_reference_is_no_row_and_intransigence_is_computed_beside_it(record):
    found = _board("intransigence")
    # ((85 - 80) + (80 - 60)) / 2, and with 64 in the place of 60.
    assert _figures(found) == {"er": {1: 12.5, 2: 10.5}}
    names = [reference_name("joint", "digits", seed, _DIGEST) for seed in (1, 2)]
    assert found.remarks == (f"beside the references {', '.join(names)}",)
    assert "11.5 ± 1.4" in FORMATS["md"](found)
    assert _figures(_board()) == {"er": {}}, "nobody asked for it"


def test_one_of_another_seed_order_content_setting_or_backbone_is_not_beside_a_run(record):
    far = [[0.0, 0.0], [0.0, 0.0]]
    _reference(record, "joint-once", 3, far)
    _reference(record, "joint-once", 1, far, digest="1" * 12, content="d" * 64)
    _reference(record, "joint-once", 1, far, digest="2" * 12, values={"stream.tasks": 4})
    _reference(record, "joint-once", 1, far, digest="3" * 12, values={"method.backbone.model": "b"})
    with pytest.raises(
        UserError, match=r"--metric intransigence_once: digits: no run has the reference joint-"
    ):
        _board("intransigence_once", runs=("er-1", "er-2"))
    _reference(record, "joint-once", 1, far, digest="4" * 12)
    result = _board("intransigence_once", runs=("er-1", "er-2"))
    assert [m.figures("intransigence_once") for m in result.streams[0].methods] == [{1: -70.0}]


def test_of_several_that_counts_which_trained_as_much_and_else_the_newest(record):
    _reference(record, "joint", 1, [[95.0, 0.0], [0.0, 95.0]], digest="1" * 12, values={"method.epochs": 9})
    assert _figures(_board("intransigence"))["er"][1] == 12.5
    _reference(record, "joint", 1, [[90.0, 0.0], [0.0, 90.0]], digest="2" * 12)
    assert _figures(_board("intransigence"))["er"][1] == 20.0


def test_references_are_rows_where_runs_are_asked_for_by_name(record):
    (stream,) = _board(runs=("reference-joint-*",)).streams
    assert [(m.label, len(m.pairs)) for m in stream.methods] == [("joint", 2)]


@pytest.mark.parametrize(
    "name, kind",
    [
        (reference_name("joint-once", "my-stream", 12, _DIGEST), "joint-once"),
        (reference_name("joint", "digits", 1, _DIGEST), "joint"),
        ("reference-joint", ""),
        (f"reference-mine-digits-pair1-{_DIGEST}", ""),
        ("my-reference-joint-digits-pair1-0123456789ab", ""),
    ],
)
def test_a_reference_is_known_by_its_name(name, kind):
    assert reference_kind(name) == kind


def test_one_that_did_not_finish_or_has_another_number_of_tasks_is_not_beside_a_run(record):
    same = [[90.0, 0.0], [0.0, 90.0]]
    _reference(record, "joint", 1, same, digest="1" * 12, status="failed")
    assert _figures(_board("intransigence"))["er"] == {1: 12.5, 2: 10.5}
    three = [[90.0, 0.0, 0.0]] * 3
    _reference(record, "joint", 1, three, digest="2" * 12)
    assert _figures(_board("intransigence"))["er"] == {2: 10.5}, "the newest of seed 1 is of three tasks"
