"""Metrics that are computed from kept predictions, in leaderboards of runs that are in MLflow alone."""

from pathlib import Path

import numpy as np
import pytest
from page_files import write_files
from recorded_runs import Record, trial

from orchestrator import compare
from orchestrator.errors import UserError
from orchestrator.evaluation.kept_predictions import write_predictions
from orchestrator.leaderboard import leaderboard as board
from orchestrator.leaderboard.leaderboard import leaderboard
from orchestrator.leaderboard.wanted import Wanted

pytestmark = pytest.mark.unit

_NONE = "no test/predictions.npz in the record; looks at test data by earlier versions kept none"
_OWN = """
def both(matrix, predictions):
    return matrix[-1, 0] + predictions["label"].sum()

def alone(predictions, threshold=0.5):
    predictions["label"][:] = 0
    return (predictions["confidence"] > threshold).sum()

def turned(predictions, matrix):
    return both(matrix, predictions)

def default(matrix, other=7.0):
    return other

def wrong(matrix, predictions):
    return predictions["score"].mean()
"""


@pytest.fixture
def record(monkeypatch, tmp_path):
    """er with two runs that kept predictions and an older one that did not; ewc with one of each."""
    found = Record()
    monkeypatch.setattr(board, "RecordReader", lambda runs: found)
    (tmp_path / "own_kept.py").write_text(_OWN)
    monkeypatch.syspath_prepend(tmp_path)

    def kept(name, predicted):
        columns = {"label": np.array([0, 0, 0, 1]), "predicted": np.array(predicted)}
        columns |= {"task": np.array([0, 0, 1, 1]), "confidence": np.array([0.9, 0.4, 0.6, 0.7])}
        write_predictions(tmp_path / f"{name}.npz", columns)
        return (tmp_path / f"{name}.npz").read_bytes()

    matrix = [[80.0, 10.0], [50.0, 90.0]]
    half, third = kept("half", [0, 0, 0, 0]), kept("third", [0, 1, 1, 1])
    for seed, predictions in ((1, half), (2, third), (3, None)):
        own = trial(seed, 60.0, matrix=matrix, predictions=predictions)
        found.run(f"er-{seed}", "er", [own])
    for seed, predictions in ((1, kept("all", [0, 0, 0, 1])), (2, b"no file")):
        found.run(f"ewc-{seed}", "ewc", [trial(seed, 70.0, matrix=matrix, predictions=predictions)])
    return found


def _told(*metrics, **wanted):
    (stream,) = leaderboard(Path("runs"), Wanted(**wanted), metrics=metrics).streams
    return stream, {m.label: [m.figures(name) for name in metrics] for m in stream.methods}


def test_a_metric_is_computed_from_the_predictions_of_the_runs_that_kept_them(record):
    stream, rows = _told("balanced_accuracy", "worst_class_accuracy")
    er = [{1: 50.0, 2: pytest.approx(200 / 3)}, {1: 0.0, 2: pytest.approx(100 / 3)}]
    assert rows == {"ewc": [{1: 100.0}, {1: 100.0}], "er": er} and list(rows) == ["ewc", "er"]
    assert stream.unread == (
        f"er-3/seed_3: {_NONE}",
        "ewc-2/seed_2: test/predictions.npz: is no .npz file of numbers; "
        "allowed: what a look at test data wrote",
    )


def test_a_function_of_ones_own_gets_matrix_and_predictions_by_their_names(record):
    names = [f"own_kept:{name}" for name in ("both", "alone", "turned", "default")]
    _, rows = _told(*names)
    assert rows["ewc"] == [{1: 51.0}, {1: 3.0}, {1: 51.0}, {1: 7.0, 2: 7.0}]
    assert rows["er"][3] == {1: 7.0, 2: 7.0, 3: 7.0}, "the matrix alone is asked for"


def test_predictions_are_read_where_a_metric_takes_them_alone(record, monkeypatch):
    monkeypatch.setattr(record, "data", lambda run, path: 1 / 0)
    assert _told("worst_task")[1]["ewc"] == [{1: 50.0, 2: 50.0}]
    with pytest.raises(ZeroDivisionError):
        _told("balanced_accuracy")


@pytest.mark.parametrize(
    ("name", "runs", "said"),
    [
        ("balanced_accuracy", "er-3", rf"no run has predictions it can be had from \(er-3/seed_3: {_NONE}\)"),
        ("own_kept:both", "er-3", rf"no run has the files it can be had from \(er-3/seed_3: {_NONE}\)"),
        ("txt_median_rank", "er-1", "allowed on a stream of retrieval"),
    ],
)  # fmt: skip
def test_where_no_run_has_them_one_line_says_so(name, runs, said, record):
    with pytest.raises(UserError, match=f"^--metric {name}: digits: {said}$"):
        _told(name, runs=(runs,))


def test_a_function_that_fails_is_refused_with_what_it_was_given(record, capsys):
    assert compare.main(["--metric", "own_kept:wrong", "--runs", "er-1"]) == 2
    assert capsys.readouterr().err == (
        "error: --metric own_kept:wrong: KeyError ('score') for a matrix of shape (2, 2) and predictions of "
        "label, predicted, task, confidence\n"
    )


def test_the_functions_of_the_page_say_what_they_are_called(record, tmp_path):
    page = Path(__file__).parents[3] / "docs" / "howto" / "leaderboard.md"
    assert [path.name for path in write_files(page, tmp_path)] == ["mine.py"]
    functions = ("sure_and_right", "class_0_beside_its_task", "first_task")
    _, rows = _told(*(f"mine:{name}" for name in functions), runs=("er-2",))
    # Of class 0 one of three is right, and of all two, both with more than 0.5.
    assert rows["er"] == [{1: 50.0}, {1: pytest.approx(100 / 3 - 50)}, {1: 50.0}]
