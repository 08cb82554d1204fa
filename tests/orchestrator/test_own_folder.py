import os

import pytest

from orchestrator.errors import UserError
from orchestrator.own_folder import check_own


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "tune"
    (place / "inner").mkdir(parents=True)
    (place / "inner" / "searcher.pkl").write_bytes(b"")
    return place


def test_ones_own_folder_is_read_and_none_needs_to_be_there(folder):
    check_own(folder)
    check_own(folder / "none")


def test_what_others_own_or_may_write_is_refused(folder, monkeypatch):
    file = folder / "inner" / "searcher.pkl"
    file.chmod(0o666)
    with pytest.raises(UserError, match=rf"{file}: everyone may write to it \(mode 666\)"):
        check_own(folder)
    file.unlink()
    file.symlink_to("/etc/hostname")
    with pytest.raises(UserError, match="is a link"):
        check_own(folder)
    file.unlink()
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    with pytest.raises(UserError, match=rf"{folder}: belongs to user {me}, not to you \({me + 1}\)"):
        check_own(folder)
