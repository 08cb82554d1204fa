"""Finished trials as models that MLflow serves, in all three scenarios. MLflow's own command asks them, in
this process; a slow test starts it as one of its own.
"""

import base64
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, ErrorCode
from PIL import Image
from walked_run import TINY, write_walked

from orchestrator import api
from orchestrator.errors import UserError
from orchestrator.evaluation.answer_index import AnswerIndex
from orchestrator.evaluation.tables import read_matrix
from orchestrator.serving import model_store
from orchestrator.serving.model_files import ModelFiles
from orchestrator.streams import registry
from orchestrator.tracking.__main__ import main


@pytest.fixture(scope="module")
def logged(tmp_path_factory, with_tables):
    """A folder with finished runs of each scenario in ``runs``, and the model of each by its method. No data
    set is read for them: of the retrieval's test pictures there are files, which are its gallery.
    """
    folder = with_tables(tmp_path_factory.mktemp("served"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for method in TINY:
            write_walked(folder / "runs", method)
        (folder / "shop" / "new").mkdir(parents=True)
        (folder / "shop" / "a note.txt").write_text("no picture")
        for number, picture in enumerate(_tested(folder, "finetune")[0]):
            Image.fromarray(picture).save(folder / "shop" / "new" / f"{number:02}.png")
        patch.chdir(folder)
        for name in ("shapes-retrieval", "shapes-recognition", "shapes-vqa"):
            patch.setattr(registry.get(name), "load", lambda *_: pytest.fail("the data set was read"))
        found = {method: api.log_model(method) for method in TINY if method != "finetune"}
        found["finetune"] = api.log_model("finetune", "seed_0", gallery="shop")
    return folder, found


@pytest.fixture
def here(logged, monkeypatch):
    """The working folder is that of the runs, and MLflow's own commands find their record."""
    monkeypatch.chdir(logged[0])
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return logged[0]


def _source(folder, method):
    from orchestrator.config import RunConfig

    config = RunConfig.load_yaml(folder / "runs" / method / "trials" / "seed_0" / "config.yaml")
    return registry.get(config.stream_name).load(config.stream, False)


def _tested(folder, method):
    """All test pictures of a run's stream, and their texts."""
    splits = [task.splits["test"] for task in _source(folder, method).tasks]
    pictures = [split.pictures.read(np.arange(len(split.label))) for split in splits]
    return np.concatenate(pictures), [text for split in splits for text in split.captions]


def _base64(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _asked(model, columns, rows, monkeypatch, tmp_path, **params):
    """What the command that was printed with a model answers to another request, row by row."""
    from mlflow.cli import cli

    request = {"dataframe_split": {"columns": columns, "data": rows}, "params": params}
    (tmp_path / "request.json").write_text(json.dumps(request))
    store, tool, *words = shlex.split(model.command)
    assert tool == "mlflow" and words[:2] == ["models", "predict"] and words[-2] == "--input-path"
    name, _, address = store.partition("=")
    monkeypatch.setenv(name, address)
    words[-1:] = [str(tmp_path / "request.json"), "--output-path", str(tmp_path / "answers.json")]
    cli(words, standalone_mode=False)
    return json.loads((tmp_path / "answers.json").read_text())["predictions"]


def _last_row(folder, method):
    return read_matrix(folder / "runs" / method / "trials" / "seed_0" / "test" / "matrix.csv")[0][-1]


def test_a_picture_in_a_class_out_with_the_figures_of_the_look_at_test(logged, here, monkeypatch, tmp_path):
    source, figures = _source(here, "clip-finetune"), _last_row(here, "clip-finetune")
    for figure, task in zip(figures, source.tasks, strict=True):
        split = task.splits["test"]
        rows = [[_base64(picture)] for picture in split.pictures.read(np.arange(len(split.label)))]
        said = _asked(logged[1]["clip-finetune"], ["picture"], rows, monkeypatch, tmp_path)
        wanted = [source.categories[k] for k in split.label]
        right = [one["class"] == name for one, name in zip(said, wanted, strict=True)]
        assert 100 * np.mean(right) == pytest.approx(figure)
        assert all(1 / len(source.categories) <= one["probability"] <= 1 for one in said)
    assert max(figures) > 0, "a figure that says something"


def test_a_text_in_pictures_out_with_the_recall_of_the_look_at_test(logged, here, monkeypatch, tmp_path):
    pictures, texts = _tested(here, "finetune")
    rows, model = [[text] for text in texts], logged[1]["finetune"]
    said = _asked(model, ["text"], rows, monkeypatch, tmp_path)
    metrics = json.loads((here / "runs/finetune/trials/seed_0/test/metrics.json").read_text())
    wanted = [f"new/{number:02}.png" for number in range(len(texts))]
    assert json.loads((model.request.parent / "data" / "trial" / "gallery.json").read_text()) == wanted
    for most in (1, 5, 10):
        found = [name in one["pictures"][:most] for one, name in zip(said, wanted, strict=True)]
        assert 100 * np.mean(found) == pytest.approx(metrics[f"test/seen/img_r{most}"])
    assert 0 < metrics["test/seen/img_r10"] < 100
    assert all(one["scores"] == sorted(one["scores"], reverse=True) for one in said)
    assert {(len(one["pictures"]), len(one["scores"])) for one in said} == {(10, 10)}
    # Pictures that come with the request are searched in the gallery's place.
    brought = [_base64(picture) for picture in pictures]
    given = {"pictures": ["\n".join(brought[:1]), *brought[1:]], "top": 3}
    again = _asked(model, ["text"], rows[:4], monkeypatch, tmp_path, **given)
    assert [one["pictures"] for one in again] == [
        [str(wanted.index(name)) for name in one["pictures"][:3]] for one in said[:4]
    ]


def test_a_picture_and_a_question_in_an_answer_out_worth_what_the_look_at_test_says(
    logged, here, monkeypatch, tmp_path
):
    source, figures = _source(here, "vqa-finetune"), _last_row(here, "vqa-finetune")
    predictor = api.load("vqa-finetune")
    for figure, task in zip(figures, source.tasks, strict=True):
        split = task.splits["test"]
        pictures = split.pictures.read(np.arange(len(split.label)))
        rows = [[_base64(one), text] for one, text in zip(pictures, split.captions, strict=True)]
        model = logged[1]["vqa-finetune"]
        said = _asked(model, ["picture", "question"], rows, monkeypatch, tmp_path)
        q, answers = split.questions, [one["answer"] for one in said]
        worth = AnswerIndex(source.tables).scores(answers, q.kind, q.answer, q.score)
        assert 100 * worth.mean() == pytest.approx(figure)
        # By how sure it was: so small a method may give one answer to all questions about a picture.
        loaded = predictor.predict(list(pictures), split.captions)
        assert answers == loaded.answers
        assert [one["score"] for one in said] == pytest.approx(loaded.scores.tolist(), abs=1e-5)
    assert max(figures) > 0, "a figure that says something"


def test_an_equal_model_is_logged_once_and_registered_once(logged, here, capsys):
    model = logged[1]["clip-finetune"]
    assert model.new and model.version is None and model.uri == f"models:/{model.id}"
    assert main(["model", "runs/clip-finetune", "--register", "things"]) == 0
    said = capsys.readouterr().out
    assert f"clip-finetune, seed_0: was logged before as models:/{model.id} (" in said
    assert "it is version 1 of things in the registry" in said and "--model-uri models:/things/1 " in said
    again = api.log_model("clip-finetune", register="things")
    assert (again.id, again.new, again.version, again.bytes) == (model.id, False, 1, model.bytes)
    other = api.log_model("finetune", register="things")
    assert other.id != logged[1]["finetune"].id, "this one has no gallery"
    assert (other.new, other.version, other.uri) == (True, 2, "models:/things/2")


def test_the_trials_page_has_the_model_and_the_models_page_its_figures_and_code(logged, here):
    model = logged[1]["vqa-finetune"]
    client = MlflowClient(model.store)
    found = client.get_logged_model(model.id)
    run = client.get_run(found.source_run_id)
    assert run.data.tags["trial"] == "seed_0" and run.info.status == "FINISHED"
    assert [one.model_id for one in run.outputs.model_outputs] == [model.id]
    tested = json.loads((here / "runs/vqa-finetune/trials/seed_0/test/metrics.json").read_text())
    figures = {metric.key: metric.value for metric in found.metrics}
    assert figures["test/average"] == pytest.approx(tested["test/average"])
    assert not [name for name in figures if name.startswith("walk/")]
    assert found.tags["version.vlcl-orchestrator"] and found.tags["method"] == "vqa-finetune"
    files = here / "runs" / "artifacts" / "models" / model.id / "artifacts"
    needs = (files / "requirements.txt").read_text().split()
    assert all("==" in one and "+" not in one for one in needs)
    assert [one for one in needs if one.startswith("torch==")]
    assert not list(files.rglob("*.pkl")), "no file of a model runs code"
    # MLflow adds a file of its own once the model was loaded by a registered name.
    own = [path for path in files.rglob("*") if path.is_file() and path.name != "registered_model_meta"]
    assert model.bytes == sum(path.stat().st_size for path in own)


def test_a_moved_runs_folder_serves_its_models_from_where_it_lies(logged, tmp_path, monkeypatch):
    shutil.copytree(
        logged[0] / "runs", tmp_path / "there" / "runs", ignore=shutil.ignore_patterns("features")
    )
    monkeypatch.chdir(tmp_path / "there")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    moved, first = api.log_model("vqa-finetune", register="asked"), logged[1]["vqa-finetune"]
    assert (moved.id, moved.new) == (first.id, False)
    assert moved.request.is_relative_to(tmp_path / "there")
    client = MlflowClient(moved.store)
    place = client.get_model_version_download_uri("asked", "1")
    shutil.move(tmp_path / "there", tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = api.log_model("vqa-finetune", register="asked")
    assert (again.id, again.version) == (first.id, 1)
    then = MlflowClient(again.store).get_model_version_download_uri("asked", "1")
    assert "/there/" in place and then == place.replace("/there/", "/elsewhere/")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"run": "nothing"}, "nothing: there is no such run; allowed: "),
        ({"run": "finetune", "trial": "seed_7"}, "has no trial 'seed_7'; allowed: seed_0"),
        ({"run": "finetune", "gallery": "no"}, "--gallery no: there is no such folder; allowed: one with"),
        (
            {"run": "finetune", "gallery": "runs/finetune"},
            "has no picture; allowed: a folder with files .jpg",
        ),
        ({"run": "finetune", "gallery": "bad"}, r"bad/a\.png: cannot be decoded \(not a picture of a known"),
        ({"run": "finetune", "gallery": 3}, "--gallery 3: allowed: a folder with pictures"),
        ({"run": "vqa-finetune", "gallery": "shop"}, "a method of vqa searches none; allowed: no gallery"),
        ({"run": "finetune", "register": "a/b"}, "--register a/b: allowed: a name without / : "),
        ({"run": "finetune", "register": " "}, "--register  : allowed: a name without"),
    ],
)
def test_what_cannot_be_logged_is_one_line(logged, here, asked, words):
    (here / "bad").mkdir(exist_ok=True)
    (here / "bad" / "a.png").write_text("none")
    models = len(os.listdir(here / "runs" / "artifacts" / "models"))
    with pytest.raises(UserError, match=words) as raised:
        api.log_model(**asked)
    assert "\n" not in str(raised.value)
    assert len(os.listdir(here / "runs" / "artifacts" / "models")) == models


def test_a_model_that_was_not_stored_whole_is_none(logged, here, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MlflowClient, "log_model_artifacts", full)
    monkeypatch.setattr(model_store, "requirements", lambda: ["torch==1.0"])  # so that it is another model
    with pytest.raises(UserError, match=r"^MLflow at sqlite:.*No space left on device$"):
        api.log_model("vqa-finetune")
    monkeypatch.undo()
    client = MlflowClient(logged[1]["vqa-finetune"].store)
    experiment = client.get_logged_model(logged[1]["vqa-finetune"].id).experiment_id
    kept = client.search_logged_models([experiment])
    assert [one.model_id for one in kept] == [logged[1]["vqa-finetune"].id]


def test_a_trial_without_an_entry_in_mlflow_is_refused(logged, tmp_path, monkeypatch, with_tables):
    with_tables(tmp_path)
    shutil.copytree(logged[0] / "runs" / "vqa-finetune", tmp_path / "runs" / "vqa-finetune")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "vqa-finetune" / "tracking.jsonl").unlink()
    with pytest.raises(UserError, match="no record of a sweep"):
        api.log_model("vqa-finetune")


def test_a_frozen_encoder_with_other_weights_is_refused(logged, tmp_path):
    model = logged[1]["clip-finetune"]
    files = logged[0] / "runs" / "artifacts" / "models" / model.id / "artifacts"
    shutil.copytree(files, tmp_path / "model")
    assert len(ModelFiles.read(files / "data" / "trial").encoder) == 64
    head = tmp_path / "model" / "data" / "trial" / "served.json"
    told = json.loads(head.read_text())
    head.write_text(json.dumps({**told, "encoder": "0" * 64}))
    with pytest.raises(UserError, match="the frozen encoder's weights here are not those"):
        mlflow.pyfunc.load_model(str(tmp_path / "model"))
    head.write_text(json.dumps({**told, "format": 2}))
    with pytest.raises(UserError, match=r"format 2, allowed: 1, which this version reads"):
        mlflow.pyfunc.load_model(str(tmp_path / "model"))
    head.unlink()
    with pytest.raises(UserError, match="is no model of a trial"):
        mlflow.pyfunc.load_model(str(tmp_path / "model"))


def test_a_request_that_cannot_be_answered_is_refused_in_one_line(logged, here, monkeypatch, tmp_path):
    picture = _base64(np.zeros((8, 8, 3), np.uint8))
    searched, asked = logged[1]["finetune"], logged[1]["vqa-finetune"]
    both, long = ["picture", "question"], "what " * 60
    nothing = base64.b64encode(b"nothing").decode()
    for model, columns, rows, params, words in (
        (
            asked,
            both,
            [[picture, "what?"], [nothing, "what?"]],
            {},
            "picture 1: cannot be decoded .not a pict",
        ),
        (
            asked,
            both,
            [["", "what?"]],
            {},
            "picture 0: has no bytes; allowed: the bytes of a file, in JSON as",
        ),
        (asked, both, [[picture, long]], {}, r"question 0: has \d+ tokens; allowed: at most 38, or the para"),
        (
            asked,
            ["image", "question"],
            [[picture, "a"]],
            {},
            r"missing inputs \['picture'\]. Note that there",
        ),
        (searched, ["text"], [[long]], {}, r"text 0: has \d+ tokens; allowed: at most 14, or the parameter"),
        (searched, ["text"], [["a"]], {"pictures": ["*"]}, r"pictures 0: '\*' is not base64; allowed: a pic"),
        (searched, ["text"], [["a"]], {"pictures": [nothing]}, "picture 0: cannot be decoded"),
        (searched, ["text"], [["a"]], {"top": 0}, "top 0: allowed: whole numbers from 1"),
    ):
        with pytest.raises(MlflowException, match=words) as raised:
            _asked(model, columns, rows, monkeypatch, tmp_path, **params)
        assert raised.value.error_code == ErrorCode.Name(INVALID_PARAMETER_VALUE)
        assert "missing" in words or "\n" not in str(raised.value)
    (said,) = _asked(asked, both, [[picture, long]], monkeypatch, tmp_path, cut=True)
    (cut,) = _asked(asked, both, [[picture, "what " * 37 + "what"]], monkeypatch, tmp_path)
    assert said == cut


@pytest.mark.slow
def test_the_pages_commands_serve_a_trial_as_they_are_typed(logged, tmp_path):
    """Not the first, which trains, and not those of a server."""
    page = (Path(__file__).parents[3] / "docs" / "howto" / "serve.md").read_text(encoding="utf-8")
    blocks = [text for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", page, re.S | re.M) if not kind]
    assert (
        blocks[0].startswith("python -m orchestrator.train clip-finetune ") and "--name shapes" in blocks[0]
    )
    shutil.copytree(logged[0] / "runs", tmp_path / "runs", ignore=shutil.ignore_patterns("features"))
    (tmp_path / "runs" / "clip-finetune").rename(tmp_path / "runs" / "shapes")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "picture.png")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    given = {**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[3])}
    given.pop("MLFLOW_TRACKING_URI", None)
    run = {"cwd": tmp_path, "env": given, "capture_output": True, "text": True, "timeout": 170}
    said = []
    for block in blocks[1:4]:
        done = subprocess.run(["bash", "-e", "-c", block], **run)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert "shapes, seed_0: was logged before as models:/" in said[0] and "version 1 of shapes" in said[0]
    (found,) = json.loads(said[2].splitlines()[-1])["predictions"]
    assert found["class"] in _source(logged[0], "clip-finetune").categories and 0 < found["probability"] < 1
    assert "mlflow models serve" in blocks[4] and blocks[5].startswith("curl ")
