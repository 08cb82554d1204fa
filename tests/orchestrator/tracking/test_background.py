"""What ``python -m orchestrator.tracking serve`` refuses; tests/orchestrator/test_cluster.py starts it."""

import os
import re
import socket
import subprocess
import sys

import pytest

from orchestrator.tracking.__main__ import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    def fork():
        raise AssertionError("it went on")

    monkeypatch.setattr(os, "fork", fork)
    folder = tmp_path / "mlflow"
    folder.mkdir(mode=0o700)
    with open(os.open(folder / "password", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write("p" * 32 + "\n")
    return folder


def _serve(folder, port=0):
    return main(["serve", str(folder), "--port", str(port), "--artifacts", "s3://b/a"])


def test_its_own_password_is_taken(folder):
    with pytest.raises(AssertionError, match="it went on"):
        _serve(folder)


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda file: file.unlink(), "No such file"),
        (lambda file: file.chmod(0o640), "mode 640; allowed: your own.*chmod 600"),
        (lambda file: file.chmod(0o604), "mode 604; allowed: your own"),
        (lambda file: file.write_text("short"), "holds 5 characters; allowed: 16 or more"),
        (lambda file: file.write_text(""), "holds 0 characters"),
        (lambda file: file.write_text("p" * 20 + "\n" + "q" * 20), "holds 41 characters"),
        (lambda file: file.write_text("pä" * 20), "holds 40 characters"),
        (lambda file: (file.rename(f"{file}2"), file.symlink_to(f"{file}2")), "symbolic links"),
        (lambda file: file.parent.chmod(0o777), r"everyone may write to it \(mode 777\)"),
    ],
)
def test_a_password_that_others_know_or_guess_is_one_line(folder, capsys, spoil, wanted):
    spoil(folder / "password")
    assert _serve(folder) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1 and re.search(wanted, error), error
    assert "ppp" not in error


def test_another_users_password_is_refused(folder, capsys, monkeypatch):
    me = os.getuid()
    os.chown(folder, me + 1, -1) if not me else pytest.skip("needs root, to give a folder away")
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    assert _serve(folder) == 2
    assert f"belongs to user {me}, not to you ({me + 1})" in capsys.readouterr().err


def test_a_port_that_somebody_has_is_one_line(folder, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert _serve(folder, port) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.startswith(f"error: --port {port}: another program has it") and "\n" in error


def test_a_database_that_is_none_is_one_line_and_leaves_no_server(folder, free_port):
    (folder / "mlflow.db").write_text("no database")
    port = free_port()
    command = [sys.executable, "-m", "orchestrator.tracking", "serve", folder, "--artifacts", folder]
    done = subprocess.run([*command, "--port", str(port)], capture_output=True, text=True)
    log = folder / "server.log"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {folder}: its server did not start; {log} says why\n"
    assert "file is not a database" in log.read_text().splitlines()[-1]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
