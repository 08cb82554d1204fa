"""What a run was asked for, as its file says it: the format in which runs of any commit are gone on with."""

import hashlib
import json
from dataclasses import replace

import pytest

from orchestrator.commands.sweep_request import SweepRequest
from orchestrator.commands.train_request import TrainRequest
from orchestrator.errors import UserError
from orchestrator.record.continues import Continues

_SWEEP = """\
method: ctp
stream: p9d
data: /data/p9d
values:
  stream.tasks: 2
  method.backbone.size: small
trials: 3
concurrent: null
storage: s3://bucket/prefix
margin: 0.5
test: false
"""
_ASKED = """\
method: ctp
stream: p9d
data: /data/p9d
values:
  stream.tasks: 2
  method.backbone.size: small
trials: 3
"""
_TRAIN = """\
seeds:
- 3
- 5
concurrent: 2
storage: null
"""

_CONTINUES = """\
continues:
  name: two
  run: ab12
  tasks: 2
  trials:
    seed_3: trial_0001
"""


def _digest(**asked):
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_sweeps_request_is_read_and_written_as_it_stands_in_its_file(tmp_path):
    (tmp_path / "sweep.yaml").write_text(_SWEEP)
    request = SweepRequest.read(tmp_path / "sweep.yaml")
    values = {"stream.tasks": 2, "method.backbone.size": "small"}
    asked = "ctp", "p9d", "/data/p9d", values, 3, None, "s3://bucket/prefix", 0.5
    assert request == SweepRequest(*asked, test=False) and SweepRequest(*asked).test
    assert request.text() == _SWEEP


def test_who_searches_is_kept_where_it_was_said_and_another_search(tmp_path):
    plain = SweepRequest.read(_kept(tmp_path, _SWEEP))
    said = SweepRequest.read(_kept(tmp_path, _SWEEP + "sampler: gp\nscheduler: none\n"))
    assert (said.sampler, said.scheduler) == ("gp", "none")
    assert said.text() == _SWEEP + "sampler: gp\nscheduler: none\n"
    assert plain.digest("space") == replace(plain, concurrent=9).digest("space")
    changed = [replace(plain, **one) for one in ({"sampler": "gp"}, {"scheduler": "none"})]
    assert len({one.digest("space") for one in (plain, said, *changed)}) == 4


def _kept(folder, text):
    (folder / "sweep.yaml").write_text(text)
    return folder / "sweep.yaml"


@pytest.mark.parametrize("line", ["", "margin: null\n"])
def test_a_request_of_before_chooses_as_it_did(line, tmp_path):
    (tmp_path / "sweep.yaml").write_text(_SWEEP.replace("margin: 0.5\n", line))
    assert SweepRequest.read(tmp_path / "sweep.yaml").margin == 0.0


@pytest.mark.parametrize("line", ["", "test: null\n", "test: true\n"])
def test_a_request_that_does_not_say_otherwise_is_tested(line, tmp_path):
    (tmp_path / "sweep.yaml").write_text(_SWEEP.replace("test: false\n", line))
    assert SweepRequest.read(tmp_path / "sweep.yaml").test is True


def test_a_sweep_is_the_same_wherever_it_is_kept_however_many_run_at_once_and_whichever_is_chosen(tmp_path):
    (tmp_path / "sweep.yaml").write_text(_SWEEP)
    request = SweepRequest.read(tmp_path / "sweep.yaml")
    expected = _digest(kind="sweep", request=_ASKED, space="space")
    assert request.digest("space") == expected
    assert replace(request, storage=None, concurrent=4, margin=2.0, test=True).digest("space") == expected
    for other in ({"method": "er"}, {"stream": None}, {"data": None}, {"values": {}}, {"trials": 4}):
        assert replace(request, **other).digest("space") != expected


def test_a_train_request_is_read_and_written_as_it_stands_in_its_file(tmp_path):
    (tmp_path / "train.yaml").write_text(_TRAIN)
    request = TrainRequest.read(tmp_path / "train.yaml")
    assert request == TrainRequest((3, 5), 2, None) and request.text() == _TRAIN
    expected = _digest(kind="train", config="config", seeds=[3, 5])
    assert request.digest("config") == expected
    assert replace(request, storage="s3://b", concurrent=None).digest("config") == expected
    assert replace(request, seeds=(3,)).digest("config") != expected


def test_a_run_that_goes_on_from_another_says_so_in_its_file_and_is_another_run(tmp_path):
    (tmp_path / "train.yaml").write_text(_TRAIN + _CONTINUES)
    request = TrainRequest.read(tmp_path / "train.yaml")
    assert request.continues == Continues("two", "ab12", 2, {"seed_3": "trial_0001"})
    assert request.text() == _TRAIN + _CONTINUES and replace(request, continues=None).text() == _TRAIN
    asked = {"name": "two", "run": "ab12", "tasks": 2, "trials": {"seed_3": "trial_0001"}}
    assert request.digest("c") == _digest(kind="train", config="c", seeds=[3, 5], continues=asked)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tasks: 2", "tasks: 0"),
        ("name: two", "name: ../two"),
        ("seed_3: trial_0001", "seed_3: ../x"),
        ("run: ab12", "run: 3"),
    ],
)
def test_what_a_run_goes_on_from_that_is_none_is_one_line(tmp_path, old, new):
    (tmp_path / "train.yaml").write_text(_TRAIN + _CONTINUES.replace(old, new))
    with pytest.raises(UserError, match=r"train\.yaml: continues .*allowed"):
        TrainRequest.read(tmp_path / "train.yaml")


@pytest.mark.parametrize("seeds", ["[]", "[-1]", "[true]", "[1.5]", "[a]", "null"])
def test_seeds_that_are_none_are_one_line(tmp_path, seeds):
    (tmp_path / "train.yaml").write_text(f"seeds: {seeds}\nconcurrent:\nstorage:\n")
    with pytest.raises(UserError, match=r"train\.yaml: seeds .*: allowed are whole numbers from 0"):
        TrainRequest.read(tmp_path / "train.yaml")


@pytest.mark.parametrize(("old", "new"), [("trials: 3", "trials: many"), ("stream: p9d\n", "")])
def test_a_file_that_is_no_request_is_one_line(tmp_path, old, new):
    (tmp_path / "sweep.yaml").write_text(_SWEEP.replace(old, new))
    with pytest.raises(UserError, match=r"sweep\.yaml: .*allowed"):
        SweepRequest.read(tmp_path / "sweep.yaml")
