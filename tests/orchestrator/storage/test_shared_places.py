"""Links that another user laid where files are written, in a folder that both users may write to."""

import errno
import os
import stat
import tempfile
from pathlib import Path

import numpy as np
import pytest
from other_user import ATTACKER, VICTIM, as_user, give, needs_root

from orchestrator.commands.arguments import run_main
from orchestrator.errors import UserError
from orchestrator.features.cache_entry import CacheEntry
from orchestrator.features.lock import locked
from orchestrator.pretrain import resumable
from orchestrator.storage import run_folder
from orchestrator.storage.array_file import writing
from orchestrator.storage.atomic_write import write_text
from orchestrator.storage.identity import Identity
from orchestrator.storage.local_files import LocalFiles
from orchestrator.storage.lock_file import lock_file
from orchestrator.storage.run_files import IDENTITY_FILE
from orchestrator.storage.run_folder import kept_folder
from orchestrator.storage.run_lock import run_lock
from orchestrator.storage.run_storage import RunStorage
from orchestrator.storage.runs_place import check_place
from orchestrator.storage.url_folder import Storage
from orchestrator.tracking.journal import Journal
from orchestrator.tracking.store import making_tables

_ONE = Identity("1" * 32, "c" * 64, "s" * 64)


@pytest.fixture
def precious(tmp_path):
    """A file of the user's that has nothing to do with any run."""
    path = tmp_path / "home" / "precious"
    path.parent.mkdir()
    path.write_text("precious")
    return path


def _hold(context):
    with context:
        pass


@pytest.mark.parametrize(
    ("name", "take"),
    [
        ("mlflow.db.lock", lambda runs: _hold(making_tables(f"sqlite:///{runs}/mlflow.db"))),
        ("tracking.lock", lambda runs: Journal(runs).hold()),
        ("lock", lambda runs: _hold(locked(runs, print))),
        ("run.lock", lambda runs: _hold(run_lock(runs))),
    ],
)
def test_a_link_in_the_place_of_a_lock_is_refused_and_its_target_left_alone(tmp_path, precious, name, take):
    for target in (precious, tmp_path / "home" / "none"):
        (tmp_path / name).symlink_to(target)
        with pytest.raises(UserError, match=rf"^{tmp_path}/{name}: is a link; allowed: .*remove the link"):
            take(tmp_path)
        (tmp_path / name).unlink()
    assert precious.read_text() == "precious" and [p.name for p in precious.parent.iterdir()] == ["precious"]
    take(tmp_path)
    assert (tmp_path / name).is_file()


def test_what_a_lock_file_holds_stays(tmp_path):
    (tmp_path / "mlflow.db.lock").write_text("kept")
    _hold(making_tables(f"sqlite:///{tmp_path}/mlflow.db"))
    assert (tmp_path / "mlflow.db.lock").read_text() == "kept"


@needs_root
def test_another_users_link_in_a_shared_runs_folder_empties_nothing():
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        root.chmod(0o755)
        (root / "runs").mkdir()
        (root / "home").mkdir()
        (root / "home" / "thesis").write_text("years of work")
        give(root / "home", VICTIM, 0o700)
        (root / "runs").chmod(0o777)  # without the sticky bit, by which the kernel follows no such link
        target = root / "home" / "thesis"
        assert as_user(ATTACKER, lambda: (root / "runs" / "mlflow.db.lock").symlink_to(target)) == "None"
        assert as_user(ATTACKER, target.read_text).startswith("PermissionError")
        said = as_user(VICTIM, lambda: _hold(making_tables(f"sqlite:///{root}/runs/mlflow.db")))
        assert said.startswith(f"UserError: {root}/runs/mlflow.db.lock: is a link")
        assert target.read_text() == "years of work"


def _write_twin(path):
    with writing(path, (3, 2), np.float32) as twin:
        twin.array[:] = 7
        twin.length = 2


def _write_chunk(folder):
    shelf = CacheEntry(folder, {"of": "nothing"})
    shelf.write_chunk(0, b"fresh")
    return shelf.folder / "chunks" / "000000.npz"


def _chunks(folder):
    shelf = CacheEntry(folder, {"of": "nothing"})
    (shelf.folder / "chunks").mkdir(parents=True)
    return shelf.folder / "chunks" / "000000.npz.partial"


@pytest.mark.parametrize(
    ("partial", "write"),
    [
        (lambda p: p / "a.json.partial", lambda p: write_text(p / "a.json", "fresh")),
        (lambda p: p / "a.npy.partial", lambda p: _write_twin(p / "a.npy")),
        (_chunks, _write_chunk),
        (lambda p: p / "tracking.sent.new", lambda p: Journal(p).mark_sent("store", 7)),
        (lambda p: p / "a.pt.part", lambda p: resumable.keep(p / "a.pt", _ONE, {}, 7)),
    ],
    ids=["small file", "array", "chunk", "journal", "pretraining"],
)
@pytest.mark.parametrize("there", [True, False])
def test_a_link_in_the_place_of_what_is_being_written_is_not_followed(
    tmp_path, precious, partial, write, there
):
    target = precious if there else precious.with_name("none")
    partial(tmp_path).symlink_to(target)
    write(tmp_path)
    assert precious.read_text() == "precious" and [p.name for p in precious.parent.iterdir()] == ["precious"]
    fresh = [p for p in tmp_path.rglob("*") if p.is_file() and p != precious]
    assert len(fresh) == 1 and not fresh[0].is_symlink() and fresh[0].stat().st_size > 0


def test_an_array_is_whole_and_cut_where_a_link_lay(tmp_path, precious):
    (tmp_path / "a.npy.partial").symlink_to(precious)
    _write_twin(tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.full((2, 2), 7, np.float32))


def test_what_is_restored_is_made_in_a_folder_of_ones_own(tmp_path, precious):
    """Otherwise a link in its place would lead to another folder, in which the folder of that name would be
    deleted.
    """
    storage = Storage(f"file://{tmp_path}/store/home")
    _ONE.claim(storage, new=True, files={"train.yaml": "seeds: [0]\n"})
    kept = RunStorage(storage, tmp_path / "runs" / "home")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".restoring").symlink_to(tmp_path)
    with pytest.raises(UserError, match=rf"^{tmp_path}/runs/.restoring: is a link"):
        kept.restore("home")
    assert precious.read_text() == "precious"
    (tmp_path / "runs" / ".restoring").unlink()
    (tmp_path / "runs" / ".restoring").mkdir()
    (tmp_path / "runs" / ".restoring").chmod(0o777)
    with pytest.raises(UserError, match=rf"^{tmp_path}/runs/.restoring: everyone may write to it"):
        kept.restore("home")
    (tmp_path / "runs" / ".restoring").rmdir()
    assert kept.restore("home") and (tmp_path / "runs" / "home" / IDENTITY_FILE).exists()


def test_a_runs_folder_that_everyone_may_move_things_in_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    check_place(runs)
    for mode in (0o755, 0o775, 0o1777, 0o2775):
        runs.mkdir(exist_ok=True)
        runs.chmod(mode)
        check_place(runs)
    runs.chmod(0o777)
    calls = (
        lambda: check_place(runs),
        lambda: kept_folder("s", ("sweep.yaml", "space.yaml"), None, dict),
        lambda: run_folder.new_folder("s", "ctp", "digits", None, _ONE, {}),
    )
    for call in calls:
        with pytest.raises(UserError, match=rf"^{runs}: everyone may write to it \(mode 777\)"):
            call()


def test_a_new_run_is_not_made_where_a_link_of_its_name_leads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "s").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="--name s: .* exists"):
        run_folder.new_folder("s", "ctp", "digits", None, _ONE, {})
    assert not (tmp_path / "elsewhere").exists()


def test_what_a_command_writes_only_the_user_may_change(tmp_path):
    before = os.umask(0)
    try:

        def main(arguments):
            write_text(tmp_path / "file", "")
            (tmp_path / "folder").mkdir()
            return 0

        with pytest.raises(SystemExit):
            run_main(main, [])
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644
        assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o755
    finally:
        os.umask(before)


@pytest.fixture
def store(tmp_path, precious):
    """A storage with links: ``link`` to the precious file, ``linked`` to the folder that it lies in."""
    (tmp_path / "store" / "run").mkdir(parents=True)
    (tmp_path / "store" / "run" / "linked").symlink_to(precious.parent)
    (tmp_path / "store" / "run" / "link").symlink_to(precious)
    return Storage(f"file://{tmp_path}/store").below("run")


_WAYS = {
    "put": lambda store, name, local: store.put(local, name),
    "write": lambda store, name, local: store.write(name, "hostile"),
    "create": lambda store, name, local: store.create(name, "hostile"),
    "read": lambda store, name, local: store.read(name),
    "get": lambda store, name, local: store.get(name, local),
    "names": lambda store, name, local: list(store.names(name.rpartition("/")[0])),
    "delete": lambda store, name, local: store.delete(name),
}


@pytest.mark.parametrize("way", _WAYS)
def test_no_folder_of_a_storage_is_gone_through_by_a_link(store, tmp_path, precious, way):
    (tmp_path / "local").write_text("mine")
    with pytest.raises(UserError, match=r"store/run/linked.*: is, or leads through, a link"):
        _WAYS[way](store, "linked/precious", tmp_path / "local")
    assert precious.read_text() == "precious" and len(list(precious.parent.iterdir())) == 1
    assert (tmp_path / "local").read_text() == "mine"


def test_no_file_of_a_storage_is_read_through_a_link_and_one_is_replaced_or_deleted_itself(
    store, tmp_path, precious
):
    (tmp_path / "local").write_text("mine")
    for way in ("read", "get"):
        with pytest.raises(UserError, match=r"store/run/link: is, or leads through, a link"):
            _WAYS[way](store, "link", tmp_path / "local")
    assert (tmp_path / "local").read_text() == "mine"
    assert not store.create("link", "hostile")
    store.put(tmp_path / "local", "link")
    assert not (tmp_path / "store/run/link").is_symlink() and store.read("link") == b"mine"
    store.delete("linked")
    assert precious.read_text() == "precious" and not (tmp_path / "store/run/linked").is_symlink()


def test_a_folder_of_a_storage_is_deleted_without_following_what_lies_in_it(store, tmp_path, precious):
    store.delete("")
    assert precious.read_text() == "precious" and not (tmp_path / "store" / "run").exists()
    assert (tmp_path / "store").exists()


def test_the_links_on_the_way_to_a_storage_are_the_users_own(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    Storage(f"file://{tmp_path}/store").below("run").write("a/b", "c")
    assert (tmp_path / "disk" / "run" / "a" / "b").read_text() == "c"


def test_a_pipe_in_a_storage_holds_nobody_up(tmp_path):
    os.mkfifo(tmp_path / "identity.json")
    with pytest.raises(UserError, match="a link or what is no file"):
        Storage(f"file://{tmp_path}").read("identity.json")


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "a//b", "./a"])
def test_a_name_stays_in_the_storage(tmp_path, name):
    (tmp_path / "store").mkdir()
    (tmp_path / "a").write_text("outside")
    files = LocalFiles(tmp_path / "store")
    for call in (
        files.read,
        files.delete,
        lambda name: files.write(name, b""),
        lambda n: list(files.names(n)),
    ):
        with pytest.raises(UserError, match="leads out of its folder"):
            call(name)
    assert (tmp_path / "a").read_text() == "outside"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_a_lock_file_of_another_user_is_one_line(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(
        UserError, match=rf"^{tmp_path}/lock: you may not write to it \(.*\); allowed: a runs"
    ):
        lock_file(tmp_path / "lock")
