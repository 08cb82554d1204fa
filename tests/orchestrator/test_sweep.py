"""Whole sweeps as a user starts them: real Ray, real MLflow on SQLite, real signals."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from mlflow.tracking import MlflowClient
from small_method import SmallCTP

_TASKS = 2


def _environment():
    return {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS")}


def _reports(trial):
    return [json.loads(line) for line in (trial / "tasks.jsonl").read_text().splitlines()]


def _timed(report):
    return report["task"], report["seconds/train"], report["seconds/evaluate"]


def _runs(folder):
    client = MlflowClient(f"sqlite:///{folder}/runs/mlflow.db")
    found = [run for e in client.search_experiments() for run in client.search_runs([e.experiment_id])]
    return client, found


def test_a_sweep_ends_with_the_best_a_table_and_how_to_run_the_best_again(whole_sweep):
    printed = whole_sweep.printed
    assert "Traceback" not in printed
    for expected in (
        "Best configuration: trial",
        "on test:",
        "python -m orchestrator.train --config runs/s/trials/",
    ):
        assert expected in printed
    rows = [line for line in printed.splitlines() if re.match(r"\s*\d+  (finished|\s*stopped)", line)]
    assert len(rows) == 2
    assert len(re.findall(r"trial \d/2 task \d/2", printed)) == 4


def test_the_record_is_whole(sent_sweep, small_method):
    folder = sent_sweep.folder
    client, runs = _runs(folder)
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    trials = [r for r in runs if "mlflow.parentRunId" in r.data.tags]
    assert len(parents) == 1 and len(trials) == 2
    assert {r.data.tags["mlflow.parentRunId"] for r in trials} == {parents[0].info.run_id}
    for trial in trials:
        tags, params = trial.data.tags, trial.data.params
        assert (
            tags["method"] == small_method[0] and tags["stream"] == "shapes-retrieval" and tags["seed"] == "0"
        )
        assert any(name.startswith("version.") for name in tags) and "method.learning_rate" in params
        done = len(client.get_metric_history(trial.info.run_id, "validation/seen/r_mean"))
        assert done == (_TASKS if tags["status"] == "finished" else int(tags["stopped_at_task"]))
        for name in (
            "train/ita",
            "replay/bytes",
            "flops/train",
            "seconds/train",
            "seconds/evaluate",
            "seconds/checkpoint",
        ):
            assert f"walk/{name}" in trial.data.metrics, name
        files = {f.path for f in client.list_artifacts(trial.info.run_id)}
        assert {"config.yaml", "matrix.csv", "matrix.png", "curves.png"} <= files
    own = {path.name: path.read_bytes() for path in (folder / "runs/s/tokenizer").iterdir()}
    kept = {path.parent for path in (folder / "runs/s").glob("trials/*/checkpoints/task_*/tokenizer/*")}
    assert len(kept) >= 3 and len(own) == 2
    assert all({path.name: path.read_bytes() for path in place.iterdir()} == own for place in kept)
    best = [t for t in trials if "test/average" in t.data.metrics]
    assert len(best) == 1, "test is looked at once, with the best"
    assert best[0].data.tags["status"] == "finished"


def test_the_best_one_of_two_workers_runs_again_in_one_with_nearly_the_same_numbers(whole_sweep, typed):
    folder = whole_sweep.folder
    config = re.search(r"--config (\S+)", whole_sweep.printed).group(1)
    again = typed(folder, "orchestrator.train", "--config", config, "--workers", "1", "--name", "again")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "of 1 worker(s) each" in again.stdout and "of 2 worker(s) each" in whole_sweep.printed
    first = _reports(folder / os.path.dirname(config))
    second = _reports(folder / "runs/again/trials/seed_0")
    assert [r["task"] for r in second] == [1, 2]
    for one, two in zip(first, second, strict=True):
        # Sums over two halves round otherwise than over the whole.
        assert two["train/total"] == pytest.approx(one["train/total"], rel=1e-3)
    with open(folder / "runs/again/trials/seed_0/test/matrix.csv") as file:
        assert len(list(csv.reader(file))) == _TASKS + 1


class _Interrupted:
    """A sweep that goes on, and gets a signal at each of some lines, in the midst of a task; ``said``: all it
    printed until it ended.
    """

    def __init__(self, folder, at):
        temporary = tempfile.mkdtemp(dir="/tmp")  # short enough for Ray's sockets
        steps = folder / "steps"
        steps.touch()
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator.sweep", "--resume", "s"],
            cwd=folder,
            # Tasks of seconds, so that the one that is stopped is not over.
            env=_environment()
            | {"RAY_TMPDIR": temporary, "SMALL_METHOD_PAUSE": "0.5", "SMALL_METHOD_STEPS": str(steps)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        lines = []
        for awaited, number in at:
            for line in process.stdout:
                lines.append(line)
                if awaited in line:
                    _await_step(steps)  # of the next task
                    process.send_signal(number)
                    break
        lines += process.stdout.readlines()
        self.said = "".join(lines)
        self.status = process.wait(120)
        os.rmdir(temporary)  # Ray's files went with the sweep


def _await_step(steps):
    before, deadline = steps.stat().st_size, time.monotonic() + 60
    while steps.stat().st_size == before:
        assert time.monotonic() < deadline, "no step is taken"
        time.sleep(0.05)


def _kept(folder):
    return {path.parent: _reports(path.parent) for path in folder.glob("runs/s/trials/*/tasks.jsonl")}


def _in_the_midst_of_a_task(patch, number, task):
    """A signal for this process, which trains, as it takes the second step of a task. The task goes on once
    the command has said what it makes of it.
    """
    steps, start, before_step = [], SmallCTP.start_task, SmallCTP.before_step

    def start_task(self, started):
        steps.clear()
        steps.append(started.index + 1)
        return start(self, started)

    def step(self, phase):
        steps.append(phase)
        if steps[0] == task and len(steps) == 3:
            os.kill(os.getpid(), number)
            until = time.monotonic() + 60
            while b"finishing the task under way" not in os.pread(1, 2**20, 0):
                assert time.monotonic() < until, "it is not heard"
                time.sleep(0.01)
        return before_step(self, phase)

    patch.setattr(SmallCTP, "start_task", start_task)
    patch.setattr(SmallCTP, "before_step", step)


def test_ctrl_c_or_sigterm_finishes_the_task_ctrl_c_twice_stops_at_once_and_resume_goes_on(
    small_method, small_sweep, tmp_path, with_tables, typed
):
    # The first trial is never stopped early.
    with_tables(tmp_path)
    first = [*small_method, "--name", "s", "--trials", "2", "--concurrent", "1", *small_sweep(tasks=5)]
    before = {}
    # Ctrl-C alone, and SIGTERM alone, as SLURM, Kubernetes and timeout send it.
    for words, number, task in ((first, signal.SIGINT, 2), (["--resume", "s"], signal.SIGTERM, 3)):
        with pytest.MonkeyPatch.context() as patch:
            _in_the_midst_of_a_task(patch, number, task)
            once = typed(tmp_path, "orchestrator.sweep", *words)
        said = once.stdout + once.stderr
        before = _kept_of_the_trial_under_way(tmp_path, said, once.returncode, tasks=task, before=before)
        assert once.returncode == 128 + number and "stopped\n" not in once.stdout
    at = ("trial 1/2 task 4/5", signal.SIGINT), ("Ctrl-C stops now", signal.SIGINT)
    twice = _Interrupted(tmp_path, at)
    before = _kept_of_the_trial_under_way(tmp_path, twice.said, twice.status, tasks=4, before=before)
    assert twice.status == 128 + signal.SIGINT and "stopped\n" in twice.said
    done = typed(tmp_path, "orchestrator.sweep", "--resume", "s")
    assert done.returncode == 0, done.stdout + done.stderr
    for trial, reports in before.items():
        assert [_timed(r) for r in _reports(trial)[: len(reports)]] == [_timed(r) for r in reports]
    _, runs = _runs(tmp_path)
    trials = [r.data.tags for r in runs if "mlflow.parentRunId" in r.data.tags]
    assert len(trials) == 2 and {t["status"] for t in trials} <= {"finished", "stopped"}
    assert {r.info.status for r in runs} <= {"FINISHED", "KILLED"}


def _kept_of_the_trial_under_way(folder, said, status, tasks, before=None):
    """What the disk and the record have of a sweep that was interrupted: its one trial's reports."""
    assert "finishing the task under way of 1 trial(s)" in said, (status, said)
    assert "python -m orchestrator.sweep --resume s" in said and "Traceback" not in said
    ((trial, reports),) = (kept := _kept(folder)).items()
    assert len(reports) == tasks
    for path, earlier in (before or {}).items():
        # The clock's readings are among them: a task that was trained again would show.
        assert [_timed(r) for r in kept[path][: len(earlier)]] == [_timed(r) for r in earlier]
    client, runs = _runs(folder)
    (run,) = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert run.data.tags["trial"] == trial.name
    found = client.get_metric_history(run.info.run_id, "validation/average")
    assert {metric.step for metric in found} == set(range(1, tasks + 1))
    return kept
