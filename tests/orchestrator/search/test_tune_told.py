"""What Tune hears of the trials of a real sweep."""

import pytest
from lane_here import draw_nothing, lanes_here
from outputs import outputs

from orchestrator import sweep
from orchestrator.execution.job_listener import JobListener
from orchestrator.search.result_keys import STATUS, TASK

pytestmark = pytest.mark.ray


def test_tune_hears_of_the_tasks_after_which_it_may_stop_a_trial_and_of_the_last(
    shared_ray, small_method, small_sweep, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name, value in shared_ray.items():
        monkeypatch.setenv(name, value)
    draw_nothing(monkeypatch)
    told, usual = [], JobListener.tell

    def tell(listener, job_id, result):
        told.append((job_id, result[TASK], result[STATUS]))
        usual(listener, job_id, result)

    monkeypatch.setattr(JobListener, "tell", tell)
    words = [*small_method, "--name", "s", "--trials", "1", "--scheduler", "asha"]
    with outputs() as said, lanes_here():
        assert sweep.main([*words, *small_sweep(tasks=4)]) == 0, "".join(said)
    assert [one[1:] for one in told] == [(2, "running"), (4, "running"), (4, "finished")]
