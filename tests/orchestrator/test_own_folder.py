import os

import pytest

from orchestrator.errors import UserError
from orchestrator.own_folder import check_own


def test_what_others_own_or_may_write_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    check_own(folder)
    folder.chmod(0o777)
    with pytest.raises(UserError, match=rf"{folder}: everyone may write to it \(mode 777\).*chmod o-w"):
        check_own(folder)
    folder.chmod(0o755)
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    with pytest.raises(UserError, match=rf"{folder}: belongs to user {me}, not to you \({me + 1}\)"):
        check_own(folder)
