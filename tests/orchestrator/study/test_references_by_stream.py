"""References of several streams, what they are forecast to take, and folders that are none: played."""

import json

import numpy as np
import pytest

from orchestrator.commands.time_forecast import TimeForecast
from orchestrator.errors import UserError
from orchestrator.evaluation.tables import write_matrix
from orchestrator.references.reference_kinds import more_references
from orchestrator.streams import registry
from orchestrator.study.reference_job import ReferenceJob

pytestmark = pytest.mark.unit

_TWO = {"digits": None, "seeded": {"name": "digits", "set": {"stream.seed": 3}}}


def _write(tmp_path, run, seed, matrix):
    folder = tmp_path / "runs" / run / "trials" / f"seed_{seed}" / "test"
    write_matrix(folder / "matrix.csv", np.array(matrix, dtype=float), ["a", "b", "c"][: len(matrix)])


def _on_streams(tmp_path):
    return json.loads((tmp_path / "runs" / "s" / "result.json").read_text())["streams"]


def test_each_stream_has_references_that_are_derived_from_its_own_methods(played, tmp_path):
    asked = {"streams": _TWO, "references": ["joint"], "pairs": 1}
    study = played.new(**asked).study
    told = [(one.arm.stream.label, one.arm.method.label, one.config.stream.seed) for one in study.references]
    assert told == [("digits", "plain", 0), ("seeded", "plain", 3)]
    first, second = (one.name(1) for one in study.references)
    assert played.begun(**asked)[0] == 0 and [run for run in played.walked if "joint" in run] == [
        first,
        second,
    ]
    for name, value in ((first, 90.0), (second, 60.0)):
        _write(tmp_path, name, 1, np.full((2, 2), value))
    for stream in ("digits", "seeded"):
        _write(tmp_path, f"s-plain-{stream}-pair1", 1, np.full((2, 2), 50.0))
    played.gone_on()
    found = _on_streams(tmp_path)
    assert [[one["reference"] for one in stream["references"]] for stream in found] == [["joint"], ["joint"]]
    assert [[pair["run"] for pair in stream["references"][0]["pairs"]] for stream in found] == [
        [first],
        [second],
    ]
    beside = [stream["methods"][0]["pairs"][0]["test"]["intransigence"] for stream in found]
    assert beside == [40.0, 10.0]


def test_a_reference_of_another_number_of_tasks_is_not_beside_a_method(played, tmp_path):
    asked = {"references": ["independent", "joint"], "pairs": 1}
    played.begun(**asked)
    independent, joint = (one.name(1) for one in played.resumed().study.references)
    _write(tmp_path, independent, 1, np.full((2, 2), 80.0))
    _write(tmp_path, joint, 1, np.full((3, 3), 80.0))
    _write(tmp_path, "s-plain-pair1", 1, np.full((2, 2), 50.0))
    assert played.gone_on()[0] == 0
    tested = _on_streams(tmp_path)[0]["methods"][0]["pairs"][0]["test"]
    assert tested["forgetting_independent"] == 30.0 and "intransigence" not in tested


@pytest.fixture
def took(monkeypatch):
    """Method -> what one of its trials takes: the hours, and the bytes that it leaves."""
    found = {"clip-finetune": (1.0, 1e6), "clip-er": (1.0, 1e6), "clip-joint": (3.0, 5e6)}

    def of(config, tasks, **how):
        hours, size = found.get(config.method_name, (None, 0.0))
        return None if hours is None else TimeForecast((1800.0 * hours,) * 2, size, 1)

    monkeypatch.setattr(TimeForecast, "of", of)
    return found


def _lines(start):
    """Of each line of a preview that forecasts something, what it says last."""
    lines = [line for line in start.preview().splitlines() if line != "  no trial is stopped early"]
    return [line.rpartition("; ")[2] for line in lines]


def test_a_preview_adds_up_the_runs_of_methods_and_those_of_references(played, took):
    lines = _lines(played.new(references=["joint"]))
    # Two trials and two pairs of each method, and two runs of the reference.
    assert lines[1:4] == ["about 4.0 h", "about 4.0 h", "about 6.0 h"]
    assert lines[4].startswith("what is left takes about 14 h one after another and 18 MB of disk, as trials")
    played.begun(references=["joint"], pairs=1)
    lines = _lines(played.resumed(pairs=3))
    assert lines[1:4] == ["about 2.0 h", "about 2.0 h", "about 6.0 h"], "of pairs 2 and 3"
    assert _lines(played.resumed())[1:4] == ["ended"] * 3


def test_what_a_reference_takes_that_nobody_ran_is_not_known(played, took):
    del took["clip-joint"]
    lines = _lines(played.new(references=["joint"]))
    assert lines[3] == "how long is not known" and "about 8.0 h one after another and 8.0 MB of" in lines[4]
    assert lines[4].endswith("took, without the 1 of which it is not known")


def test_a_study_that_has_those_of_equal_compute_is_given_no_others(played):
    played.begun(references=True, pairs=1)
    with pytest.raises(
        UserError, match="^--references joint: the study has true; allowed: references in its"
    ):
        played.resumed(references=["finetune", "joint"])
    assert played.resumed(references=["finetune"]).study.request.references is None
    assert played.resumed(references=True).study.request.references is None
    assert more_references(("finetune",), ["joint"]) == ("finetune", "joint"), "it has a list"


def test_a_run_of_its_name_with_more_seeds_is_no_reference(played, tmp_path):
    played.begun(references=["joint"], pairs=1)
    (reference,) = played.resumed().study.references
    job, source = ReferenceJob(reference, 1), registry.get("digits").load(None, False)
    assert job.start(source, print).folder == tmp_path / "runs" / job.name
    request = tmp_path / "runs" / job.name / "train.yaml"
    request.write_text(request.read_text().replace("- 1\n", "- 1\n- 2\n"))
    with pytest.raises(
        UserError, match=f"/{job.name}: has another configuration than its name says; allowed"
    ):
        job.start(source, print)
