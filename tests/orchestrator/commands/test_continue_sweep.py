"""``train --continue SWEEP``: the chosen trial is taught more tasks. Its trials train in this process."""

from types import SimpleNamespace

import pytest
import yaml
from in_process import TINY, runs_here

from orchestrator import api
from orchestrator.commands import sweep_run
from orchestrator.errors import UserError
from orchestrator.execution.job import Job
from orchestrator.storage.run_files import trials_of

_SEED = 3
_SET = {**TINY, "run.seed": _SEED}
_RATES = (1e-4, 3e-3)


def _search(run, space, session, recorder, trials, spending=None):
    """In the place of the tuner: a trial at each rate."""
    for number, rate in enumerate(_RATES[:trials]):
        trial, values = f"trial_{number + 1:04d}", {"method.learning_rate": rate}
        recorder.propose(trial, values, number)
        place, stamp = trials_of(run.folder) / trial, run.identity.stamp(trial, values)
        job = Job(trial, "train", space.config.to_dict(), values, place, None, stamp)
        session.run(
            [job],
            on_start=lambda job: recorder.start(job.id, job.values),
            on_report=lambda job, report: recorder.task(job.id, report),
            on_end=lambda job, outcome: recorder.end(job.id, outcome.status),
            go=lambda: True,
        )
    return "finished"


@pytest.fixture
def here(tmp_path, monkeypatch):
    sessions = runs_here(monkeypatch, tmp_path, tmp_path / "features")
    monkeypatch.setattr(sweep_run, "search", _search)
    monkeypatch.setattr(sweep_run, "_look_at_test", lambda *_: {})
    monkeypatch.setattr(sweep_run, "what_mattered", lambda *_: [])
    return SimpleNamespace(sessions=sessions, runs=tmp_path / "runs")


def test_the_chosen_trial_of_a_sweep_by_the_first_tasks_learns_the_others(here):
    values = {**_SET, "stream.tasks": 3}
    found = api.sweep("er", stream="shapes-retrieval", trials=2, name="s", set=values, first_tasks=2)
    assert (found.status, len(found.tasks)) == ("finished", 2)
    best = found.best.id
    here.sessions.trained.clear()
    more = api.train(continue_from="s", name="all", test=False)
    assert here.sessions.trained == [("all", "seed_3", 3)], "the third task alone is trained"
    assert more.status == "finished" and len(more.tasks) == 3 and more.tasks[:2] == found.tasks
    config = yaml.safe_load((here.runs / "all" / "config.yaml").read_text())
    assert config["method"]["learning_rate"] == _RATES[int(best[-1]) - 1]
    for now, was in zip(more.trials[0].reports, found.best.reports, strict=False):
        assert {k: (was[k], now.get(k)) for k in was if now.get(k) != was[k]} == {}
    request = yaml.safe_load((here.runs / "all" / "train.yaml").read_text())
    assert request["continues"]["trials"] == {"seed_3": best} and request["continues"]["tasks"] == 2


def test_a_sweep_over_all_tasks_learns_one_more_and_one_under_way_is_refused(here):
    values = {**_SET, "stream.tasks": 2}
    found = api.sweep("er", stream="shapes-retrieval", trials=2, name="s", set=values)
    with pytest.raises(UserError, match="^--continue s: the stream has no task beyond its 2 tasks"):
        api.train(continue_from="s")
    more = api.train(continue_from="s", set={"stream.tasks": 3}, name="all")
    assert more.status == "finished" and more.trials[0].test_matrix.shape == (3, 3)
    (here.runs / "s" / "trials" / found.best.id / "status.json").unlink()
    with pytest.raises(UserError, match=f"the run is not finished \\({found.best.id} is under way\\)"):
        api.train(continue_from="s", set={"stream.tasks": 3})
