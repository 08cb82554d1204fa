"""What a study's runs are known by in MLflow alone."""

import json
import shlex

import pytest

from orchestrator import train
from orchestrator.commands.train_start import start_config
from orchestrator.config import RunConfig, parse_set
from orchestrator.study import again

pytestmark = pytest.mark.unit


def _tags(folder, run):
    """The tags with which a run began."""
    records = map(json.loads, (folder / "runs" / run / "tracking.jsonl").read_text().splitlines())
    return next(record["tags"] for record in records if record["op"] == "start" and not record["run"])


@pytest.fixture
def methods():
    """Two methods, of which one has nothing to search."""
    return {"plain": {"name": "clip-finetune"}, "near": {"name": "ncm"}}


def test_searches_and_pairs_say_study_question_methods_and_command(methods, played, tmp_path):
    assert played.begun(methods=methods, question="Which?", pairs=1)[0] == 0
    of = {"study": "s", "study.question": "Which?", "study.first": "plain"}
    search, near = _tags(tmp_path, "s-plain"), _tags(tmp_path, "s-near")
    assert search | of | {"study.method": "plain"} == search and near | of | {"study.method": "near"} == near
    assert search["command"] == "python -m orchestrator.sweep clip-finetune --stream digits --trials 2"
    assert near["points"] == "1" and "searched" not in near, "a search of nothing has one point"
    assert "points" not in search and "method.learning_rate" in search["searched"].split()
    pair = _tags(tmp_path, "s-plain-pair1")
    assert pair | of | {"study.method": "plain"} == pair and not {"points", "searched"} & pair.keys()


def test_a_pair_s_command_gives_its_configuration_to_the_digit(methods, played, tmp_path):
    played.begun(methods=methods, pairs=1, set={"stream.image_size": 48})
    words = shlex.split(_tags(tmp_path, "s-plain-pair1")["command"])
    assert words[:3] == ["python", "-m", "orchestrator.train"]
    asked = train._parser().parse_args(words[3:])
    where = asked.method, asked.space, None, asked.stream, asked.data
    there = RunConfig.load_yaml(tmp_path / "runs" / "s-plain-pair1" / "config.yaml")
    assert start_config(*where, parse_set(asked.set)).flat() == there.flat()
    assert {"stream.image_size=48", "run.seed=1", "stream.order=1"} <= set(asked.set)


def test_without_a_question_or_such_a_command_there_is_no_tag(methods, played, tmp_path, monkeypatch):
    begins = again.start_config
    monkeypatch.setattr(again, "start_config", lambda *how: begins(*how[:-1], {}))  # it cannot be told
    played.begun(methods=methods, pairs=1)
    assert not {"study.question", "command"} & _tags(tmp_path, "s-plain-pair1").keys()
    assert "command" in _tags(tmp_path, "s-plain")
