"""Two sweeps at once on one cluster: each gets its share of lanes, and their records stay apart."""

import re
import signal
import time

import pytest
from bare_node import BARE_NODE
from mlflow.tracking import MlflowClient
from ray.cluster_utils import Cluster

from orchestrator.storage.trial_files import reports_in


@pytest.fixture
def cluster(slow_steps):
    """Number of CPUs -> a cluster of one node with so many."""
    made = []

    def start(cpus):
        made.append(Cluster())
        made[-1].add_node(num_cpus=cpus, **BARE_NODE)
        return made[-1]

    yield start
    for cluster in made:
        cluster.shutdown()


def _joined(cluster):
    return {"RAY_ADDRESS": cluster.address, "RAY_AUTH_MODE": "disabled"}


def _ends(sweep):
    """When each of its trials ended."""
    return [when for when, line in sweep.lines if re.search(r"trial \d+/\d+ (finished|stopped)", line)]


def _recorded_apart(folder, trials):
    """Sweep -> its number of trials: each has one parent run, and under it its own trials with their metrics
    alone.
    """
    client = MlflowClient(f"sqlite:///{folder}/runs/mlflow.db")
    runs = [r for e in client.search_experiments() for r in client.search_runs([e.experiment_id])]
    parents = {r.info.run_id: r.data.tags["sweep"] for r in runs if "mlflow.parentRunId" not in r.data.tags}
    assert sorted(parents.values()) == sorted(trials)
    for parent, sweep in parents.items():
        children = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent]
        assert {r.data.tags["sweep"] for r in children} == {sweep}
        folders = {path.name: path for path in (folder / "runs" / sweep / "trials").iterdir()}
        begun = {r.data.tags["trial"] for r in children}
        assert begun <= set(folders) and len(begun) == len(children) == trials[sweep]
        # A proposal is written down before anybody trains by it: one that nobody began has no run.
        assert not any(reports_in(folders[name]) for name in set(folders) - begun)
        for run in children:
            reported = reports_in(folders[run.data.tags["trial"]])
            history = client.get_metric_history(run.info.run_id, "validation/seen/r_mean")
            assert sorted(m.step for m in history) == list(range(1, len(reported) + 1))
    assert len(runs) == sum(trials.values()) + len(trials)


@pytest.mark.slow
def test_two_lanes_are_shared_and_go_back(cluster, sweep_command, start_sweep, tmp_path, processes_under):
    shared = cluster(2)
    raylet = shared.head_node.all_processes["raylet"][0].process.pid
    first = start_sweep(sweep_command("a", "--trials", "200", epochs=2), tmp_path, **_joined(shared))
    first.until("lane 2 is up")
    first.until("trial 1/200 task 1/")
    second = start_sweep(sweep_command("b", "--trials", "3", epochs=2), tmp_path, **_joined(shared))
    had_one = second.until("trial 1/3 task 1/")
    assert second.end() == 0, second.said + first.said
    assert any(had_one < when for when in _ends(first)), "both went on"
    # The lane that was given up goes back, as there is work for it.
    deadline = time.monotonic() + 120
    while sum("RayTrainWorker" in name for name, _ in processes_under(raylet)) < 2:
        assert first.process.poll() is None and time.monotonic() < deadline, first.said
        time.sleep(0.2)
    first.process.send_signal(signal.SIGINT)
    assert first.end() == 130, first.said
    begun = len(re.findall(r"trial \d+/200 starts", first.said))
    _recorded_apart(tmp_path, {"a": begun, "b": 3})


@pytest.mark.slow
def test_one_lane_goes_back_and_forth(cluster, sweep_command, start_sweep, tmp_path):
    shared = cluster(1)
    first = start_sweep(sweep_command("a", "--trials", "4"), tmp_path, **_joined(shared))
    first.until("trial 1/4 task 1/")
    second = start_sweep(sweep_command("b", "--trials", "3"), tmp_path, **_joined(shared))
    assert first.end() == 0, first.said + second.said
    assert second.end() == 0, second.said
    assert _ends(second)[0] < _ends(first)[-1] and _ends(first)[0] < _ends(second)[-1]
    _recorded_apart(tmp_path, {"a": 4, "b": 3})
