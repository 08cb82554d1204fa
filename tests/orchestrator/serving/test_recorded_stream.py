"""The stream that a method is sized by, from what a run wrote down of it."""

import pytest
import torch
from tiny_walks import tiny_config

from orchestrator.errors import UserError
from orchestrator.serving import recorded_stream as room
from orchestrator.serving.recorded_stream import recorded_stream
from orchestrator.storage.run_files import TASKS_FILE
from orchestrator.streams import registry
from orchestrator.streams.prepare import input_spec
from orchestrator.streams.stream_record import StreamRecord
from orchestrator.streams.text.tokenizer import Tokenizer


def _read(config):
    return registry.get(config.stream_name).load(config.stream, False)


@pytest.mark.parametrize(
    ("method", "changes"),
    [("finetune", {}), ("clip-finetune", {}), ("vqa-finetune", {"stream.pictures": "regions"})],
)
def test_a_method_is_sized_by_the_record_as_by_the_data(method, changes, tmp_path):
    config = tiny_config(method, **changes)
    source = _read(config)
    (tmp_path / TASKS_FILE).write_text(StreamRecord.of(source).text())
    found = recorded_stream(config, None, tmp_path)
    for name in ("name", "scenario", "image_size", "augment", "templates", "crop", "words"):
        assert getattr(found, name) == getattr(source, name), name
    assert list(found.categories) == list(source.categories)
    assert [task.name for task in found.tasks] == [task.name for task in source.tasks]
    if source.scenario == "recognition":
        return
    texts = Tokenizer.words(16)
    here, there = vars(input_spec(found, texts)), vars(input_spec(source, texts))
    for name, value in there.items():
        same = torch.equal(here[name], value) if isinstance(value, torch.Tensor) else here[name] == value
        assert same, name


def test_a_record_that_lacks_something_is_one_line(tmp_path):
    config = tiny_config("finetune")
    record = StreamRecord.of(_read(config))
    (tmp_path / TASKS_FILE).write_text(record.text().replace('"crop"', '"crops"'))
    with pytest.raises(UserError, match=r"^tasks\.json: is no record of a stream \(KeyError\('crop'\)\)"):
        recorded_stream(config, None, tmp_path)


def test_of_a_run_that_wrote_nothing_down_the_data_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "run_stream", lambda *asked: asked)
    assert recorded_stream("config", "identity", tmp_path) == ("config", "identity", tmp_path)
