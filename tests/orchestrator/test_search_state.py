import json
import pickle

import pytest

from orchestrator import search_state

FILES = {
    "tuner.pkl": pickle.dumps("tuner"),
    "experiment_state-2026.json": json.dumps({"trials": [1, 2, 3]}).encode(),
    "search_gen_state-2026.json": pickle.dumps({"finished": False}),  # so named by Tune
    "searcher-state-2026.pkl": pickle.dumps({"study": list(range(50))}),
}


@pytest.fixture
def tune(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    search_state.keep(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [name for name in FILES if name != "tuner.pkl"])
def test_a_state_cut_short_is_replaced_by_the_copy(tune, name):
    newer = FILES["experiment_state-2026.json"] + b" "
    (tune / "experiment_state-2026.json").write_bytes(newer)
    (tune / name).write_bytes(FILES[name][:-3])
    assert search_state.repair(tune)
    assert {path.name: path.read_bytes() for path in tune.iterdir() if path.is_file()} == FILES


def test_a_whole_state_stays_as_it_is(tune):
    (tune / "experiment_state-2026.json").write_bytes(b"{}")
    assert not search_state.repair(tune)
    assert (tune / "experiment_state-2026.json").read_bytes() == b"{}"


def test_without_a_copy_no_trial_can_have_begun_and_the_search_begins_anew(tmp_path):
    (tmp_path / "tune").mkdir()
    (tmp_path / "tune/experiment_state-2026.json").write_bytes(b"{")
    assert search_state.repair(tmp_path / "tune")
    assert not (tmp_path / "tune").exists()


def test_a_copy_is_replaced_as_a_whole(tune):
    (tune / "kept.partial").mkdir()  # left by a driver that died while copying
    (tune / "experiment_state-2026.json").write_bytes(b"{}")
    search_state.keep(tune)
    assert (tune / "kept" / "experiment_state-2026.json").read_bytes() == b"{}"
    assert sorted(path.name for path in tune.iterdir() if path.is_dir()) == ["kept"]
