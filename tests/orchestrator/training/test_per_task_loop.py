"""Walks that choose at each task, of two tiny tasks."""

import copy
import dataclasses
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_walks import numbers, tiny_config, tiny_stream
from two_ranks import on_two_ranks

from orchestrator.errors import UserError
from orchestrator.numerics.diverged import Diverged
from orchestrator.storage import checkpoint
from orchestrator.storage.curve_file import read_curves
from orchestrator.streams.stream import TaskData
from orchestrator.training import best_try, per_task_loop
from orchestrator.training.per_task_loop import PerTaskLoop
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_RATE = "method.learning_rate"
_STRENGTHS = {
    "clip-lwf": ["method.lwf_weight"],
    "clip-ewc": ["method.ewc_weight"],
    "clip-derpp": ["method.derpp_alpha", "method.derpp_beta"],
    "clip-er": [],
    "clap4clip": ["method.lasp_weight"],
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("shelf")


def _config(method="clip-lwf", rates=(1e-3, 1e-1), **changes):
    plan = {"learning_rate": _RATE, "learning_rates": list(rates), "strength": _STRENGTHS[method]}
    return tiny_config(method, **{f"per_task.{key}": value for key, value in plan.items()}, **changes)


def _walked(config, stream, folder, kind=PerTaskLoop):
    reporter = CollectingReporter()
    status = kind(config, stream, folder, reporter, device=_CPU).run()
    tries = folder / "tries.jsonl"
    lines = [json.loads(line) for line in tries.read_text().splitlines()] if tries.exists() else []
    return SimpleNamespace(status=status, reports=reporter.reports, tries=lines, folder=folder)


def _made(walk):
    return [(one["task"], one["learning_rate"], one["strength"]) for one in walk.tries]


def _own(reports):
    return [{k: v for k, v in one.items() if not k.startswith("per_task/")} for one in numbers(reports)]


@pytest.fixture
def scored(monkeypatch):
    """(task from 1, learning rate, strength) -> the score that a training of LwF is said to have, of weight 1
    at the beginning; without it, its own.
    """
    said = {}

    def score(method, stream, task, classes, how):
        wanted = task + 1, method.config.learning_rate, method.config.lwf_weight
        assert classes == stream.tasks[task].task.classes.stop
        return said.get(wanted, 50.0)

    monkeypatch.setattr(per_task_loop, "task_score", score)
    return said


@pytest.mark.parametrize("method", _STRENGTHS)
def test_where_one_value_is_tried_the_numbers_are_those_of_a_plain_walk(method, shelf, tmp_path):
    """What finetuning trains leaves no trace: the walk goes on from what the method's own training left."""
    config = _config(method, rates=[2e-3], **{"per_task.margin": 0.9, _RATE: 5e-4})
    stream = tiny_stream(config, shelf)
    walk = _walked(config, stream, tmp_path / "chosen")
    fixed = dataclasses.replace(config, per_task=None).with_values({_RATE: 2e-3})
    plain = _walked(fixed, stream, tmp_path / "plain", StreamLoop)
    assert _own(walk.reports) == numbers(plain.reports) and plain.tries == []
    assert _made(walk) == [(1, 2e-3, 1.0), (2, 2e-3, 0.0), (2, 2e-3, 1.0)]
    ends = [read_curves(one.folder / "curves.csv") for one in (walk, plain)]
    assert ends[0][1] == ends[1][1]
    for term, values in ends[1][0].items():
        np.testing.assert_array_equal(ends[0][0][term], values)
    saved = [checkpoint.load(one.folder, 1) for one in (walk, plain)]
    for name, value in saved[1].model.items():
        torch.testing.assert_close(saved[0].model[name], value, rtol=0, atol=0)


def test_rate_and_strength_are_chosen_at_each_task_and_recorded(scored, shelf, tmp_path):
    config = _config(**{"per_task.attempts": 3, "method.lwf_weight": 8.0, "stream.tasks": 3})
    stream = tiny_stream(config, shelf)
    scored.update({(1, 1e-3, 8.0): 60.0, (1, 1e-1, 8.0): 90.0, (2, 1e-3, 0.0): 80.0, (2, 1e-1, 0.0): 70.0})
    scored.update({(2, 1e-3, 8.0): 10.0, (2, 1e-3, 4.0): 65.0, (3, 1e-1, 0.0): 55.0, (3, 1e-1, 4.0): 40.0})
    scored.update({(3, 1e-1, 2.0): 43.0, (3, 1e-1, 1.0): 20.0})
    walk = _walked(config, stream, tmp_path)
    assert [[one[f"per_task/{name}"] for name in ("learning_rate", "strength")] for one in walk.reports] == [
        [1e-1, 1.0],
        [1e-3, 0.5],
        [1e-1, 0.125],  # it begins with the strength of the task before, and ends with the last attempt
    ]
    assert [one["per_task/finetuned"] for one in walk.reports] == [90.0, 80.0, 55.0]
    assert [one["per_task/reached"] for one in walk.reports] == [90.0, 65.0, 20.0]
    assert [one["per_task/trainings"] for one in walk.reports] == [2, 4, 5]
    last = walk.tries[-1]
    assert last["values"] == {"method.learning_rate": 0.1, "method.lwf_weight": 1.0} and last["score"] == 20.0
    for report in walk.reports:
        own = [one for one in walk.tries if one["task"] == report["task"]]
        assert report["seconds/train"] == pytest.approx(sum(one["seconds/train"] for one in own))
        assert report["seconds/evaluate"] > sum(one["seconds/evaluate"] for one in own)
        assert report["flops/train"] == sum(one["flops/train"] for one in own)
        assert len({one["flops/train"] for one in own}) > 1 or report["task"] == 1, "finetuning takes fewer"
    assert not (tmp_path / "tries").exists()  # what trainings left of a task under way


def test_finetuning_has_no_strength_and_an_empty_memory(shelf, tmp_path, monkeypatch):
    config = _config("clip-derpp", rates=[1e-3])
    seen = []
    train = StreamLoop._train

    def watched(self, index, method, memory):
        seen.append((method.config.derpp_alpha, method.config.derpp_beta, len(memory.rows)))
        waited = train(self, index, method, memory)
        seen.append(len(memory.rows))
        return waited

    monkeypatch.setattr(StreamLoop, "_train", watched)
    walk = _walked(config, tiny_stream(config, shelf), tmp_path)
    alpha, beta = config.method.derpp_alpha, config.method.derpp_beta
    kept = int(walk.reports[0]["replay/items"])
    assert kept > 0 and [walk.tries[1]["strength"], walk.tries[2]["strength"]] == [0.0, 1.0]
    assert seen == [(alpha, beta, 0), kept, (0.0, 0.0, 0), 0, (alpha, beta, kept), kept]


def test_the_choice_sees_neither_test_data_nor_an_earlier_tasks_validation_data(shelf, tmp_path):
    config = _config()
    stream = tiny_stream(config, shelf)
    blind = copy.copy(stream)
    blind.tasks = [
        TaskData(one.task, {name: split for name, split in one.splits.items() if name != "test"})
        for one in stream.tasks
    ]
    first = blind.tasks[0].splits
    wrong = dataclasses.replace(first["validation"], label=np.roll(first["validation"].label, 1))
    other = copy.copy(blind)
    other.tasks = [TaskData(blind.tasks[0].task, {**first, "validation": wrong}), blind.tasks[1]]
    walk = _walked(config, blind, tmp_path / "a")
    # The first task is finished by then; only its validation data is another one afterwards.
    shutil.copytree(tmp_path / "a" / "checkpoints" / "task_01", tmp_path / "b" / "checkpoints" / "task_01")
    changed = _walked(config, other, tmp_path / "b")
    scores = [[one["score"] for one in lines.tries if one["task"] == 2] for lines in (walk, changed)]
    assert scores[0] == scores[1] and len(scores[0]) == 3
    key = "validation/task_01/accuracy"
    assert walk.reports[1][key] != changed.reports[1][key]  # which is reported, and chooses nothing


class _Killed(BaseException):
    pass


def test_a_walk_that_is_killed_at_any_moment_makes_no_finished_training_again(shelf, tmp_path, monkeypatch):
    config = _config(rates=(1e-3, 1e-1), **{"per_task.margin": 0.0, "per_task.attempts": 2})
    stream = tiny_stream(config, shelf)
    whole = _walked(config, stream, tmp_path / "whole")
    steps = {"left": None, "trained": 0}

    def counted(owner, name, *, training=False):
        call = getattr(owner, name)

        def stopped(*args, **named):
            if steps["left"] == 0:
                raise _Killed
            if steps["left"] is not None:
                steps["left"] -= 1
            found = call(*args, **named)
            steps["trained"] += training
            return found

        monkeypatch.setattr(owner, name, stopped)

    counted(StreamLoop, "_train", training=True)
    counted(best_try.BestTry, "keep")
    counted(per_task_loop.TaskTries, "_write")
    counted(per_task_loop.PerTaskLoop, "_chosen")
    counted(checkpoint, "save")
    counted(PerTaskLoop, "_go_on")
    _walked(config, stream, tmp_path / "counted")
    trainings, moments = steps["trained"], 0
    assert trainings == len(whole.tries)
    while True:
        folder = tmp_path / f"{moments}"
        steps.update(left=moments, trained=0)
        try:
            _walked(config, stream, folder)
            break
        except _Killed:
            made, steps["left"] = steps["trained"], None
        file = folder / "tries.jsonl"
        finished = len(file.read_text().splitlines()) if file.exists() else 0
        walk = _walked(config, stream, folder)
        assert steps["trained"] == made + trainings - finished and made - finished in (0, 1)
        assert _made(walk) == _made(whole) and numbers(walk.reports) == numbers(whole.reports)
        moments += 1
    assert moments > 3 * trainings


def test_the_chosen_training_is_made_again_where_what_it_left_is_gone(shelf, tmp_path, monkeypatch):
    config = _config()
    stream = tiny_stream(config, shelf)
    whole = _walked(config, stream, tmp_path / "whole")
    chosen = PerTaskLoop._chosen

    def gone(self, *args):
        shutil.rmtree(self.folder / "tries")
        self._best._held = None
        return chosen(self, *args)

    monkeypatch.setattr(PerTaskLoop, "_chosen", gone)
    again = _walked(config, stream, tmp_path / "again")
    assert numbers(again.reports) == numbers(whole.reports) and _made(again) == _made(whole)


def test_a_training_that_diverges_has_no_score(shelf, tmp_path, monkeypatch):
    train = StreamLoop._train

    def trained(self, index, method, memory):
        if method.config.learning_rate > 1:
            raise Diverged("loss term ce is nan at step 3")
        return train(self, index, method, memory)

    monkeypatch.setattr(StreamLoop, "_train", trained)
    config = _config(rates=(9.0, 1e-3))
    walk = _walked(config, tiny_stream(config, shelf), tmp_path)
    assert [one["score"] is None for one in walk.tries] == [True, False, True, False, False]
    assert walk.tries[0]["seconds/evaluate"] == 0 and walk.tries[0]["seconds/train"] > 0
    assert "flops/train" not in walk.tries[0] and "flops/train" not in walk.reports[0]
    assert [one["per_task/learning_rate"] for one in walk.reports] == [1e-3, 1e-3]
    with pytest.raises(Diverged, match="^task 1: each training that could be chosen diverged$"):
        _walked(_config(rates=[9.0]), tiny_stream(config, shelf), tmp_path / "none")


def test_the_steps_of_a_training_that_diverges_count(shelf, tmp_path, monkeypatch):
    train = StreamLoop._train

    def trained(self, index, method, memory):
        waited = train(self, index, method, memory)
        if method.config.learning_rate > 1:
            raise Diverged("phase train, task 1: a weight is not finite")
        return waited

    monkeypatch.setattr(StreamLoop, "_train", trained)
    config = _config(rates=(9.0, 1e-3), **{"stream.tasks": 1})
    walk = _walked(config, tiny_stream(config, shelf), tmp_path)
    assert [one["score"] is None for one in walk.tries] == [True, False]
    diverged, chosen = (one["flops/train"] for one in walk.tries)
    assert diverged == chosen > 0 and walk.reports[0]["flops/train"] == 2 * chosen


def test_what_a_training_left_is_the_trials_own_and_each_training_is_kept(shelf, tmp_path, monkeypatch):
    config, kept = _config(rates=[1e-3]), []
    stream = tiny_stream(config, shelf)
    keeper = SimpleNamespace(arrays=lambda *_: None, commit=lambda *_: None, file=kept.append)

    def walk(trial):
        options = {"device": _CPU, "stamp": {"trial": trial}, "keeper": keeper}
        return PerTaskLoop(config, stream, tmp_path, CollectingReporter(), **options).run()

    def killed(*_):
        raise _Killed

    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(PerTaskLoop, "_chosen", killed)
        walk("a")
    with pytest.raises(checkpoint.ForeignCheckpoint, match="is a checkpoint of another trial"):
        walk("b")
    assert walk("a") == "finished" and kept == ["tries.jsonl"] * 3


def test_what_a_killed_walk_was_writing_goes_with_the_task(shelf, tmp_path):
    for task in ("task_01", "task_02"):
        (tmp_path / "tries" / "checkpoints" / f"{task}.7.partial" / "deep").mkdir(parents=True)
    config = _config(rates=[1e-3])
    walk = _walked(config, tiny_stream(config, shelf), tmp_path)
    assert len(walk.reports) == 2 and not (tmp_path / "tries").exists()


@pytest.mark.parametrize("text", ["{}\n", "[1]\n", '{"task": 1'])
def test_tries_that_cannot_be_read_are_one_line(text, shelf, tmp_path):
    (tmp_path / "tries.jsonl").write_text(text)
    config = _config()
    with pytest.raises(UserError, match=r"tries.jsonl: cannot be read \(.*\); allowed: what the trial wrote"):
        PerTaskLoop(config, tiny_stream(config, shelf), tmp_path, CollectingReporter(), device=_CPU)


def _on_a_rank(rank, config, shelf, folders):
    """The walk of one of two ranks, each in a folder of its own as with a storage, cut short and resumed."""
    stream, made = tiny_stream(config, shelf), []
    train, chosen = StreamLoop._train, PerTaskLoop._chosen

    def counted(self, index, *args):
        made.append(index)
        return train(self, index, *args)

    def killed(self, index, *args):
        if index:
            raise _Killed
        return chosen(self, index, *args)

    StreamLoop._train, PerTaskLoop._chosen = counted, killed
    try:
        _walked(config, stream, folders[rank])
    except _Killed:
        PerTaskLoop._chosen = chosen
    first = len(made)
    # Rank 1 finds the checkpoint that rank 0 kept; what the best training left it does not have.
    if rank:
        shutil.copytree(folders[0] / "checkpoints", folders[1] / "checkpoints", dirs_exist_ok=True)
    walk = _walked(config, stream, folders[rank])
    return walk.reports, made[first:]


def test_two_ranks_choose_alike_and_go_on_where_one_has_lost_what_a_training_left(shelf, tmp_path):
    config = _config("clip-er", **{"run.workers": 2})
    tiny_stream(config, shelf)
    found = on_two_ranks(_on_a_rank, config, shelf, [tmp_path / "a", tmp_path / "b"])
    (reports, again), (_, again_there) = found  # rank 0 alone reports
    assert again == again_there == [1]  # the chosen training alone, on both
    assert [one["per_task/trainings"] for one in reports] == [2, 3]
    alone = _walked(_config("clip-er"), tiny_stream(config, shelf), tmp_path / "alone")
    own = [[one[f"per_task/{name}"] for name in ("learning_rate", "reached")] for one in alone.reports]
    assert [[one[f"per_task/{n}"] for n in ("learning_rate", "reached")] for one in reports] == own
