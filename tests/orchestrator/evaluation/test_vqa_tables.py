"""The tables of both levels: from metrics, of a trial that has ended, and of the final test."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from told_run import told_run

from methods.method import Answers, Method, Task
from orchestrator.evaluation import final_evaluation
from orchestrator.evaluation.objective import Objective
from orchestrator.evaluation.protocol import Evaluation
from orchestrator.evaluation.tables import read_table, write_matrix, write_table
from orchestrator.evaluation.vqa_tables import question_tables
from orchestrator.record.recorder import RunRecorder
from orchestrator.record.trial_store import TrialStore
from orchestrator.storage import checkpoint
from orchestrator.storage.checkpoint import Checkpoint
from orchestrator.streams.source import Questions, QuestionTables
from orchestrator.streams.stream import Split, Stream, TaskData

CPU = torch.device("cpu")
NAMES = ["count", "color"]
STEPS = [
    {"task_01/accuracy": 70.0, "kind/count": 70.0, "group/toys": 60.0, "seen/accuracy": 70.0},
    {
        **{"task_01/accuracy": 50.0, "task_02/accuracy": 90.0, "seen/accuracy": 70.0},
        **{"kind/count": 50.0, "kind/color": 90.0, "group/cars": 30.0, "group/toys": 80.0},
        **{"cell/count/cars": 10.0, "cell/count/toys": 90.0, "cell/color/toys": 70.0},
        **{"novel/task_02": 25.0, "novel/accuracy": 25.0},
    },
]


def test_tables_hold_what_was_measured():
    tables = question_tables(STEPS, NAMES)
    assert list(tables) == ["groups", "cells", "novel"]
    values, rows, columns = tables["groups"]
    assert (rows, columns) == (NAMES, ["cars", "toys"])
    np.testing.assert_array_equal(values, [[np.nan, 60], [30, 80]])
    values, rows, columns = tables["cells"]
    assert (rows, columns) == (["count", "color"], ["cars", "toys"])
    np.testing.assert_array_equal(values, [[10, 90], [np.nan, 70]])
    values, rows, columns = tables["novel"]
    assert (rows, columns) == (NAMES, NAMES)
    np.testing.assert_array_equal(values, [[np.nan, np.nan], [np.nan, 25]])


def test_before_the_last_task_there_are_no_cells_and_without_questions_no_tables():
    assert list(question_tables(STEPS[:1], NAMES)) == ["groups"]
    assert question_tables([{"task_01/accuracy": 70.0, "seen/accuracy": 70.0}], NAMES) == {}


class Tracker:
    """Keeps the files that it is given; the real one has its own tests."""

    def __init__(self):
        self.files = set()

    def knows(self, trial_id):
        return False

    def trial_start(self, *args, **kwargs):
        pass

    task = trial_end = trial_start

    def artifact(self, trial_id, path, subfolder=None):
        assert path.exists()
        self.files.add((path.name, subfolder))


def test_a_trial_leaves_its_tables_and_their_pictures(tmp_path, small_config):
    tracker, said = Tracker(), []
    store = TrialStore(tmp_path / "trials", Objective("validation/seen/accuracy", "max"), len(NAMES))
    config = small_config("ctp")
    run = told_run(tmp_path, config, NAMES, "vqa", said.append)
    recorder = RunRecorder(store, tracker, config.with_values, run, 1)
    recorder.start("a", {})
    folder = tmp_path / "trials" / "a"
    for t, step in enumerate(STEPS):
        report = {"task": t + 1, **{f"validation/{name}": value for name, value in step.items()}}
        checkpoint.save(folder, t, Checkpoint({}, {}, [report]), None)
        recorder.task("a", report)
    (folder / "curves.csv").write_text("task,phase,step,name,value\n")
    recorder.end("a", "finished")
    # The test's tables lie where the final test leaves them.
    for name, table in question_tables(STEPS, NAMES).items():
        write_table(folder / "test" / f"{name}.csv", table, "kind" if name == "cells" else "after")
    write_matrix(folder / "test" / "matrix.csv", np.eye(2), NAMES)
    recorder.tested("a", {})
    recorder.close()
    assert not [line for line in said if "could not be drawn" in line]
    drawn = {f"{name}.{kind}" for name in ("matrix", "groups", "cells", "novel") for kind in ("csv", "png")}
    assert {name for name, subfolder in tracker.files if subfolder == "test"} == drawn
    assert {name for name, subfolder in tracker.files if subfolder is None} == drawn | {"config.yaml"}
    cells = read_table(folder / "cells.csv", "kind")
    np.testing.assert_array_equal(cells.values, [[10, 90], [np.nan, 70]])
    with Image.open(folder / "cells.png") as picture:
        assert picture.format == "PNG"


class Learner(Method):
    """Knows the answers of the first ``stage`` tasks, and says that it can tell the tasks apart."""

    def __init__(self, config, spec):
        super().__init__(config, spec)
        self.register_buffer("stage", torch.zeros((), dtype=torch.int64))

    def answer(self, batch):
        assert self.stage > 0, "an untrained method has no answers"
        task = batch.tokens[:, 0]
        return Answers(["yes" if t < self.stage else "no" for t in task], task.float(), {"text": task})


def make_stream():
    def split(k):
        tokens, label = np.full((4, 1), k, np.int32), np.array([0, 0, 1, 1], np.int32)
        score = np.array([1.0, 1.0, 0.6, 1.0], np.float32)[:, None]
        questions = Questions(np.full(4, k, np.int32), np.zeros((4, 1), np.int32), score)
        return Split(None, tokens, label, feature=np.zeros((4, 1), np.float16), questions=questions)

    tasks = [
        TaskData(Task(k, f"task {k}", "vqa", 3), dict.fromkeys(("train", "test"), split(k))) for k in range(3)
    ]
    tables = QuestionTables(["yes"], 1, ["judge", "count", "color"], ["toys", "cars"], [0, 1], held_out=1)
    return Stream("toy", None, tasks, "none", image_size=8, tables=tables)


def test_the_final_test_tells_both_levels(tmp_path, small_config, monkeypatch):
    monkeypatch.setattr(final_evaluation, "get_method", lambda name: Learner)
    monkeypatch.setattr(final_evaluation, "evaluation_of", lambda *_: Evaluation(CPU, 3, "fp32"))
    for t in range(3):
        checkpoint.save(tmp_path, t, Checkpoint({"stage": torch.tensor(t + 1)}, {}, []), None)
    found = final_evaluation.final_evaluation(small_config("ctp"), make_stream(), tmp_path, CPU)
    assert found == json.loads((tmp_path / "test" / "metrics.json").read_text())
    assert found["test/vqacl/ap"] == found["test/average"] == pytest.approx(90)
    assert found["test/triplet/average_accuracy"] == pytest.approx(90)
    assert found["test/novel/accuracy"] == found["test/vqacl/novel_ap"] == pytest.approx(80)
    assert found["test/recognition/text"] == 100 and found["test/cell/color/cars"] == pytest.approx(80)
    assert found["test/forward_transfer"] == 0
    assert not [name for name in found if "over_time/" in name]
    groups = read_table(tmp_path / "test" / "groups.csv", "after")
    np.testing.assert_allclose(groups.values, [[100, 80]] * 3, rtol=1e-6)
    assert list(groups.columns) == ["toys", "cars"] and list(groups.rows) == ["task 0", "task 1", "task 2"]
    assert read_table(tmp_path / "test" / "cells.csv", "kind").values.shape == (3, 2)
