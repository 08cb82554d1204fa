"""A sweep in another thread than the main one, which alone may take signals."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from lane_here import draw_nothing, lanes_here
from outputs import outputs

from orchestrator import sweep
from orchestrator.search.tune_bridge import TuneBridge

pytestmark = pytest.mark.ray


def test_a_sweep_in_another_thread_ends_and_is_interrupted_without_a_handler_of_its_own(
    shared_ray, small_method, small_sweep, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name, value in shared_ray.items():
        monkeypatch.setenv(name, value)
    draw_nothing(monkeypatch)

    def run(*words):
        with outputs() as said, lanes_here(), ThreadPoolExecutor(1) as pool:
            status = pool.submit(sweep.main, [*words]).result()
        return status, "".join(said)

    usual = TuneBridge.look

    def look(bridge):
        usual(bridge)
        bridge._recorder.interrupted |= any(trial.reports for trial in bridge._recorder.store.trials.values())

    with monkeypatch.context() as patch:
        patch.setattr(TuneBridge, "look", look)
        status, said = run(*small_method, "--name", "s", "--trials", "2", *small_sweep())
    assert status == 130, said
    status, said = run("--resume", "s")
    assert status == 0 and "Best configuration: trial" in said, said
