"""With ``run.fresh`` each task begins with a new model."""

import shutil

import pytest
import torch
from tiny_walks import numbers, tiny_config, tiny_stream

from methods.retrieval.baselines import Finetune
from orchestrator.storage import checkpoint
from orchestrator.training import stream_loop
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

pytestmark = pytest.mark.unit


def test_each_task_begins_with_the_model_as_it_was_made_also_after_a_restart(tmp_path, monkeypatch):
    begun = []

    class Written(Finetune):
        def start_task(self, task):
            super().start_task(task)
            begun.append({name: value.clone() for name, value in self.state_dict().items()})

    monkeypatch.setattr(stream_loop, "get_method", lambda name: Written)
    stream = tiny_stream(tiny_config("finetune"), tmp_path / "features")

    def walk(fresh, folder):
        begun.clear()
        config, reporter = tiny_config("finetune", **{"run.fresh": fresh}), CollectingReporter()
        loop = StreamLoop(config, stream, tmp_path / folder, reporter, device=torch.device("cpu"))
        assert loop.run() == "finished"
        return list(begun), numbers(reporter.reports)

    first, reports = walk(True, "fresh")
    assert len(first) == 2 and _same(*first)
    assert not _same(*walk(False, "carried")[0])
    ended = checkpoint.load(tmp_path / "fresh", 1).model
    shutil.rmtree(checkpoint.folder_of(tmp_path / "fresh", 1))
    again, gone_on = walk(True, "fresh")
    assert len(again) == 1 and _same(again[0], first[0]) and gone_on == reports
    assert _same(checkpoint.load(tmp_path / "fresh", 1).model, ended)


def _same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
