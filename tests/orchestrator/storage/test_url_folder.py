"""Folders at URLs, a local one and one over the S3 protocol."""

import pickle

import pytest

from orchestrator.errors import UserError
from orchestrator.storage.url_folder import Storage


@pytest.fixture(params=["file", "s3"])
def storage(request, tmp_path):
    # A folder of its own: sweeps of other tests are kept in that bucket as well.
    url = f"{request.getfixturevalue('s3')}/own" if request.param == "s3" else f"file://{tmp_path}/kept"
    storage = Storage(url + "/").check()
    yield storage
    storage.delete("")


def test_what_is_put_is_there_and_can_be_had_again(storage, tmp_path):
    here = tmp_path / "here"
    (here / "deep").mkdir(parents=True)
    (here / "one").write_text("1")
    (here / "deep" / "two").write_text("2")
    trial = pickle.loads(pickle.dumps(storage)).below("trials/t1")
    assert list(trial.names()) == []
    for name in ("one", "deep/two"):
        trial.put(here / name, name)
    assert sorted(trial.names()) == ["deep/two", "one"] and list(trial.names("deep")) == ["deep/two"]
    assert sorted(storage.names()) == ["trials/t1/deep/two", "trials/t1/one"]
    assert trial.get("deep/two", tmp_path / "there" / "two") and (tmp_path / "there/two").read_text() == "2"
    (here / "one").write_text("another")
    trial.put(here / "one", "one")
    assert trial.get("one", tmp_path / "one") and (tmp_path / "one").read_text() == "another"
    trial.delete("deep")
    trial.delete("nothing")
    assert list(trial.names()) == ["one"]


def test_what_is_not_there_leaves_nothing(storage, tmp_path):
    assert not storage.get("none", tmp_path / "none")
    assert list(tmp_path.glob("none*")) == []


@pytest.mark.parametrize("url", ["s3://no-such-bucket-here/x", "nothing://x", "file:///proc/here"])
def test_where_nothing_can_be_kept_is_said_at_once(s3, url):
    with pytest.raises(UserError, match=f"--storage {url}: .*; allowed: an fsspec URL"):
        Storage(url).check()
