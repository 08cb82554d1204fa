from pathlib import Path

import pytest

from orchestrator.commands.storage_of import whole_url
from orchestrator.errors import UserError
from orchestrator.storage.user_path import user_path


def test_a_path_is_read_as_a_shell_reads_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("data")
    assert user_path("~/d") == tmp_path / "home" / "d"
    assert user_path("link") == user_path(Path("data")) == tmp_path / "data"
    assert user_path("link", follow=False) == tmp_path / "link"
    assert whole_url("~/d") == f"file://{tmp_path}/home/d" and whole_url("link") == f"file://{tmp_path}/link"


def test_a_path_that_leads_nowhere_is_one_line(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for text in ("~nosuchuser/x", str(tmp_path / "loop")):
        with pytest.raises(
            UserError, match=rf"^{text}: is no path here \(.*\); allowed: a file or a folder$"
        ):
            user_path(text)
    with pytest.raises(UserError):
        whole_url("file://~nosuchuser/x")
