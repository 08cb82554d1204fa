"""``train --continue RUN``: a finished run is taught more tasks. The trials train in this process."""

import hashlib
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from in_process import TINY, runs_here
from PIL import Image

from methods import registry
from orchestrator import api, train
from orchestrator.commands.requested_run import requested_train
from orchestrator.errors import UserError
from orchestrator.schema import strict_yaml
from orchestrator.storage import checkpoint

_TINY = {**TINY, "stream.tasks": 2, "replay.policy": "herding"}
_MORE = {"stream.tasks": 3}
_MOVES = 4  # a seed of which the order of two tasks is not the beginning of that of three


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.fixture
def here(tmp_path, monkeypatch, features):
    """A working folder whose runs train in this process."""
    sessions = runs_here(monkeypatch, tmp_path, features)
    return SimpleNamespace(sessions=sessions, runs=tmp_path / "runs", folder=tmp_path)


def _first(name="first", **more):
    more = {"seeds": [3], **more}
    return api.train("er", stream="shapes-retrieval", name=name, set={**_TINY, **more.pop("set", {})}, **more)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The finished run ``first``, to be copied."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def first(here, kept):
    """A working folder with the finished run ``first``, of two tasks and seed 3."""
    if not (kept / "first").exists():
        _first()
        shutil.copytree(here.runs / "first", kept / "first")
    else:
        shutil.copytree(kept / "first", here.runs / "first")
    here.sessions.trained.clear()
    return here


@pytest.fixture(scope="module")
def wholes():
    """Tasks -> what a run of so many has found that nobody interrupted nor continued, its figures and test
    metrics. It is made once.
    """
    return {}


def _whole(wholes, tasks):
    if tasks not in wholes:
        found = _first("whole", set={"stream.tasks": tasks})
        assert found.status == "finished"
        wholes[tasks] = _figures(found), _test(found)
    return wholes[tasks]


def _figures(result):
    """What a run found, without its seconds and what stands for later tasks."""
    return [
        [{k: v for k, v in report.items() if not k.startswith("seconds/")} for report in trial.reports]
        for trial in result.trials
    ]


def _state(runs, name, trial="seed_3", task=3):
    saved = checkpoint.load(runs / name / "trials" / trial, task - 1)
    return saved.model, saved.memory


def _same(one, other):
    return all(
        one[n].keys() == other[n].keys()
        and all(np.array_equal(np.asarray(one[n][k]), np.asarray(other[n][k])) for k in one[n])
        for n in (0, 1)
    )


def _digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _test(result):
    return {k: v for k, v in result.test.items() if "seconds" not in k}


def test_a_third_task_is_learnt_to_the_digit_as_by_a_run_of_three(first):
    here = first
    before = _digests(here.runs / "first")
    third = api.train(continue_from="first", set=_MORE, name="third")
    assert _digests(here.runs / "first") == before, "the first run is left as it is"
    assert here.sessions.trained == [("third", "seed_3", 3)]
    whole = _first("whole", set=_MORE)
    assert third.status == whole.status == "finished" and len(third.trials[0].reports) == 3
    assert _figures(third) == _figures(whole)
    assert _same(_state(here.runs, "third"), _state(here.runs, "whole"))
    assert _test(third) == _test(whole)
    assert np.array_equal(third.trials[0].test_matrix, whole.trials[0].test_matrix)
    assert third.trials[0].test_matrix.shape == (3, 3)


def test_the_record_says_from_which_run_it_goes_on_and_counts_its_tasks_on(first):
    api.train(continue_from="first", set=_MORE, name="third", test=False)
    journal = [
        json.loads(line) for line in (first.runs / "third" / "tracking.jsonl").read_text().splitlines()
    ]
    identity = json.loads((first.runs / "first" / "identity.json").read_text())
    (tags,) = [line["tags"] for line in journal if line["op"] == "start" and not line["run"]]
    assert (tags["continues"], tags["continues_run"]) == ("first", identity["run"])
    steps = {line["step"] for line in journal if line["op"] == "metrics" and line["run"] == "seed_3"}
    assert steps == {1, 2, 3}
    (note,) = [
        line["tags"]["mlflow.note.content"] for line in journal if line["op"] == "end" and not line["run"]
    ]
    assert "1 finished. Tasks 1 to 2 are first's." in note
    request = strict_yaml.read(first.runs / "third" / "train.yaml")[0]
    trials = {"seed_3": "seed_3"}
    assert request["continues"] == {"name": "first", "run": identity["run"], "tasks": 2, "trials": trials}


def test_a_continued_run_is_continued(first, wholes):
    api.train(continue_from="first", set=_MORE, name="third", test=False)
    fourth = api.train(continue_from="third", set={"stream.tasks": 4}, name="fourth", test=False)
    assert first.sessions.trained == [("third", "seed_3", 3), ("fourth", "seed_3", 4)]
    assert _figures(fourth) == _whole(wholes, 4)[0]


def test_it_is_interrupted_and_resumed_to_the_same_digits_without_the_first_run(first, wholes):
    first.sessions.stop_after = 3
    stopped = api.train(continue_from="first", set={"stream.tasks": 4}, name="more")
    assert stopped.status == "interrupted"
    shutil.rmtree(first.runs / "first")
    first.sessions.stop_after = None
    resumed = api.train(resume="more")
    assert resumed.status == "finished"
    assert first.sessions.trained == [("more", "seed_3", 3), ("more", "seed_3", 4)]
    assert (_figures(resumed), _test(resumed)) == _whole(wholes, 4)


def test_a_copy_of_checkpoints_that_was_cut_short_is_made_good_when_the_run_is_resumed(first, monkeypatch):
    save = checkpoint.save

    def cut(trial, task, *rest, **options):
        if task == 1:
            raise OSError(5, "as after a kill")
        return save(trial, task, *rest, **options)

    monkeypatch.setattr(checkpoint, "save", cut)
    with pytest.raises(OSError, match="as after a kill"):
        api.train(continue_from="first", set=_MORE, name="third")
    monkeypatch.setattr(checkpoint, "save", save)
    assert first.sessions.trained == [] and (first.runs / "third").exists()
    assert api.train(resume="third").status == "finished"
    assert first.sessions.trained == [("third", "seed_3", 3)]


def test_every_seed_goes_on(here):
    _first("two", seeds=[5, 8], test=False)
    here.sessions.trained.clear()
    found = api.train(continue_from="two", set=_MORE, name="more", test=False)
    assert here.sessions.trained == [("more", "seed_5", 3), ("more", "seed_8", 3)]
    first = json.loads((here.runs / "two" / "trials" / "seed_8" / "tasks.jsonl").read_text().splitlines()[1])
    assert found.trials[1].reports[1] == first != found.trials[0].reports[1], "each seed has its own"


def test_the_trained_tasks_stay_in_front_whatever_the_order_was(here):
    kept = list(_first("first", set={"stream.order": _MOVES}, test=False).tasks)
    three = api.preview_train("er", stream="shapes-retrieval", set={**_TINY, **_MORE, "stream.order": _MOVES})
    assert three.index(kept[0]) > three.index(kept[1]), "its order of three tasks is another"
    _first("listed", set={"stream.order": kept}, test=False)
    for name in ("first", "listed"):
        start = requested_train(continue_from=name, given=_MORE)
        tasks = [task.name for task in start.source.tasks]
        assert tasks[:2] == kept and len(tasks) == 3
        assert list(start.config.stream.order) == tasks
    line = _refused(set={**_MORE, "stream.order": [0, 1, 2]})
    assert f"task 1 was {kept[0]!r} and would be " in line and "(stream.order)" in line


def test_at_a_storage_it_goes_on_where_neither_folder_is_left(here, wholes):
    bucket = f"file://{here.folder / 'bucket'}"
    _first("first", storage=bucket)
    shutil.rmtree(here.runs / "first" / "trials" / "seed_3" / "checkpoints", ignore_errors=True)
    here.sessions.stop_after = 3
    api.train(continue_from="first", set={"stream.tasks": 4}, name="more", storage=bucket)
    shutil.rmtree(here.runs)
    here.sessions.stop_after = None
    here.sessions.trained.clear()
    resumed = api.train(resume="more", storage=bucket)
    assert resumed.status == "finished" and here.sessions.trained == [("more", "seed_3", 4)]
    assert (here.runs / "more" / "tasks.json").exists()
    assert (_figures(resumed), _test(resumed)) == _whole(wholes, 4)


def test_the_trained_method_of_the_new_run_is_loaded(first):
    api.train(continue_from="first", set=_MORE, name="third", test=False)
    found = api.load("third", device="cpu")
    picture = np.zeros((32, 32, 3), np.uint8)
    assert found.predict([picture], ["two red cars", "a boat"]).scores.shape == (1, 2)


def test_a_dry_run_says_what_is_new_and_starts_nothing(first, capsys):
    assert train.main(["--continue", "first", "--set", "stream.tasks=3", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "Goes on from first: tasks 1 to 2 are first's.\nRuns: seed 3\n" in said
    assert "Stream shapes-retrieval: 3 tasks of retrieval" in said
    assert sorted(path.name for path in first.runs.iterdir()) == ["first"]


def _refused(**asked):
    with pytest.raises(UserError) as caught:
        api.train(**{"continue_from": "first", "set": _MORE, **asked})
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"continue_from": "none"}, "--continue none: there is no such run in runs; there are ['first']"),
        ({"continue_from": "../first"}, "--continue '../first': allowed are"),
        ({"set": {}}, "the stream has no task beyond its 2 tasks; allowed: more (stream.tasks"),
        ({"set": {"stream.tasks": 1}}, "the stream has no task '"),
        ({"method": "er"}, "leave out method"),
        ({"seeds": [1]}, "leave out seeds"),
        ({"stream": "p9d"}, "leave out stream"),
        ({"set": {**_MORE, "method.epochs": 3}}, "--set method.epochs: the run goes on with its own method"),
        ({"set": {**_MORE, "replay.size": 9}}, "--set replay.size: the run goes on with its own method"),
        ({"set": {**_MORE, "run.seed": 9}}, "--set run.seed: the run goes on with its own method"),
        ({"set": {**_MORE, "stream.seed": 9}}, "the stream has no task '"),
        ({"set": {**_MORE, "stream.train": 16}}, "the data of task 1, '"),
        (
            {"set": {**_MORE, "stream.image_size": 16}},
            "the stream's image_size was 32 and is 16; allowed: 32",
        ),
        ({"data": "."}, "--data .: the stream 'shapes-retrieval' generates its data"),
        ({"resume": "first"}, "leave out continue, set"),
    ],
)
def test_what_cannot_be_continued_is_one_line(first, asked, said):
    line = _refused(**asked)
    assert said in line
    assert sorted(path.name for path in first.runs.iterdir()) == ["first"], "nothing is made"


def test_an_unfinished_run_is_not_continued(here):
    here.sessions.stop_after = 1
    _first()
    assert "the run is not finished (seed_3 is under way)" in _refused()
    here.sessions.stop_after = None
    api.train(resume="first", test=False)
    assert api.train(continue_from="first", set=_MORE, test=False).status == "finished"


def test_a_method_that_was_trained_on_the_whole_stream_is_not_continued(first, monkeypatch):
    once = {name for name in registry.names() if registry.get(name).whole_stream}
    assert once == {"joint-once", "clip-joint-once", "vqa-joint-once"}
    monkeypatch.setattr(registry.get("er"), "whole_stream", True)
    assert "er trains on all tasks at once, those to come as well; allowed: a new run over" in _refused()


def test_a_lost_checkpoint_is_one_line_and_earlier_ones_are_for_test_alone(first):
    folder = first.runs / "first" / "trials" / "seed_3" / "checkpoints"
    shutil.rmtree(folder / "task_01")
    line = _refused()
    assert "task_01: no whole checkpoint is there; allowed: --no-test, since a look at test data" in line
    assert sorted(path.name for path in first.runs.iterdir()) == ["first"], "nothing is left of it"
    assert api.train(continue_from="first", set=_MORE, test=False).status == "finished"
    shutil.rmtree(folder / "task_02")
    line = _refused(test=False)
    assert "task_02: no whole checkpoint is there; allowed: a run that kept its last one" in line


def test_a_finished_run_that_was_freed_of_its_checkpoints_needs_the_first_one_no_more(first):
    api.train(continue_from="first", set=_MORE, name="third", test=False)
    shutil.rmtree(first.runs / "third" / "trials" / "seed_3" / "checkpoints")
    again = api.train(resume="third", test=False)
    assert again.status == "finished" and len(again.trials[0].reports) == 3
    assert not (first.runs / "third" / "trials" / "seed_3" / "checkpoints").exists(), "none is copied again"
    shutil.rmtree(first.runs / "first")
    assert api.train(resume="third", test=False).status == "finished"
    assert first.sessions.trained == [("third", "seed_3", 3)]


def test_a_first_run_that_is_gone_before_its_checkpoints_are_there_is_said(first, monkeypatch):
    start = requested_train(continue_from="first", given=_MORE, name="third", test=False)
    shutil.rmtree(first.runs / "first")
    with pytest.raises(
        UserError, match="first: is gone, and third lacks checkpoints of it; allowed: the run"
    ):
        start.run(lambda text: None)


def test_a_run_of_an_earlier_version_is_continued_by_reading_its_stream_again(first):
    (first.runs / "first" / "tasks.json").unlink()
    assert api.train(continue_from="first", set=_MORE, test=False).status == "finished"
    (first.runs / "first" / "tasks.json").write_text("{}")
    assert "tasks.json: is no record of a stream" in _refused()


def test_another_run_of_the_first_ones_name_is_not_taken_for_it(first, monkeypatch):
    start = requested_train(continue_from="first", given=_MORE, name="third", test=False)
    other = replace(start.request.continues, run="0" * 32)
    with pytest.raises(UserError, match="first: is another run than the one that is continued"):
        replace(start, request=replace(start.request, continues=other)).run(lambda text: None)


_CLASSES = {
    "stream.image_size": 16,
    "stream.initial": 2,
    "stream.increment": 1,
    "stream.order": 1,
    "replay.size": 12,
    "method.epochs": 1,
    "method.batch_size": 4,
    "run.views": 2,
}


def _folders(root, *names):
    for name in names:
        draw = np.random.default_rng(list(name.encode()))
        (root / name).mkdir(parents=True)
        for number in range(6):
            pixels = draw.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")


def _pictures(name, folder, **more):
    asked = {"stream": "image-folder", "data": folder / "data", "seeds": [1], "test": False}
    return api.train("clip-er", name=name, set={**_CLASSES, **more}, **asked)


def test_new_class_folders_are_the_next_task_whatever_they_are_called(here):
    # Fewer than four class texts a BLAS may round otherwise than more of them.
    _folders(here.folder / "data", "cat", "dog", "emu", "hen")
    _pictures("first", here.folder)
    _folders(here.folder / "data", "bee", "fox")
    here.sessions.trained.clear()
    more = api.train(continue_from="first", name="more", test=False)
    assert list(more.tasks) == ["1-2", "3", "4", "5-6"]
    assert here.sessions.trained == [("more", "seed_1", 4)]
    batches = {"stream.batches": [["bee", "fox"]]}
    whole = _pictures("whole", here.folder, **batches)
    assert whole.tasks == more.tasks
    assert _figures(more)[0][-1] == _figures(whole)[0][-1]
    assert _same(_state(here.runs, "more", "seed_1", 4), _state(here.runs, "whole", "seed_1", 4))
    _folders(here.folder / "data", "ant", "gnu", "owl")
    split = {"stream.batches": [["bee", "fox"], ["owl", "ant"], ["gnu"]]}
    start = requested_train(continue_from="more", given=split)
    assert [task.name for task in start.source.tasks] == ["1-2", "3", "4", "5-6", "7-8", "9"]
    assert start.source.categories[4:] == ["bee", "fox", "owl", "ant", "gnu"]
    start = requested_train(continue_from="more")
    assert [task.name for task in start.source.tasks] == ["1-2", "3", "4", "5-6", "7-9"]


def test_a_picture_of_a_trained_class_that_changed_is_noticed(here):
    _folders(here.folder / "data", "cat", "dog", "emu")
    _pictures("first", here.folder)
    _folders(here.folder / "data", "bee")
    shutil.copytree(here.folder / "data", here.folder / "elsewhere")
    assert requested_train(continue_from="first", data=here.folder / "elsewhere").config.stream.batches == (
        ("bee",),
    )
    place = here.folder / "data" / "dog" / "3.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(place)
    line = _refused(set={})
    assert "'1-2', is not as the run read it" in line or "'3', is not as the run read it" in line
    place.unlink()
    assert "is not as the run read it" in _refused(set={})
    (here.folder / "data" / "dog").rename(here.folder / "data" / "wolf")
    line = _refused(set={})
    assert "the classes, categories or objects had 'dog', which is not there now; allowed: all that" in line
    shutil.rmtree(here.folder / "data" / "wolf")
    assert _refused(set={}) == line
