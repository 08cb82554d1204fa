"""What a lane's worker gives a walk, and what it gives the look at test data. No Ray is started."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist

from methods.method import InputSpec, Task
from orchestrator.errors import UserError
from orchestrator.evaluation import final_evaluation
from orchestrator.evaluation.scenarios import evaluate
from orchestrator.execution import worker
from orchestrator.execution.job import Job
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.stream import Split, Stream, TaskData
from orchestrator.training import per_task_loop, stream_loop

_SPLITS = ("train", "validation", "test", "query", "gallery")


def _split(rows):
    label = np.zeros(rows, np.int32)
    return Split(ArrayPictures(np.zeros((rows, 8, 8, 3), np.uint8)), np.zeros((rows, 4), np.int32), label)


def _stream():
    tasks = [
        TaskData(Task(k, name, "retrieval", 2), {split: _split(3) for split in _SPLITS})
        for k, name in enumerate("ab")
    ]
    return Stream("own", InputSpec(8, 4, 10, 0, 1, 2, 3), tasks, "none")


@pytest.fixture
def alone():
    """A process group of this process."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def _outcome(tmp_path, kind, **base):
    config = {"method.name": "finetune", "stream.name": "shapes-retrieval", **base}
    job = Job("a", kind, config, {}, Path(tmp_path) / "trials" / "a")
    link = SimpleNamespace(dispatcher=None, lane=0, attempt="", gpus=0.0)
    return worker._run(job, WHOLE, torch.device("cpu"), link, {})


WHOLE = _stream()
_PER_TASK = {"per_task.learning_rate": "method.learning_rate", "per_task.learning_rates": [0.1]}


@pytest.mark.parametrize(
    ("module", "name", "base"),
    [(stream_loop, "StreamLoop", {}), (per_task_loop, "PerTaskLoop", _PER_TASK)],
    ids=["stream", "per-task"],
)
def test_a_walk_reaches_no_test_split(tmp_path, monkeypatch, alone, module, name, base):
    reached = {}

    class Walk:
        def __init__(self, config, stream, folder, reporter, **options):
            reached["stream"] = stream

        def run(self):
            for data in reached["stream"].tasks:
                reached.setdefault("splits", []).append(list(data.splits))
            return "finished"

    monkeypatch.setattr(module, name, Walk)
    outcome = _outcome(tmp_path, "train", **base)
    assert outcome.status == "finished", outcome.reason
    assert reached["splits"] == [["train", "validation"]] * 2
    given = reached["stream"]
    assert given.starts.tolist() == [0, 3, 6] and given.holds_out
    assert given.tasks[1].splits["train"] is WHOLE.tasks[1].splits["train"], "nothing is copied"
    for split in ("test", "query", "gallery"):
        with pytest.raises(UserError) as caught:
            given.tasks[1].splits[split]
        assert str(caught.value) == (
            f"split {split} of task 2 was read by a walk, allowed: train or validation; test data is read "
            "once, by the evaluation after it"
        )


def test_a_walk_that_reads_test_data_fails_with_one_line(tmp_path, monkeypatch, alone):
    class Walk:
        def __init__(self, config, stream, folder, reporter, **options):
            self._stream = stream

        def run(self):
            how = SimpleNamespace(deterministic=False)
            evaluate(None, self._stream, "test", tasks=1, seen=1, how=how)

    monkeypatch.setattr(stream_loop, "StreamLoop", Walk)
    outcome = _outcome(tmp_path, "train")
    assert outcome.status == "failed"
    assert outcome.reason.startswith("split test of task 1 was read by a walk, allowed: train or validation")


def test_the_look_at_test_data_has_all_splits(tmp_path, monkeypatch, alone):
    seen = []
    monkeypatch.setattr(
        final_evaluation, "final_evaluation", lambda config, stream, *_: seen.append(stream) or {}
    )
    _outcome(tmp_path, "test")
    assert [list(data.splits) for data in seen[0].tasks] == [list(_SPLITS)] * 2
    assert all(isinstance(data.splits["test"], Split) for data in WHOLE.tasks), "the stream stays as it was"
