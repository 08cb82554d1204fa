"""Matrices and importance in MLflow's image grid, in a real store."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_IMAGES
from PIL import Image

from orchestrator.tracking import Tracker
from orchestrator.tracking.view import view_state


@pytest.fixture
def sent(tmp_path, with_tables, monkeypatch):
    """Colours of the pictures -> what the store has of a sweep whose pictures were drawn in each of them."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    runs = with_tables(tmp_path) / "runs"

    def send(*colours):
        for colour in colours:
            tracker = Tracker(runs / "s", None, "e", "s")
            tracker.start({}, {"method": "ctp"})
            tracker.trial_start("aa", {"run.seed": 1})
            for trial, name, subfolder in (
                ("aa", "trials/aa/matrix.png", None),
                ("aa", "trials/aa/test/matrix.png", "test"),
                ("aa", "trials/aa/curves.png", None),
                (None, "importance/importance.png", "importance"),
            ):
                (file := runs / "s" / name).parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGBA", (600, 300), colour).save(file)
                tracker.artifact(trial, file, subfolder)
            assert tracker.close().message == ""
        client = MlflowClient(f"sqlite:///{runs}/mlflow.db")
        experiment = client.get_experiment_by_name("e").experiment_id
        return client, {run.data.tags.get("trial", ""): run for run in client.search_runs([experiment])}

    return send


def _read(path):
    """What MLflow's page reads from a picture's name: key, step, time, what tells it from others, and whether
    it is the thumbnail."""
    key, step, number, timestamp, time, name, *small = Path(path).stem.split("+")
    assert (step, timestamp) == ("step", "timestamp")
    return key.replace("~", "/"), int(number), int(time), name, small == ["compressed"]


def _grid(client, run):
    return {file.path: _read(file.path) for file in client.list_artifacts(run.info.run_id, "images")}


def test_matrices_and_importance_lie_where_the_page_looks_for_pictures(sent):
    client, runs = sent("red")
    for trial, keys in (("aa", ["test matrix", "validation matrix"]), ("", ["importance"])):
        assert runs[trial].data.tags[MLFLOW_LOGGED_IMAGES] == "True"
        read = _grid(client, runs[trial])
        assert sorted({key for key, *_ in read.values()}) == [f"pictures/{key}" for key in keys]
        names = [name for _, _, _, name, _ in read.values()]
        assert all(names.count(name) == 2 for name in names), "each picture and its thumbnail"
        for path, (_, step, _, _, small) in read.items():
            with Image.open(client.download_artifacts(runs[trial].info.run_id, path)) as image:
                assert step == 0 and (image.format, image.size) == (
                    ("WEBP", (256, 128)) if small else ("PNG", (600, 300))
                )


def test_a_picture_that_is_drawn_again_takes_the_place_of_the_first(sent):
    client, runs = sent("red", "blue")
    for trial, count in (("aa", 4), ("", 2)):
        read = _grid(client, runs[trial])
        assert len(read) == count
        for path in read:
            with Image.open(client.download_artifacts(runs[trial].info.run_id, path)) as image:
                red, _, blue = image.convert("RGB").getpixel((9, 9))
            assert (red < 9, blue > 240) == (True, True)


def test_the_charts_of_a_page_ask_for_pictures_that_are_logged(sent):
    client, runs = sent("red")
    logged = {key for key, *_ in _grid(client, runs["aa"]).values()}
    for kind, split in (("sweep", "validation"), ("train", "test")):
        state = json.loads(json.loads(view_state("s", "run", [], "score", "max", 1, kind=kind))["state"])
        (chart,) = [chart for chart in state["compareRunCharts"] if chart["type"] == "IMAGE"]
        assert chart["imageKeys"] == [f"pictures/{split} matrix"] and logged.issuperset(chart["imageKeys"])
