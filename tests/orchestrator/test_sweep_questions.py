"""Sweeps over visual questions as a user types them: a real Ray that several share, real MLflow on SQLite."""

import json
import re

import pytest
from mlflow.tracking import MlflowClient

_STREAM = ["stream.tasks=2", "stream.train=4", "stream.validation=2", "stream.test=2"]
_T5 = ["method.backbone.width=32", "method.backbone.layers=1", "method.batch_size=4", "method.beams=2"]


def _trials(folder):
    client = MlflowClient(f"sqlite:///{folder}/runs/mlflow.db")
    (experiment,) = [e for e in client.search_experiments() if e.name == "shapes-vqa"]
    runs = client.search_runs([experiment.experiment_id])
    return client, [r for r in runs if "mlflow.parentRunId" in r.data.tags]


def test_a_sweep_of_vqacl_trains_tests_and_records_both_levels(tmp_path, with_tables, typed):
    command = ["orchestrator.sweep", "vqacl", "--name", "s", "--trials", "2", "--concurrent", "1"]
    done = typed(with_tables(tmp_path), *command, "--set", *_STREAM, *_T5, drawn=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "Best configuration: trial" in done.stdout
    assert re.search(r"on test: .*average [\d.]+", done.stdout)
    client, trials = _trials(tmp_path)
    assert len(trials) == 2
    for trial in trials:
        files = {file.path for file in client.list_artifacts(trial.info.run_id)}
        assert {"config.yaml", "matrix.png", "curves.png", "groups.png"} <= files
        for name in ("validation/kind/recognition", "validation/group/animals"):
            assert f"walk/{name}" in trial.data.metrics, name
        assert "validation/vqacl/ap" in trial.data.metrics
    assert sum("test/vqacl/forget" in trial.data.metrics for trial in trials) == 1


def test_triplet_encodes_its_queries_once_and_for_later_runs(tmp_path, with_tables, typed):
    values = [*_STREAM, "method.epochs=1", "method.batch_size=4"]
    with_tables(tmp_path)
    done = typed(tmp_path, "orchestrator.sweep", "triplet", "--name", "s", "--trials", "1", "--set", *values)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"encoding: \d+ of \d+ pictures \(100 %\)", done.stdout)
    assert "Best configuration: trial" in done.stdout
    _, (trial,) = _trials(tmp_path)
    assert {"walk/test/recognition/fusion", "test/triplet/average_accuracy"} <= set(trial.data.metrics)
    done = typed(tmp_path, "orchestrator.train", "l2p", "--name", "a", "--set", *values)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "encoding:" not in done.stdout and "found in" in done.stdout
    tested = json.loads((tmp_path / "runs/a/trials/seed_0/test/metrics.json").read_text())
    assert f"{tested['test/average']:.2f}" in done.stdout


@pytest.mark.parametrize(
    ("method", "values", "expected"),
    [
        (
            "er",
            ["replay.policy=balanced", "replay.balance_by=group", "replay.size=9"],
            "replay.balance_by=group shares by object group, which retrieval does not have",
        ),
        ("ctp", ["stream.name=shapes-vqa"], "'shapes-vqa' is a vqa stream; ctp learns retrieval"),
        ("triplet", ["stream.max_tokens=60"], "read 40 tokens, not 60"),
    ],
)
def test_what_cannot_work_is_one_line(tmp_path, typed, method, values, expected):
    done = typed(tmp_path, "orchestrator.train", method, "--set", *values)
    assert done.returncode != 0
    lines = [line for line in (done.stdout + done.stderr).splitlines() if expected in line]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
