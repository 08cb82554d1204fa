"""The Python door. Sweeps are played in this process, what is loaded was walked in it. No Ray is started."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lane_here import draw_nothing
from PIL import Image
from tiny_walks import tiny_config, tiny_stream

from orchestrator import api, sweep, train
from orchestrator.commands import sweep_run, train_run
from orchestrator.errors import UserError
from orchestrator.evaluation.answer_index import AnswerIndex
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.evaluation.objective import Objective
from orchestrator.evaluation.protocol import HEADLINE
from orchestrator.evaluation.tables import read_matrix, write_matrix
from orchestrator.execution.job import Outcome
from orchestrator.record import open_tracker
from orchestrator.record.trial_store import TrialStore
from orchestrator.storage.identity import Identity
from orchestrator.storage.run_files import IDENTITY_FILE
from orchestrator.storage.run_storage import RunStorage
from orchestrator.storage.url_folder import Storage
from orchestrator.streams import registry
from orchestrator.streams.identity import stream_identity
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.source import SplitSource, StreamSource, TaskSource
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.tracking.sender import Sender
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_MATRIX = np.array([[70.0, 5.0], [60.0, 40.0]])


def _report(task, score):
    scores = {f"validation/task_0{k + 1}/accuracy": score - 10 * k for k in range(task)}
    return {"task": task, "validation/average": score, **scores}


@pytest.fixture
def played(tmp_path, monkeypatch):
    """Sweeps and runs of ``clip-finetune`` over two tasks without Ray: trial n of a sweep scores 10 n, the
    third is stopped after its first task. ``raises``: with what a session does not start.
    """
    found = SimpleNamespace(raises=None)

    class Session:
        def __init__(self, *_, **__):
            pass

        def __enter__(self):
            if found.raises is not None:
                raise found.raises
            return self

        def __exit__(self, *_):
            pass

        def run(self, jobs, on_start, on_report, on_end, go):
            for job in jobs:
                on_start(job)
                seed = job.values["run.seed"]
                for task in (1, 2):
                    on_report(job, _report(task, 10.0 * seed))
                test = on_end(job, Outcome("finished"))
                on_end(test, Outcome("finished", metrics=_look(test.folder, test.stamp, 7.0 + seed)))

    def search(run, space, session, recorder, trials, spending=None):
        for number in range(len(recorder.store.trials), trials):
            name, values = f"trial_{number + 1:04d}", {"method.learning_rate": 1e-3 * (number + 1)}
            recorder.propose(name, values, number)
            recorder.start(name, values, number)
            for task in (1, 2)[: 1 if number == 2 else 2]:
                recorder.task(name, _report(task, 10.0 * (number + 1)))
            recorder.end(name, "stopped" if number == 2 else "finished")
        return "finished"

    def look(run, space, session, recorder, best):
        return _look(recorder.store.trial_folder(best.id), run.identity.stamp(best.id, best.values), 7.0)

    monkeypatch.setattr(sweep_run, "search", search)
    monkeypatch.setattr(sweep_run, "_look_at_test", look)
    for module in (sweep_run, train_run):
        monkeypatch.setattr(module, "Session", Session)
        monkeypatch.setattr(module, "fit_tokenizer", lambda *_: None)
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    draw_nothing(monkeypatch)
    monkeypatch.setattr(open_tracker, "environment_tags", dict)
    monkeypatch.setattr(registry.get("digits"), "load", lambda config, skip_bad: _source())
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "VLCL_STORAGE"):
        monkeypatch.delenv(name, raising=False)
    return found


def _look(trial, stamp, average):
    """What a look at test leaves of a trial, and finds."""
    found = {"test/average": average}
    (trial / "test").mkdir()
    write_matrix(trial / "test" / "matrix.csv", _MATRIX, ["t0", "t1"])
    (trial / "test" / "metrics.json").write_text(json.dumps({"stamp": stamp, **found}))
    return found


def _source():
    def split():
        pictures = ArrayPictures(np.zeros((3, 2, 2, 3), np.uint8))
        return SplitSource(pictures, [], np.zeros(3, np.int32), list("abc"))

    tasks = [
        TaskSource(f"t{k}", {name: split() for name in ("train", "validation", "test")}, range(k, k + 1))
        for k in range(2)
    ]
    return StreamSource("digits", "recognition", 2, list("ab"), tasks, "none", "same", templates=("{}",))


def _sweep(**more):
    return api.sweep("clip-finetune", **{"stream": "digits", "name": "x", "trials": 3, **more})


def test_a_sweep_returns_its_trials_the_best_one_and_its_look_at_test(played, tmp_path, capfd):
    result = _sweep(set={"method": {"epochs": 2}, "run.seed": 3})
    assert capfd.readouterr() == ("", ""), "nothing is printed"
    assert (result.name, result.status, result.reason, result.exit_status) == ("x", "finished", "", 0)
    assert result.folder == tmp_path / "runs" / "x" and result.tasks == ("t0", "t1")
    assert result.objective == Objective("validation/average", "max", 1.0)
    assert [(t.number, t.id, t.status, t.score) for t in result.trials] == [
        (1, "trial_0001", "finished", 10.0),
        (2, "trial_0002", "finished", 20.0),
        (3, "trial_0003", "stopped", 30.0),
    ]
    best = result.best
    assert best is result.trials[1] and best.values == {"method.learning_rate": 2e-3}
    assert result.test == best.test == {"test/average": 7.0}
    assert best.test_matrix.tolist() == _MATRIX.tolist() and result.trials[0].test_matrix is None
    assert np.array_equal(best.matrix, [[20.0, np.nan], [20.0, 10.0]], equal_nan=True)
    assert result.trials[2].matrix.shape == (1, 2) and result.trials[0].test == {}
    # The files say the same.
    lines = (best.folder / "tasks.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == list(best.reports)
    config = (best.folder / "config.yaml").read_text()
    assert "epochs: 2\n" in config and "seed: 3\n" in config and "learning_rate: 0.002\n" in config


def test_what_is_said_is_said_to_who_asks_alone(played, capfd):
    lines, texts = [], []
    _sweep(say=lines.append, last=texts.append)
    assert capfd.readouterr() == ("", "")
    assert lines[0] == "reading the stream digits"
    assert any(line.startswith("trial 2/3 task 2/2 t1: validation/average 20.0") for line in lines)
    assert len(texts) == 1 and texts[0].startswith("Trials (validation; best first)\n")
    assert "Best configuration: trial 2" in texts[0]


_ASKED = ["clip-finetune", "--stream", "digits", "--name"]


def test_a_quiet_command_prints_what_it_ends_with(played, capfd):
    assert sweep.main([*_ASKED, "x", "--trials", "3"]) == 0
    progress, _, last = capfd.readouterr().out.partition("\n\n")
    assert progress.startswith("[") and "trial 2/3 task 2/2" in progress
    assert sweep.main([*_ASKED, "y", "--trials", "3", "--quiet"]) == 0
    out, errors = capfd.readouterr()
    assert out.replace("runs/y", "runs/x").splitlines()[:4] == last.splitlines()[:4] and errors == ""
    assert out.startswith("Trials (validation; best first)\n")
    assert train.main([*_ASKED, "z", "--quiet"]) == 0
    assert "[" not in capfd.readouterr().out.splitlines()[0]


def test_a_command_says_its_result_to_programs(played, tmp_path, capfd):
    assert sweep.main([*_ASKED, "x", "--trials", "3", "--json"]) == 0
    out, progress = capfd.readouterr()
    found = json.loads(out)
    assert "trial 2/3 task 2/2" in progress and out.count("\n") == 1
    assert (found["best"], found["status"], found["test"]) == (
        "trial_0002",
        "finished",
        {"test/average": 7.0},
    )
    assert [trial["status"] for trial in found["trials"]] == ["finished", "finished", "stopped"]
    assert Path(found["folder"]) == tmp_path / "runs" / "x"
    assert sweep.main(["--resume", "x", "--json", "--quiet"]) == 0
    out, errors = capfd.readouterr()
    assert json.loads(out) == found and errors == ""
    assert train.main([*_ASKED, "y", "--seeds", "3", "5", "--json", "--quiet"]) == 0
    out, errors = capfd.readouterr()
    assert json.loads(out)["test"]["test/average"] == 11.0 and errors == ""


def test_a_command_that_was_interrupted_says_so_to_programs(played, capfd):
    played.raises = KeyboardInterrupt()
    assert sweep.main([*_ASKED, "x", "--json"]) == 130
    found = json.loads(capfd.readouterr().out)
    assert (found["status"], found["exit_status"], found["best"]) == ("interrupted", 130, None)


@pytest.mark.parametrize("command", [sweep, train])
def test_what_starts_nothing_has_no_result_to_say(played, command):
    with pytest.raises(UserError, match="^--json beside --dry-run: it starts nothing and has no result;"):
        command.main([*_ASKED, "x", "--dry-run", "--json"])


def test_a_sweep_is_given_more_trials_by_its_name(played):
    assert len(_sweep(trials=2).trials) == 2
    result = api.sweep(resume="x", trials=4)
    assert [trial.score for trial in result.trials] == [10.0, 20.0, 30.0, 40.0]
    assert result.best.id == "trial_0004" and result.status == "finished"


def test_a_run_over_seeds_returns_the_mean_and_the_spread_of_its_looks_at_test(played, tmp_path, capfd):
    result = api.train("clip-finetune", stream="digits", name="x", seeds=(3, 5))
    assert capfd.readouterr() == ("", "")
    assert [(t.id, t.values, t.score) for t in result.trials] == [
        ("seed_3", {"run.seed": 3}, 30.0),
        ("seed_5", {"run.seed": 5}, 50.0),
    ]
    assert result.test == {"test/average": 11.0, "test_deviation/average": pytest.approx(2**0.5)}
    assert [t.test["test/average"] for t in result.trials] == [10.0, 12.0]
    assert result.best.id == "seed_5" and (result.status, result.exit_status) == ("finished", 0)
    again = api.train(config=result.best.folder / "config.yaml", name="y")
    assert [t.id for t in again.trials] == ["seed_5"] and again.test == {"test/average": 12.0}


def test_an_interruption_is_the_results_to_say(played):
    played.raises = KeyboardInterrupt()
    result = _sweep()
    assert (result.status, result.exit_status, result.best, result.test) == ("interrupted", 130, None, {})
    played.raises = None
    assert api.sweep(resume="x").status == "finished"


def test_what_a_run_writes_others_may_not_change_whatever_the_umask(played):
    before = os.umask(0o002)
    try:
        folder = _sweep().folder
        assert os.umask(0o002) == 0o002, "the caller's own stays"
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o022 == 0 == (folder / "sweep.yaml").stat().st_mode & 0o022


@pytest.mark.parametrize("preview", [api.preview_sweep, api.preview_train])
def test_nor_what_a_preview_brings_from_a_storage(preview, monkeypatch):
    seen = []

    def look(*_, **__):
        seen.append(os.umask(0o022))
        os.umask(seen[-1])
        space = SimpleNamespace(searched=())
        return SimpleNamespace(preview=lambda: "", config=None, space=space)

    monkeypatch.setattr(api, preview.__name__.replace("preview", "requested"), look)
    before = os.umask(0o002)
    try:
        preview(resume="x")
    finally:
        os.umask(before)
    assert seen == [0o022]


def test_a_preview_is_text_and_starts_nothing(played, tmp_path, capfd):
    text = api.preview_sweep("clip-finetune", stream="digits", trials=3)
    assert text.startswith("Search: 3 trials for max validation/average")
    assert api.preview_train("clip-finetune", stream="digits", seeds=[4, 5]).startswith("Runs: seed 4, 5\n")
    assert capfd.readouterr() == ("", "") and not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: api.sweep(), "no method"),
        (lambda: api.sweep("cpt"), "did you mean ctp"),
        (lambda: _sweep(trials=0), "--trials 0: allowed are whole numbers from 1"),
        (lambda: _sweep(trials="3"), "--trials '3': allowed are whole numbers from 1"),
        (lambda: _sweep(trials=True), "--trials True: allowed are whole numbers from 1"),
        (lambda: _sweep(margin="x"), "--margin 'x': allowed are numbers from 0, in points of the objective"),
        (lambda: _sweep(margin=True), "--margin True: allowed are numbers from 0"),
        (lambda: _sweep(margin=float("nan")), "--margin nan: allowed are numbers from 0"),
        (lambda: _sweep(margin=float("inf")), "--margin inf: allowed are numbers from 0"),
        (lambda: _sweep(margin=10**400), "--margin 10{59}: allowed are numbers from 0"),
        (lambda: _sweep(margin=[1]), r"--margin \[1\]: allowed are numbers from 0"),
        (lambda: _sweep(name=3), "--name 3: allowed: a plain name"),
        (lambda: _sweep(stream=""), "--stream '': allowed: a stream's name, or module:Class"),
        (lambda: _sweep(storage=True), "--storage True: allowed: a URL or a folder, as text"),
        (lambda: _sweep(space="mine.txt"), "--space mine.txt: allowed is a file that ends in .yaml or .yml"),
        (lambda: _sweep(space=3), "--space 3: allowed: the file of a search space"),
        (lambda: _sweep(data=[1]), r"--data \[1\]: allowed: a folder"),
        (lambda: _sweep(say="print"), "say 'print': allowed: a function of a text"),
        (lambda: _sweep(set={"a.b": {}}), "set: a.b is an empty mapping; allowed: a value, or keys below it"),
        (lambda: _sweep(set={"method": {"x": {}}}), "set: method.x is an empty mapping; allowed"),
        (lambda: api.sweep(3), "method 3: allowed: a method's name, or module:Class"),
        (lambda: api.sweep(recipe=["ctp/p9d"]), r"--recipe \['ctp/p9d'\]: allowed: a recipe's name"),
        (lambda: api.sweep(resume=""), "--resume '': allowed: a run's name"),
        (lambda: api.train(config=3), "--config 3: allowed: the file of a configuration"),
        (lambda: api.train("clip-finetune", test="no"), "test 'no': allowed: True or False"),
        (lambda: api.train("clip-finetune", test=None), "test None: allowed: True or False"),
        (lambda: api.train("clip-finetune", seeds="3"), "--seeds '3': allowed are different whole numbers"),
        (lambda: api.train("clip-finetune", seeds=[True]), "--seeds True: allowed are different whole num"),
        (lambda: api.train("clip-finetune", seeds=[2**32]), "--seeds 4294967296: .* from 0 to 4294967295, i"),
        (lambda: api.train("clip-finetune", seeds=[[1]]), r"--seeds \[1\]: allowed are different whole"),
        (lambda: api.load(3), "run 3: allowed: a run's name, or its folder"),
        (lambda: api.load(None), "run None: allowed: a run's name, or its folder"),
        (lambda: api.load("x", trial=3), "trial 3: allowed: a trial's id"),
        (lambda: api.load("x", device=True), "device True: allowed: cpu, or cuda"),
        (lambda: _sweep(concurrent=1.5), "--concurrent 1.5: allowed are whole numbers from 1"),
        (lambda: _sweep(set={"method.learningrate": 1}), "method.learningrate"),
        (lambda: _sweep(set={"method.epochs": np.zeros(2)}), "set: method.epochs is ndarray"),
        (lambda: _sweep(set=["method.epochs=2"]), "allowed: a mapping of dotted keys to values"),
        (lambda: _sweep(storage="s3:bucket"), "--storage s3:bucket: is no URL"),
        (lambda: api.sweep("ctp", resume="x"), "--resume x: .*leave out method"),
        (lambda: api.sweep(resume="x", set={"run.seed": 1}), "--resume x: .*leave out set"),
        (lambda: api.sweep(resume="nothing"), "--resume nothing: there is no runs/nothing/sweep.yaml"),
        (lambda: api.preview_sweep("ctp", seeds=[1]), "seeds: not known here"),
        (lambda: api.train(), "a method, the file of a config, a recipe"),
        (lambda: api.train("ctp", config="c.yaml"), "one of them"),
        (lambda: api.train(config="c.yaml"), "c.yaml: cannot be read"),
        (lambda: api.train("clip-finetune", stream="digits", seeds=[1, 1]), "--seeds 1 1: allowed are"),
        (
            lambda: api.train("clip-finetune", stream="digits", seeds=[]),
            r"--seeds \[\]: allowed are different",
        ),
        (lambda: api.train("ctp", seeds=[1], set={"run": {"seed": 2}}), "--seeds 1: a seed is given as well"),
        (lambda: api.train(resume="x", seeds=[1]), "--resume x: .*leave out seeds"),
        (lambda: api.load("nothing"), "nothing: there is no such run"),
        (
            lambda: api.train("ctp", seeds=5),
            "--seeds 5: allowed are different whole numbers from 0 to 4294967295, in a list",
        ),
        (
            lambda: api.sweep("ctp", stream="p9d", set={"stream.name": "shapes-retrieval"}),
            "--stream p9d: --set stream.name=shapes-retrieval is given as well",
        ),
        (
            lambda: api.train("ctp", stream="p9d", data="a", set={"stream": {"data": "b"}}),
            "--data a: --set stream.data=b is given as well",
        ),
        (lambda: api.load("x", device="tpu9"), "device tpu9: .*allowed: cpu, or cuda"),
        (
            lambda: api.load("x", device="meta"),
            "device meta: nothing is computed there; allowed: cpu, or cuda",
        ),
    ],
)
def test_a_wrong_argument_is_one_line(played, tmp_path, call, words, capfd):
    with pytest.raises(UserError, match=words) as raised:
        call()
    assert "\n" not in str(raised.value) and capfd.readouterr() == ("", "")
    assert not (tmp_path / "runs" / "x").exists()


def test_numpys_numbers_are_numbers(played):
    more = {"trials": np.int64(2), "concurrent": np.int32(1), "set": {"method.epochs": np.int64(2)}}
    text = api.preview_sweep("clip-finetune", stream="digits", margin=np.float32(1), **more)
    assert text.startswith("Search: 2 trials for max") and "    epochs: 2\n" in text
    assert "  1 trial at once, " in text
    runs = api.train("clip-finetune", stream="digits", name="y", seeds=[np.int64(4)]).trials
    assert [trial.id for trial in runs] == ["seed_4"]


_MORE = {
    "finetune": {"stream.test": 12, "method.epochs": 2},
    "clip-finetune": {"stream.test": 2},
    "vqa-finetune": {"stream.test": 3, "method.epochs": 40},
}


def _finished(method, runs):
    """A run of one seed that has walked its tiny stream, and its look at test: its folder."""
    config = tiny_config(method, **_MORE[method])
    source = registry.get(config.stream_name).load(config.stream, False)
    folder = runs / method
    folder.mkdir(parents=True)
    identity = Identity.new(method, stream_identity(source))
    (folder / IDENTITY_FILE).write_text(identity.text())
    (folder / "train.yaml").write_text("seeds: [0]\nconcurrent:\nstorage:\n")
    stream = tiny_stream(config, runs / "features")
    fit_tokenizer(source, config.stream, folder / "tokenizer")
    texts = {path.name: path.read_bytes() for path in (folder / "tokenizer").glob("*")}
    store = TrialStore(
        folder / "trials",
        Objective(f"validation/{HEADLINE[source.scenario]}", "max"),
        len(source.tasks),
        identity.stamp,
    )
    entry = store.propose("seed_0", {"run.seed": 0}, config.to_dict())
    place, stamp = store.trial_folder("seed_0"), identity.stamp("seed_0", entry.values)
    how = {"device": _CPU, "stamp": stamp, "tokenizer": texts}
    StreamLoop(config, stream, place, CollectingReporter(), **how).run()
    final_evaluation(config, stream, place, _CPU, stamp, texts)
    store.refresh(entry)
    store.end("seed_0", "finished")
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run of each scenario: their folder."""
    folder = tmp_path_factory.mktemp("loaded") / "runs"
    for method in _MORE:
        _finished(method, folder)
    return folder


def _tests(predictor, runs):
    """Of each task the figure of the test matrix's last row, and its test split."""
    config = predictor.config
    source = registry.get(config.stream_name).load(config.stream, False)
    matrix = read_matrix(runs / config.method_name / "trials" / "seed_0" / "test" / "matrix.csv")[0]
    for figure, task in zip(matrix[-1], source.tasks, strict=True):
        split = task.splits["test"]
        yield figure, split, list(split.pictures.read(np.arange(len(split.label)))), source


def test_of_pictures_the_classes_are_those_of_the_look_at_test(runs, monkeypatch):
    monkeypatch.chdir(runs.parent)
    predictor = api.load("clip-finetune", device="cpu")
    figures = []
    for figure, split, pictures, source in _tests(predictor, runs):
        found = predictor.predict(pictures)
        assert found.classes == tuple(source.categories) == predictor.classes
        assert found.probabilities.sum(1) == pytest.approx(1)
        right = [label == source.categories[k] for label, k in zip(found.labels, split.label, strict=True)]
        assert 100 * np.mean(right) == pytest.approx(figure)
        figures.append(figure)
    assert max(figures) > 0, "a figure that says something"
    with pytest.raises(UserError, match="recognition reads none"):
        predictor.predict(pictures, ["a cat"])
    for wrong in (5, {"a": pictures[0]}, (p for p in pictures)):
        with pytest.raises(UserError, match="^pictures: .*; allowed: a list of them$"):
            predictor.predict(wrong)


def test_of_texts_and_pictures_the_scores_give_the_recall_of_the_look_at_test(runs):
    predictor = api.load(runs / "finetune", "seed_0", device="cpu")
    figures = []
    for figure, split, pictures, _ in _tests(predictor, runs):
        found = predictor.predict(pictures, split.captions)
        assert found.scores.shape == (12, 12)
        places = [np.argmax(order == np.arange(12)[:, None], 1) for order in (found.texts, found.pictures)]
        recall = [100 * np.mean(place < k) for place in places for k in (1, 5, 10)]
        assert np.mean(recall) == pytest.approx(figure)
        figures.append(figure)
    assert max(figures) < 100
    # Texts need no pictures of their own, nor as many.
    few = predictor.predict(pictures[:2], split.captions[:5])
    assert few.scores == pytest.approx(found.scores[:2, :5], abs=1e-6)
    assert predictor.predict([], split.captions).scores.shape == (0, 12)


def test_of_pictures_and_questions_the_answers_are_worth_what_the_look_at_test_says(runs):
    predictor = api.load(runs / "vqa-finetune", device="cpu")
    figures = []
    for figure, split, pictures, source in _tests(predictor, runs):
        found = predictor.predict(pictures, split.captions)
        asked = split.questions
        worth = AnswerIndex(source.tables).scores(found.answers, asked.kind, asked.answer, asked.score)
        assert 100 * worth.mean() == pytest.approx(figure) and len(found.scores) == len(pictures)
        figures.append(figure)
    assert max(figures) > 0, "a figure that says something"
    with pytest.raises(UserError, match=r"1 questions to 2 pictures; allowed: one to each"):
        predictor.predict(pictures[:2], split.captions[:1])
    with pytest.raises(UserError, match="^texts: '5'; allowed: a list of questions$"):
        predictor.predict(pictures[:2], 5)


def test_pictures_of_any_kind_and_size_are_read_as_the_streams_own(runs, tmp_path):
    predictor = api.load(runs / "clip-finetune", device="cpu")
    _, _, (picture, *_), _ = next(_tests(predictor, runs))
    image = Image.fromarray(picture)
    image.save(tmp_path / "a.png")
    large = image.resize((picture.shape[1] * 2, picture.shape[0] * 2), Image.Resampling.NEAREST)
    kinds = [picture, image, tmp_path / "a.png", str(tmp_path / "a.png"), (tmp_path / "a.png").read_bytes()]
    same = predictor.predict(kinds).probabilities
    assert np.ptp(same, axis=0).max() < 1e-6
    other = predictor.predict([large, np.asarray(large)]).probabilities
    assert np.ptp(other, axis=0).max() < 1e-6 and np.abs(other[0] - same[0]).max() < 0.5
    (tmp_path / "b.png").write_text("no picture")
    for wrong, words in (
        ("a.png", "is one; allowed: a list of them"),
        ([tmp_path / "c.png"], r"c\.png: cannot be read"),
        ([tmp_path / "b.png"], r"b\.png: cannot be decoded .*allowed: a file's path"),
        ([np.zeros((2, 2))], r"picture 0: cannot be decoded \(it is an array of float64 \(2, 2\)\)"),
    ):
        with pytest.raises(UserError, match=words):
            predictor.predict(wrong)


def test_loading_leaves_the_callers_random_numbers_as_they_were(runs):
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.rand(), torch.rand(1)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    api.load(runs / "finetune", device="cpu")
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected


def test_loading_needs_no_ray():
    # open_clip, which takes seconds and knows nothing of the project, is stood in for.
    heavy = [f"open_clip{part}" for part in ("", ".convert", ".model", ".transform")]
    code = (
        "import sys, unittest.mock; sys.modules['ray'] = None; "
        f"sys.modules |= dict.fromkeys({heavy}, unittest.mock.MagicMock()); "
        "import orchestrator.commands.load_trial, orchestrator.features.bank"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=170)


def test_a_trial_that_cannot_be_loaded_is_one_line(runs, tmp_path):
    folder = tmp_path / "finetune"
    shutil.copytree(runs / "finetune", folder)
    with pytest.raises(UserError, match="has no trial 'seed_1'; allowed: seed_0"):
        api.load(folder, "seed_1")
    status = folder / "trials" / "seed_0" / "status.json"
    ended = status.read_text()
    status.unlink()
    with pytest.raises(UserError, match="seed_0 is under way, 2 of 2 tasks done; allowed: a trial that"):
        api.load(folder, "seed_0")
    with pytest.raises(UserError, match="has no trial that walked the whole stream"):
        api.load(folder)
    status.write_text(ended)
    shutil.rmtree(folder / "trials" / "seed_0" / "checkpoints")
    with pytest.raises(UserError, match="task_02: no whole checkpoint is there"):
        api.load(folder)
    identity = json.loads((folder / IDENTITY_FILE).read_text())
    (folder / IDENTITY_FILE).write_text(json.dumps({**identity, "stream": "other"}))
    with pytest.raises(UserError, match="is of another content of the stream shapes-retrieval"):
        api.load(folder)


def test_a_trial_whose_checkpoints_only_the_storage_has_is_loaded_from_there(runs, tmp_path):
    folder = tmp_path / "runs" / "finetune"
    shutil.copytree(runs / "finetune", folder)
    kept = RunStorage(Storage(f"file://{tmp_path}/kept").below("finetune"), folder)
    checkpoints = folder / "trials" / "seed_0" / "checkpoints"
    for file in sorted(path for path in checkpoints.rglob("*") if path.is_file()):
        kept.trial("seed_0").put(file, file.relative_to(checkpoints.parent).as_posix())
    shutil.rmtree(checkpoints)
    (folder / "train.yaml").write_text(f"seeds: [0]\nconcurrent:\nstorage: file://{tmp_path}/kept\n")
    here, there = (api.load(place, device="cpu") for place in (runs / "finetune", folder))
    _, split, pictures, _ = next(_tests(here, runs))
    expected = here.predict(pictures, split.captions).scores
    assert there.predict(pictures, split.captions).scores.tolist() == expected.tolist()
