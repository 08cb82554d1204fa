"""What decides a run is on disk before anybody acts on it."""

import json

import pytest

from orchestrator.errors import UserError
from orchestrator.evaluation.objective import Objective
from orchestrator.record.trial_store import TrialStore
from orchestrator.storage import checkpoint
from orchestrator.storage.checkpoint import Checkpoint

_TASKS = 2


def _store(folder, stamp_of=None):
    return TrialStore(folder / "trials", Objective("x", "max"), _TASKS, stamp_of)


def _reports(count):
    return [{"task": task + 1, "x": 5.0 - task} for task in range(count)]


@pytest.fixture
def begun(tmp_path):
    """The store of one trial, which has begun."""
    store = _store(tmp_path)
    store.start("a", {"method.learning_rate": 0.1}, {"method": {"name": "ctp"}})
    return store


def test_verdicts_are_read_back_by_tasks_done(begun, tmp_path):
    begun.decide("a", 1, True)
    assert _store(tmp_path).trials["a"].verdicts == {1: True}
    begun.decide("a", 2, False)
    assert _store(tmp_path).trials["a"].verdicts == {1: True, 2: False}
    begun.decide("a", 1, False)
    assert _store(tmp_path).trials["a"].verdicts == {1: False, 2: False}, "the last word"


def test_a_proposal_is_read_back_and_counted_in_the_manifest(begun, tmp_path):
    begun.propose("b", {"method.learning_rate": 0.2}, {})
    begun.propose("a", {"method.learning_rate": 9.0}, {})
    again = _store(tmp_path)
    assert [(t.id, t.number, t.values) for t in again.trials.values()] == [
        ("a", 0, {"method.learning_rate": 0.1}),
        ("b", 1, {"method.learning_rate": 0.2}),
    ]
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"trials": 2, "tasks": 2}


def test_reports_come_from_checkpoints_of_the_trials_own_stamp_each_once(tmp_path):
    def stamp_of(name, values):
        return {"trial": name}

    begun = _store(tmp_path, stamp_of)
    begun.start("a", {"method.learning_rate": 0.1}, {"method": {"name": "ctp"}})
    folder = begun.trial_folder("a")
    for task in range(_TASKS):
        checkpoint.save(folder, task, Checkpoint({}, {}, _reports(task + 1)), stamp={"trial": "a"})
        begun.report("a", _reports(1)[0])
    assert begun.refresh(begun.trials["a"]) == _reports(2)[1:] and begun.refresh(begun.trials["a"]) == []
    assert begun.trials["a"].reports == _reports(2)
    assert _store(tmp_path, stamp_of).trials["a"].reports == _reports(2)
    for task in range(_TASKS):
        checkpoint.save(folder, task, Checkpoint({}, {}, _reports(task + 1)), stamp={"trial": "b"})
    assert _store(tmp_path, stamp_of).trials["a"].reports == []


def test_a_checkpoint_that_has_not_yet_its_own_name_is_none(begun, tmp_path):
    folder = begun.trial_folder("a")
    checkpoint.save(folder, 0, Checkpoint({}, {}, _reports(1)))
    checkpoint.save(folder, 1, Checkpoint({}, {}, _reports(2)))
    # As a kill leaves it just before its last step.
    last = checkpoint.folder_of(folder, 1)
    last.rename(last.with_name(f"{last.name}.77.partial"))
    assert checkpoint.latest(folder, _TASKS)[0] == 1
    assert _store(tmp_path).trials["a"].reports == _reports(1)


def test_the_end_is_read_back_with_the_tasks_beside_it_and_taken_back_by_a_new_start(begun, tmp_path):
    for report in _reports(2):
        begun.report("a", report)
    begun.end("a", "failed", "loss term ita is nan", infeasible=True)
    lines = (begun.trial_folder("a") / "tasks.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == _reports(2)
    found = _store(tmp_path).trials["a"]
    assert (found.status, found.reason, found.infeasible) == ("failed", "loss term ita is nan", True)
    begun.start("a", {}, {})
    assert not begun.trials["a"].infeasible
    found = _store(tmp_path).trials["a"]
    assert (found.status, found.reason, found.infeasible) == ("running", "", False)
    begun.end("a", "failed", "its machine went down")
    assert not _store(tmp_path).trials["a"].infeasible


def test_failed_trials_are_reopened_and_no_others(begun, tmp_path):
    begun.report("a", _reports(1)[0])
    begun.end("a", "failed", "loss term ita is nan", infeasible=True)
    for name, status in (("b", "finished"), ("c", "stopped")):
        begun.start(name, {}, {})
        begun.end(name, status)
    begun.reopen_failed()
    again = _store(tmp_path)
    for store in (begun, again):
        assert [entry.status for entry in store.trials.values()] == ["running", "finished", "stopped"]
        assert (store.trials["a"].reason, store.trials["a"].infeasible) == ("", False)
    assert again.ended == 2


def test_a_search_that_is_not_to_be_tested_is_over_once_all_trials_have_ended(begun):
    for report in _reports(2):
        begun.report("a", report)
    assert not begun.is_over(1, test=False)
    begun.end("a", "finished")
    assert begun.is_over(1, test=False) and not begun.is_over(1) and not begun.is_over(2, test=False)


def test_a_manifest_that_a_kill_left_behind_is_counted_again(begun, tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"trials": 0}))
    _store(tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"trials": 1, "tasks": 2}


def test_a_trial_that_begins_again_hears_of_its_tasks_again(begun, tmp_path):
    checkpoint.save(begun.trial_folder("a"), 1, Checkpoint({}, {}, _reports(2)))
    begun.end("a", "failed", "the disk was full")
    again = _store(tmp_path)
    assert again.start("a", {}, {}).reports == []
    # Its worker goes on from the checkpoint, and says first what that has.
    assert [again.report("a", report) for report in _reports(2)] == [True, True]
    assert _store(tmp_path).trials["a"].reports == _reports(2), "who opens the run meanwhile finds them"


def test_an_end_that_no_trial_comes_to_is_refused(begun, tmp_path):
    begun.end("a", "finished")
    path = begun.trial_folder("a") / "status.json"
    path.write_text(path.read_text().replace("finished", "running"))
    with pytest.raises(UserError, match="its record cannot be read .status.json says 'running'"):
        _store(tmp_path)


def test_trials_are_read_back_in_the_order_of_their_numbers_each_with_its_own(tmp_path):
    store = _store(tmp_path)
    for number, (name, status) in enumerate({"seed_10": "finished", "seed_2": "stopped", "b": ""}.items()):
        store.start(name, {}, {})
        assert store.trials[name].number == number
        if status:
            store.end(name, status)
    again = _store(tmp_path)
    assert list(again.trials) == ["seed_10", "seed_2", "b"] and again.ended == store.ended == 2
    path = again.trial_folder("b") / "trial.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"number": 1}))
    (tmp_path / "manifest.json").write_text(json.dumps({"trials": 2}))
    with pytest.raises(UserError, match="two trials have one number"):
        _store(tmp_path)
