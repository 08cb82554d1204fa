import pytest

from orchestrator import sweep
from orchestrator.errors import UserError
from orchestrator.housekeeping.free_checkpoints import free_checkpoints
from orchestrator.storage.run_lock import run_lock


def _free(runs, *names, answer=True):
    said = []
    return free_checkpoints(runs.folder, names, lambda question: answer, said.append), said


def _kept(folder):
    """Trial -> the numbers of the tasks whose checkpoints it has."""
    places = sorted((folder / "trials").iterdir())
    return {p.name: [int(task.name[-2:]) for task in sorted(p.glob("checkpoints/task_*"))] for p in places}


_SWEEP = [[50.0, 40.0], [60.0], [55.0, 45.0]]


def test_of_a_sweep_that_was_tested_the_last_checkpoint_of_the_chosen_trial_stays(runs):
    folder = runs.sweep("a", _SWEEP, tested=[2])
    before = {path for path in folder.rglob("*") if "checkpoints" not in path.parts}
    assert _free(runs, "a", answer=False)[1][-1] == "nothing was deleted"
    assert _kept(folder) == {"trial_0001": [1, 2], "trial_0002": [1], "trial_0003": [1, 2]}
    done, said = _free(runs, "a")
    assert done and _kept(folder) == {"trial_0001": [], "trial_0002": [], "trial_0003": [2]}
    assert said == ["a: 4 checkpoints of 3 trials, 4.6 kB", "deleted 4 checkpoints, 4.6 kB"]
    after = {path for path in folder.rglob("*") if "checkpoints" not in path.parts}
    assert after == before | {folder / "run.lock"}
    assert _free(runs, "a") == (False, ["a: nothing to delete"])


def test_a_trial_that_may_yet_be_looked_at_keeps_all_checkpoints(runs):
    folder = runs.sweep("a", _SWEEP)
    _free(runs, "a")
    assert _kept(folder) == {"trial_0001": [], "trial_0002": [], "trial_0003": [1, 2]}
    sizes = [256, 128, 64]
    folder = runs.sweep("b", [[1.0, 45.0], [1.0, 44.5], [1.0, 40.0]], margin=1.0, sizes=sizes, tested=[1])
    _free(runs, "b")
    kept = {"trial_0001": [1, 2], "trial_0002": [2], "trial_0003": []}
    assert _kept(folder) == kept, "the leader is chosen once another memory's trial is better than the second"


def test_a_trial_that_may_be_gone_on_with_keeps_what_it_has(runs):
    folder = runs.sweep("a", _SWEEP, asked=5, status={0: "failed", 1: None})
    _free(runs, "a")
    assert _kept(folder) == {"trial_0001": [1, 2], "trial_0002": [1], "trial_0003": [1, 2]}


def test_each_trial_of_train_counts_as_chosen(runs):
    folder = runs.train("a", [[50.0, 40.0], [50.0, 42.0]])
    untested = runs.train("b", [[50.0, 40.0]], tested=False, note="finished")
    _free(runs, "a", "b")
    assert _kept(folder) == {"seed_0": [2], "seed_1": [2]} and _kept(untested) == {"seed_0": [1, 2]}


def test_where_the_last_checkpoint_is_not_whole_the_others_stay(runs):
    folder = runs.train("a", [[50.0, 40.0]])
    (folder / "trials" / "seed_0" / "checkpoints" / "task_02" / "state.json").unlink()
    _free(runs, "a")
    assert _kept(folder) == {"seed_0": [1, 2]}


def test_a_study_stands_for_its_runs_and_what_a_storage_has_stays(runs):
    runs.study("s", ["er"], 1)
    folder = runs.sweep("s-er", _SWEEP, tested=[2], storage="s3://b/x")
    done, said = _free(runs, "s")
    assert done and said[0] == "s-er: 4 checkpoints of 3 trials, 4.6 kB; those at s3://b/x stay"
    assert _kept(folder)["trial_0003"] == [2]


def test_what_is_under_way_or_cannot_be_read_is_refused_and_nothing_is_deleted(runs):
    first, second = runs.sweep("a", _SWEEP, tested=[2]), runs.sweep("b", _SWEEP, tested=[2])
    with run_lock(second), pytest.raises(UserError, match="b: another process is at work"):
        _free(runs, "a", "b")
    (second / "space.yaml").write_text("")
    with pytest.raises(UserError, match="rm b: .*space.yaml"):
        _free(runs, "a", "b")
    assert _kept(first)["trial_0001"] == [1, 2]


def test_the_command_line_deletes_checkpoints_alone(runs, capsys):
    folder = runs.sweep("a", _SWEEP, tested=[2])
    assert sweep.main(["rm", "a", "--checkpoints", "--yes"]) == 0
    assert _kept(folder)["trial_0003"] == [2] and "deleted 4 checkpoints" in capsys.readouterr().out
