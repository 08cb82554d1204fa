"""Runs on frozen towers as a user types them: a real Ray, the shipped image-text model, rows encoded once."""

import json

import pytest

_STREAM = ["stream.tasks=2", "stream.train=240", "stream.validation=8", "stream.test=8"]
_STREAM += ["stream.query=6", "stream.gallery=6"]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory, with_tables, typed):
    folder = with_tables(tmp_path_factory.mktemp("towers"))
    command = ["orchestrator.train", "itr-cca", "--name", "cca"]
    return folder, typed(folder, *command, "--set", *_STREAM, "method.projection_width=200")


def _tested(folder, name):
    return json.loads((folder / f"runs/{name}/trials/seed_0/test/metrics.json").read_text())


def test_rows_lie_in_the_place_of_pictures_and_pairs_are_learnt(learnt):
    folder, done = learnt
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert "encoding: 536 of 536 pictures (100 %)" in done.stdout
    assert "pictures are not read again" in done.stdout
    tested = _tested(folder, "cca")
    # By chance it is 33: 1, 5 and 10 of 16 candidates.
    assert tested["test/seen/r_mean"] > 85 and tested["test/seen/map1"] > 0


def test_a_later_run_on_the_same_towers_encodes_nothing(learnt, typed):
    folder, _ = learnt
    done = typed(folder, "orchestrator.train", "itr-zero-shot", "--name", "z", "--set", *_STREAM)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "encoding" not in done.stdout
    tested = _tested(folder, "z")
    assert 0 < tested["test/seen/r_mean"] < _tested(folder, "cca")["test/seen/r_mean"]
    assert tested["test/forgetting"] == 0
