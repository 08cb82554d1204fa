"""The owner of a run's folder, and who may write to what it holds."""

import grp
import os
import pwd
from types import SimpleNamespace

import pytest
from other_user import ATTACKER, needs_root

from orchestrator.errors import UserError
from orchestrator.storage.own_folder import check_own

_FILES = (
    "identity.json",
    "sweep.yaml",
    "tracking.jsonl",
    "trials/trial_0001/trial.json",
    "trials/trial_0001/checkpoints/task_01/state.json",
)


@pytest.fixture
def folder(tmp_path):
    for name in _FILES:
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for place in (tmp_path / "run", *(tmp_path / "run").rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)
    return tmp_path / "run"


def _group(monkeypatch, gid, name, members=()):
    """The user, whose only group this is, and the group."""
    me = SimpleNamespace(pw_name="me", pw_gid=gid)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: me)
    monkeypatch.setattr(grp, "getgrgid", lambda found: SimpleNamespace(gr_name=name, gr_mem=list(members)))


def test_what_others_own_or_everyone_may_write_is_refused(folder, monkeypatch):
    check_own(folder)
    folder.chmod(0o777)
    with pytest.raises(UserError, match=rf"^{folder}: everyone .*\(mode 777\).*chmod -R go-w {folder}\)$"):
        check_own(folder)
    folder.chmod(0o755)
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    with pytest.raises(UserError, match=rf"{folder}: belongs to user {me}, not to you \({me + 1}\)"):
        check_own(folder)


@pytest.mark.parametrize(
    ("name", "members", "refused"),
    [("students", [], True), ("me", ["other"], True), ("me", [], False), ("me", ["me"], False)],
)
def test_a_group_is_the_user_only_where_it_has_no_other_member(folder, monkeypatch, name, members, refused):
    folder.chmod(0o775)
    _group(monkeypatch, folder.stat().st_gid, name, members)
    if not refused:
        check_own(folder)
        return
    with pytest.raises(UserError, match=rf"{folder}: group {name} may write to it \(mode 775\)"):
        check_own(folder)


def test_a_group_that_is_not_the_users_first_is_others_whatever_its_name(folder, monkeypatch):
    folder.chmod(0o775)
    _group(monkeypatch, folder.stat().st_gid + 1, "me")
    with pytest.raises(UserError, match="group me may write to it"):
        check_own(folder)


def test_a_group_or_a_user_without_a_name_is_others(folder, monkeypatch):
    folder.chmod(0o770)

    def nobody(number):
        raise KeyError(number)

    monkeypatch.setattr(grp, "getgrgid", nobody)
    with pytest.raises(UserError, match=rf"group {folder.stat().st_gid} may write"):
        check_own(folder)


@pytest.mark.parametrize("name", [*_FILES, "trials/trial_0001", "trials/trial_0001/checkpoints"])
def test_what_lies_inside_is_looked_at(folder, monkeypatch, name):
    path = folder / name
    before = path.stat().st_mode
    _group(monkeypatch, folder.stat().st_gid, "students")
    for mode, who in ((0o666, "everyone"), (0o664, "group students")):
        path.chmod(mode | before & 0o111)
        with pytest.raises(UserError, match=f"^{path}: {who} may write to it"):
            check_own(folder)
    path.chmod(before)
    check_own(folder)


@needs_root
@pytest.mark.parametrize("name", [*_FILES, "trials"])
def test_what_belongs_to_another_user_inside_is_refused(folder, name):
    os.chown(folder / name, ATTACKER, -1)
    with pytest.raises(UserError, match=f"^{folder / name}: belongs to user {ATTACKER}, not to you"):
        check_own(folder)


@needs_root
def test_a_link_of_another_user_is_refused_and_what_ones_own_leads_to_is_looked_at(folder, tmp_path):
    elsewhere = tmp_path / "disk" / "trials"
    elsewhere.mkdir(parents=True)
    (elsewhere / "file").write_text("")
    (folder / "more").symlink_to(elsewhere)
    (folder / "more" / "round").symlink_to(folder)
    (folder / "nowhere").symlink_to(tmp_path / "none")
    check_own(folder)
    (elsewhere / "file").chmod(0o666)
    with pytest.raises(UserError, match=f"^{folder}/more/file: everyone"):
        check_own(folder)
    (elsewhere / "file").chmod(0o644)
    os.chown(elsewhere, ATTACKER, -1)
    with pytest.raises(UserError, match=f"^{folder}/more: belongs to user {ATTACKER}"):
        check_own(folder)
    os.chown(elsewhere, 0, -1)
    os.chown(folder / "more", ATTACKER, -1, follow_symlinks=False)
    with pytest.raises(UserError, match=f"^{folder}/more: belongs to user {ATTACKER}"):
        check_own(folder)


def test_each_folder_is_listed_once_and_each_file_is_looked_at_once(folder, monkeypatch):
    (folder / "trials" / "round").symlink_to(folder)
    listed, scandir, stat = [], os.scandir, os.stat
    monkeypatch.setattr(os, "scandir", lambda place: (listed.append(str(place)), scandir(place))[1])
    asked = []
    monkeypatch.setattr(os, "stat", lambda *a, **o: (asked.append(a), stat(*a, **o))[1])
    check_own(folder)
    monkeypatch.undo()
    folders = [folder, *(p for p in folder.rglob("*") if p.is_dir() and not p.is_symlink())]
    assert sorted(listed) == sorted(map(str, folders))
    assert len(asked) == 1, "the folder's own; the others are asked of the listing"
