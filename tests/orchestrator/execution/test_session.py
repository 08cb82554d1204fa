"""Jobs on real lanes: a Ray that is shared, one lane, everything that may befall a trial."""

import json
import os
import signal
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest
import ray
import torch

from orchestrator.execution.job import Job
from orchestrator.execution.session import Session
from orchestrator.execution.session_request import SessionRequest
from orchestrator.storage.identity import Identity
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_VALUES = {"replay__size": 10, "replay__policy": "herding"}


@pytest.fixture(scope="module")
def base(small_config, small_method):
    return small_config(small_method[0], **_VALUES)


@pytest.fixture(scope="module")
def session(base, small_source, tmp_path_factory, on_shared_ray):
    folder = tmp_path_factory.mktemp("session")
    source, tokenizer = small_source(base)
    with Session(
        SessionRequest(
            folder,
            Identity.new("", ""),
            base,
            source,
            tokenizer,
            lanes=1,
            jobs=1,
            seeds=[0],
            largest_memory=10,
        ),
        lambda line: None,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def alone(base, small_stream, tmp_path_factory):
    """A configuration's reports in this process, without Ray."""
    stream = small_stream(base)

    def reports(values):
        reporter = CollectingReporter()
        folder = tmp_path_factory.mktemp("alone")
        StreamLoop(base.with_values(values), stream, folder, reporter, device=torch.device("cpu")).run()
        return _numbers(reporter.reports)

    return reports


def _numbers(reports):
    return [{k: v for k, v in report.items() if not k.startswith("seconds/")} for report in reports]


@pytest.fixture
def switched(session, base, small_source):
    """Values -> the session with the stream of these, in the place of its own until the test's end."""
    before = session.request

    def switch(values):
        source, _ = small_source(base.with_values(values))
        session.switch(replace(before, source=source, identity=Identity.new("", "")))

    yield switch
    session.switch(replace(before, identity=Identity.new("", "")))


def _run(session, base, jobs, on_report=lambda job, metrics: None):
    """Runs (id, values) on the session; answers id -> (outcome, reports)."""
    found = {name: [None, []] for name, _ in jobs}

    def hear(job, metrics):
        found[job.id][1].append(metrics)
        on_report(job, metrics)

    def end(job, outcome):
        found[job.id][0] = outcome

    todo = [
        Job(n, "train", base.to_dict(), values, session.request.folder / "trials" / n) for n, values in jobs
    ]
    session.run(todo, on_report=hear, on_end=end)
    return found


def _same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        np.testing.assert_allclose(list(one.values()), [other[k] for k in one], rtol=1e-5, atol=1e-5)


def test_a_trial_gives_the_same_numbers_first_or_later_in_its_lane_and_without_ray(session, base, alone):
    jobs = [("first", {}), ("other", {"method.learning_rate": 3e-3, "run.seed": 3}), ("again", {})]
    found = _run(session, base, jobs)
    assert [outcome.status for outcome, _ in found.values()] == ["finished"] * 3, found
    assert _numbers(found["first"][1]) == _numbers(found["again"][1])
    _same(_numbers(found["first"][1]), alone({}))
    assert _numbers(found["other"][1]) != _numbers(found["first"][1])


def test_torch_is_in_the_workers_and_not_in_the_processes_that_lead_them(session, processes_under):
    def torch_in(name):
        (pid,) = [pid for process, pid in processes_under() if process.startswith(name)]
        return any("libtorch" in mapped.path for mapped in psutil.Process(pid).memory_maps())

    assert torch_in("ray::RayTrainWo")
    assert not torch_in("ray::TrainContr") and not torch_in("ray::Dispatcher")


def test_a_trial_whose_loss_diverges_fails_alone(session, base):
    wild = {"method.learning_rate": 1e30, "method.min_learning_rate": 0.0}
    found = _run(session, base, [("wild", wild), ("tame", {})])
    assert found["wild"][0].status == "failed"
    assert "at step" in found["wild"][0].reason and "task 1" in found["wild"][0].reason
    assert found["tame"][0].status == "finished"


@pytest.fixture
def full(session, small_disk):
    """A trial's folder on a disk that is full."""
    return small_disk(session.request.folder / "trials" / "full", "8k")


def test_a_full_disk_ends_the_trial_with_one_line_and_is_told_from_other_failures(session, base, full):
    folder = full
    outcome = _run(session, base, [("full", {})])["full"][0]
    assert outcome.status == "failed" and outcome.fatal
    assert outcome.reason.startswith(f"no space left: free some on the disk that holds {folder} (")


@pytest.fixture
def workers(processes_under):
    """Of this process' Ray: others may run on the same machine."""
    return lambda: [pid for name, pid in processes_under() if "RayTrainWorker" in name]


def test_another_order_of_the_stream_takes_its_place_and_the_lanes_stay(
    session, base, small_stream, switched, workers, tmp_path
):
    other, lane = {"stream.order": 3}, workers()
    (first,) = _run(session, base, [("before", {})]).values()
    config = base.with_values(other)
    switched(other)
    (second,) = _run(session, config, [("in another order", {})]).values()
    switched({})
    (third,) = _run(session, base, [("in its own again", {})]).values()
    reporter = CollectingReporter()
    StreamLoop(config, small_stream(config), tmp_path, reporter, device=torch.device("cpu")).run()
    _same(_numbers(second[1]), _numbers(reporter.reports))
    assert _numbers(first[1]) == _numbers(third[1]) != _numbers(second[1])
    assert workers() == lane


def test_a_worker_killed_in_a_task_goes_on_from_the_task_before_with_the_same_numbers(
    session, base, alone, workers
):
    killed = []

    def kill(job, metrics):
        if metrics["task"] == 1 and not killed:
            killed.extend(workers())
            time.sleep(0.1)  # the answer to this report is not given yet: let the kill fall inside task 2
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    found = _run(session, base, [("killed", {})], kill)
    assert killed and not set(workers()) & set(killed)
    outcome, reports = found["killed"]
    assert outcome.status == "finished"
    assert [r["task"] for r in reports] == [1, 2, 3]
    _same(_numbers(reports), alone({}))
    lines = (session.request.folder / "trials" / "killed" / "tasks.jsonl").read_text().splitlines()
    assert _numbers(json.loads(line) for line in lines) == _numbers(reports)


def test_a_trial_that_brings_its_workers_down_twice_fails_and_the_lane_goes_on(session, base, workers):
    def joins():
        return ray.get(session.dispatcher.lanes.remote())["joins"][0]

    def first_task(job, metrics):
        if job.id == "deadly":
            for _ in range(2):  # the answer to this report is not given yet: its second task cannot end
                before = joins()
                for pid in workers():
                    os.kill(pid, signal.SIGKILL)
                while joins() == before:
                    time.sleep(0.05)

    found = _run(session, base, [("deadly", {}), ("next", {})], first_task)
    assert found["deadly"][0].status == "failed"
    assert "its workers went down 2 times in task 2" in found["deadly"][0].reason
    assert found["next"][0].status == "finished"
