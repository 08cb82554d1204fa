"""What a served model needs again."""

import shutil
from importlib.metadata import version
from pathlib import Path

import mlflow
from own_classes import forget, own_package
from page_files import write_files
from tiny_walks import tiny_config
from walked_run import write_walked

from orchestrator.api import log_model
from orchestrator.config import RunConfig
from orchestrator.serving import made_with
from orchestrator.serving.made_with import own_code, requirements


def test_requirements_are_the_installed_releases_without_a_builds_own_label(monkeypatch):
    found = dict(one.split("==") for one in requirements())
    assert found["numpy"] == version("numpy") and {"torch", "mlflow", "pillow", "tokenizers"} <= found.keys()
    monkeypatch.setattr(made_with, "version", lambda package: "2.9.0+cu130")
    assert set(requirements()) == {f"{name}==2.9.0" for name in (*found, "vlcl-orchestrator")}


def test_a_model_takes_along_the_code_that_lies_in_a_folder_of_ones_own(tmp_path, monkeypatch):
    assert own_code(tiny_config("clip-finetune")) == []
    with own_package(tmp_path, monkeypatch):
        named = {"method.name": "mypkg.mymethod:Mine", "stream.name": "mypkg.mystream:MyStream"}
        config = RunConfig.from_dict(named)
        assert own_code(config) == [str(tmp_path / "mypkg")]
        monkeypatch.setattr(made_with, "code_of", lambda *_: ["/usr/lib/python3/dist-packages/theirs"])
        assert own_code(config) == [], "what pip installed"


def test_a_model_answers_where_the_code_of_ones_own_is_not(tmp_path, monkeypatch, with_tables):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    page = Path(__file__).parents[3] / "docs" / "howto" / "extending.md"
    with own_package(with_tables(tmp_path), monkeypatch):
        assert write_files(page, tmp_path)
        write_walked(tmp_path / "runs", "mypkg.text_shift:TextShift")
        files = log_model("mypkg.text_shift.TextShift").request.parent
        shutil.rmtree(tmp_path / "mypkg")
        forget()
        assert (files / "code" / "mypkg" / "text_shift.py").is_file()
        found = mlflow.pyfunc.load_model(str(files))
        (said,) = found.predict(found.input_example).to_dict("records")
        assert len(said["class"].split()) == 2 and 0 < said["probability"] < 1
