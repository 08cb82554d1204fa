"""``tracking send`` of a folder whose journal somebody else wrote: what it sends, and where to."""

import json
import os
import shutil
import sqlite3
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from other_user import ATTACKER, VICTIM, as_user, give, needs_root

from orchestrator.errors import UserError
from orchestrator.tracking import Tracker
from orchestrator.tracking.__main__ import main
from orchestrator.tracking.journal import Journal
from orchestrator.tracking.resend import resend
from orchestrator.tracking.store import check_own_database

_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "home" / "id_ed25519"
    path.parent.mkdir()
    path.write_text(_KEY)
    return path


@pytest.fixture
def server():
    """The attacker's server: the requests that it got, and with which token."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(404)
            self.end_headers()

        do_POST = do_PUT = do_GET

        def log_message(self, *_):
            pass

    found = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{found.server_port}", asked
    found.shutdown()
    found.server_close()


def _journal(folder, store, *records):
    opened = {"op": "open", "key": "k" * 32, "experiment": "e", "store": store, "time": 1}
    started = {"op": "start", "run": "", "name": "s", "params": {}, "tags": {}, "time": 1}
    lines = [opened, started, *({"run": "", "time": 1, **record} for record in records)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tracking.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _kept(runs):
    """All that the store's artifacts hold."""
    return {p.name: p.read_bytes() for p in (runs / "artifacts").rglob("*") if p.is_file()}


def test_the_callers_token_never_goes_where_the_journal_says(runs, server, monkeypatch, capsys):
    url, asked = server
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "the caller's")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    _journal(runs / "s", url)
    assert main(["send", str(runs / "s")]) == 2
    error = capsys.readouterr().err
    assert f"was last sent to '{url}'; allowed: that address, or another, in MLFLOW_TRACKING_URI" in error
    assert error.count("\n") == 1 and asked == []
    # The same address is asked, with the token, where the caller gives it.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    assert main(["send", str(runs / "s")]) == 2
    assert asked and {token for _, token in asked} == {"Bearer the caller's"}


def test_a_database_that_the_journal_names_is_not_written_to(runs, tmp_path, capsys):
    for store in (f"sqlite:///{tmp_path}/elsewhere.db", "postgresql://host/db", 7, None):
        _journal(runs / "s", store)
        assert main(["send", str(runs / "s")]) == 2
        assert "in MLFLOW_TRACKING_URI" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere.db").exists()


def test_what_was_recorded_beside_the_folder_is_sent_there_from_any_folder_and_when_it_was_moved(
    runs, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "get_experiment_by_name", lambda *_: 1 / 0)
        tracker = Tracker(runs / "s", None, "e", "s")
        tracker.start({}, {})
        assert "MLFLOW_TRACKING_URI" not in tracker.close(timeout=1).message
    assert [r["store"] for r, _ in Journal(runs / "s").read() if r["op"] == "open"] == ["mlflow.db"]
    moved = tmp_path / "moved"
    runs.rename(moved)
    monkeypatch.chdir(moved / "s")
    assert main(["send", "."]) == 0
    assert capsys.readouterr().out == f"1 records sent to sqlite:///{moved / 'mlflow.db'}\n"


@pytest.mark.parametrize(
    "record",
    [
        {"op": "artifact", "path": "{secret}", "subdir": None},
        {"op": "artifact", "path": "../../home/id_ed25519", "subdir": None},
        {"op": "artifact", "path": "link", "subdir": None},
        {"op": "artifact", "path": "linked/id_ed25519", "subdir": None},
        {"op": "artifact", "path": "linked", "subdir": None},
        {"op": "artifact", "path": "own", "subdir": None},
    ],
    ids=["absolute", "upward", "link", "linked folder", "folder that is a link", "folder with a link"],
)
def test_no_file_outside_the_folder_is_sent(runs, secret, record, capsys):
    folder = runs / "s"
    record = {key: value and value.format(secret=secret) for key, value in record.items()}
    _journal(folder, "mlflow.db", record, {"op": "artifact", "path": "tracking.jsonl", "subdir": None})
    (folder / "own").mkdir()
    (folder / "own" / "link").symlink_to(secret)
    (folder / "link").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    assert main(["send", str(folder)]) == 1
    assert "refused: artifact of the sweep: " in capsys.readouterr().err
    assert list(_kept(runs)) == ["tracking.jsonl"], "what comes behind it is sent"


@pytest.mark.parametrize("place", ["../../../../home", "/{home}", "a/../../b", "a//b"])
@pytest.mark.parametrize("op", ["artifact", "text"])
def test_nothing_is_written_outside_the_stores_own_folder(runs, secret, place, op, capsys):
    place = place.format(home=str(secret.parent)[1:])
    where = (
        {"subdir": place, "path": "fine"} if op == "artifact" else {"file": f"{place}/x", "text": "hostile"}
    )
    _journal(runs / "s", "mlflow.db", {"op": op, **where})
    (runs / "s" / "fine").write_text("hostile")
    before = {path for path in runs.parent.rglob("*") if path.is_file()}
    assert main(["send", str(runs / "s")]) == 1
    assert f"refused: {op} of the sweep: file name '" in capsys.readouterr().err
    made = {path for path in runs.parent.rglob("*") if path.is_file()} - before
    assert not any(b"hostile" in path.read_bytes() for path in made)


def test_lines_that_are_no_records_are_passed_over(runs):
    _journal(runs / "s", "mlflow.db")
    with open(runs / "s" / "tracking.jsonl", "a") as file:
        file.write('[1]\n7\nnull\n"open"\n{"no": "op"}\n{"op": 7}\n')
    assert resend(runs / "s").sent == 1
    tracker = Tracker(runs / "s", None, "e", "s")
    assert tracker.close().message == ""


@needs_root
@pytest.mark.parametrize("what", ["folder", "journal"])
def test_a_folder_or_a_journal_of_another_user_is_not_sent(runs, what, capsys):
    _journal(runs / "s", "mlflow.db")
    path = runs / "s" if what == "folder" else runs / "s" / "tracking.jsonl"
    os.chown(path, ATTACKER, -1)
    assert main(["send", str(runs / "s")]) == 2
    assert f"error: {path}: belongs to user {ATTACKER}, not to you" in capsys.readouterr().err
    assert not (runs / "artifacts").exists()


@needs_root
def test_a_victim_who_sends_an_attackers_folder_gives_neither_key_nor_token_away(server, monkeypatch):
    url, asked = server
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "the victim's")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        root.chmod(0o755)
        (root / "home").mkdir()
        (root / "home" / "key").write_text(_KEY)
        (root / "home" / "key").chmod(0o600)
        give(root / "home", VICTIM)
        _journal(root / "s", url, {"op": "artifact", "path": f"{root}/home/key", "subdir": None})
        give(root / "s", ATTACKER, 0o777)
        said = as_user(VICTIM, lambda: resend(root / "s"))
    assert said.startswith(f"UserError: {root}/s: belongs to user {ATTACKER}, not to you ({VICTIM})")
    assert asked == []


@pytest.mark.parametrize("ending", ["", "-journal", "-wal", "-shm"])
@needs_root
def test_a_database_that_another_user_made_or_would_mend_is_not_opened(runs, ending, server, monkeypatch):
    """The database says where artifacts are sent, and with them the caller's token."""
    url, asked = server
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "the caller's")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    _journal(runs / "s", "mlflow.db", {"op": "artifact", "path": "tracking.jsonl", "subdir": None})
    MlflowClient(f"sqlite:///{runs / 'mlflow.db'}").create_experiment(
        "e", url.replace("http", "mlflow-artifacts")
    )
    path = runs / f"mlflow.db{ending}"
    path.touch()
    os.chown(path, ATTACKER, -1)
    with pytest.raises(UserError, match=rf"{path}: belongs to user {ATTACKER}, mode 644; allowed: a file of"):
        resend(runs / "s")
    assert asked == []


@needs_root
def test_a_link_to_a_database_of_another_user_is_not_followed(runs, server, monkeypatch, tmp_path):
    url, asked = server
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "the caller's")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    _journal(runs / "s", "mlflow.db", {"op": "artifact", "path": "tracking.jsonl", "subdir": None})
    theirs = tmp_path / "theirs.db"
    shutil.move(runs / "mlflow.db", theirs)
    MlflowClient(f"sqlite:///{theirs}").create_experiment("e", url.replace("http", "mlflow-artifacts"))
    (runs / "mlflow.db").symlink_to(theirs)
    os.chown(theirs, ATTACKER, -1)
    with pytest.raises(UserError, match=rf"{runs}/mlflow.db: belongs to user {ATTACKER}, mode 644; allowed"):
        resend(runs / "s")
    assert asked == []


def test_a_database_that_everyone_may_write_or_replace_is_not_opened(runs):
    check_own_database(runs)
    (runs / "mlflow.db").chmod(0o666)
    with pytest.raises(UserError, match=rf"{runs}/mlflow.db: belongs to user .* mode 666"):
        check_own_database(runs)
    (runs / "mlflow.db").chmod(0o644)
    for mode in (0o777, 0o1777):  # where it is sticky, a journal beside the database can still be made
        runs.chmod(mode)
        with pytest.raises(
            UserError, match=rf"^{runs}: everyone may write to it \(mode {mode:o}\), and so to its rec"
        ):
            check_own_database(runs)
    runs.chmod(0o2775)
    shutil.move(runs / "mlflow.db", runs.parent / "real.db")
    (runs / "mlflow.db").symlink_to(runs.parent / "real.db")
    check_own_database(runs)
    assert sqlite3.connect(runs / "mlflow.db").execute("select count(*) from experiments").fetchone()
