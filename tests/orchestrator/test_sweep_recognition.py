"""Recognition sweeps as a user types them: a real Ray that several share, real MLflow on SQLite, the shipped
CLIP.
"""

import json
import re

import pytest
from mlflow.tracking import MlflowClient

_STREAM = ["stream.tasks=2", "stream.train=4", "stream.validation=2", "stream.test=2", "run.views=2"]
# At the largest rates of its range the method diverges, which is another matter.
_CLAP = [
    "method.learning_rate=0.01",
    "method.samples=2",
    "method.batch_size=8",
    "method.epochs=1",
    "method.vga_ff=32",
    "replay.size=24",
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory, with_tables, typed):
    folder = with_tables(tmp_path_factory.mktemp("sweep"))
    command = ["orchestrator.sweep", "clap4clip", "--name", "s", "--trials", "2", "--concurrent", "1"]
    return folder, typed(folder, *command, "--set", *_STREAM, *_CLAP, drawn=True)


def test_a_sweep_encodes_searches_and_tests(swept):
    _, done = swept
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(r"encoding: \d+ of \d+ pictures \(100 %\)", done.stdout)
    assert "Best configuration: trial" in done.stdout
    assert re.search(r"on test: seen/accuracy [\d.]+ %  average [\d.]+ %", done.stdout)
    assert done.stdout.endswith("Compare in MLflow:\n  python -m orchestrator.tracking ui runs/s\n")


def test_the_record_has_the_drift_and_what_is_told_of_unseen_classes(swept):
    folder, _ = swept
    client = MlflowClient(f"sqlite:///{folder}/runs/mlflow.db")
    (experiment,) = [e for e in client.search_experiments() if e.name == "shapes-recognition"]
    trials = client.search_runs([experiment.experiment_id], "tags.kind = 'trial' AND tags.sweep = 's'")
    assert len(trials) == 2
    for trial in trials:
        files = {file.path for file in client.list_artifacts(trial.info.run_id)}
        assert {"config.yaml", "matrix.png", "drift.png", "curves.png"} <= files
        for name in ("validation/harmonic_mean", "validation/seen/ece", "validation/drift/angle", "train/kl"):
            assert f"walk/{name}" in trial.data.metrics, name
    assert sum("walk/test/over_time/harmonic_mean" in trial.data.metrics for trial in trials) == 1


def test_a_later_run_of_another_method_encodes_nothing(swept, typed):
    folder, _ = swept
    command = ["orchestrator.train", "zero-shot", "--name", "z", "--workers", "2"]
    done = typed(folder, *command, "--set", *_STREAM, lanes=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warming 1 lane(s) of 2 worker(s) each" in done.stdout
    assert "encoding" not in done.stdout
    tested = json.loads((folder / "runs/z/trials/seed_0/test/metrics.json").read_text())
    assert f"{tested['test/average']:.2f}" in done.stdout


def test_a_run_that_holds_nothing_out_is_tested_and_compared(swept, typed):
    folder, _ = swept
    command = ["orchestrator.train", "clip-finetune", "--stream", "digits", "--name", "whole"]
    values = [
        "stream.validation=0",
        "stream.initial=5",
        "stream.increment=5",
        "method.epochs=1",
        "run.views=1",
    ]
    done = typed(folder, *command, "--set", *values, drawn=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr and "could not be drawn" not in done.stdout
    assert "no validation records (stream.validation 0)" in done.stdout
    trial = folder / "runs/whole/trials/seed_0"
    tested = json.loads((trial / "test/metrics.json").read_text())
    assert f"{tested['test/average']:.2f}" in done.stdout and (trial / "test/matrix.png").exists()
    reports = json.loads((trial / "status.json").read_text())["reports"]
    assert len(reports) == 2 and not any(name.startswith("validation/") for name in reports[-1])
    assert (trial / "curves.png").exists() and not (trial / "matrix.png").exists()
    compared = typed(folder, "orchestrator.compare", "runs/whole")
    assert compared.returncode == 0 and f"{tested['test/average']:.2f}" in compared.stdout
    refused = typed(folder, "orchestrator.sweep", "clip-finetune", "--stream", "digits", "--set", values[0])
    assert "the objective validation/average needs validation data" in refused.stderr


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["replay.size=23"], "replay.size=23 is less than one sample for each of the stream's 24 classes"),
        (["method.backbone.model=ViT-B-99", "method.backbone.pretrained=openai"], "'ViT-B-99' is unknown"),
        (["method.backbone.pretrained=weights.pt"], "no such file"),
    ],
)
def test_what_cannot_work_is_one_line(swept, typed, values, expected):
    folder, _ = swept
    done = typed(folder, "orchestrator.train", "clap4clip", "--set", *_STREAM, *_CLAP[:-1], *values)
    assert done.returncode != 0
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line]
    assert expected in line and "Traceback" not in done.stderr
