"""Limits of a process under which Ray does not come up. No Ray is started."""

import math
import os
import resource
from types import SimpleNamespace

import psutil
import pytest

from orchestrator import sweep, train
from orchestrator.commands import check_start as start
from orchestrator.errors import UserError
from orchestrator.machine import process_limits as module
from orchestrator.machine.process_limits import check_limits

_GIB = 2**30


@pytest.fixture
def limits(monkeypatch, tmp_path):
    """The letter of ``ulimit`` -> its value for this process, whose user has 40 threads."""
    found = {}
    names = {"v": "AS", "d": "DATA", "f": "FSIZE", "n": "NOFILE", "u": "NPROC"}
    letters = {getattr(resource, f"RLIMIT_{name}"): letter for letter, name in names.items()}

    def getrlimit(number):
        value = found.get(letters.get(number), resource.RLIM_INFINITY)
        return value, value

    monkeypatch.setattr(resource, "getrlimit", getrlimit)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(module, "_own_tasks", lambda: 40)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=20 * _GIB))
    return found


@pytest.mark.parametrize(
    ("letter", "value", "words"),
    [
        (
            "v",
            8 * _GIB,
            ["the address space of a process is limited to 8.0 GiB (ulimit -v)", "allowed: 22 GiB or more"],
        ),
        ("d", 2 * _GIB, ["the data of a process is limited to 2.0 GiB (ulimit -d)"]),
        ("f", 2 * _GIB, ["a file is limited to 2.0 GiB (ulimit -f)", "allowed: 6 GiB or more"]),
        ("n", 64, ["open files of a process are limited to 64 (ulimit -n)"]),
        ("u", 120, ["ulimit -u 120, of which 40 are in use"]),
    ],
)
def test_a_limit_with_which_ray_does_not_come_up_is_one_line(letter, value, words, limits, tmp_path):
    check_limits(tmp_path)
    limits[letter] = value
    with pytest.raises(UserError) as raised:
        check_limits(tmp_path)
    message = str(raised.value)
    assert "\n" not in message and "allowed: " in message
    for word in words:
        assert word in message


def test_limits_with_which_it_does_are_none(limits, tmp_path):
    limits.update(v=22 * _GIB, d=22 * _GIB, f=6 * _GIB, n=1024, u=1040)
    check_limits(tmp_path)


def test_of_root_processes_are_not_counted(limits, monkeypatch, tmp_path):
    limits["u"] = 120
    monkeypatch.setattr(os, "getuid", lambda: 0)
    check_limits(tmp_path)


@pytest.mark.parametrize(("most", "refused"), [("max", False), ("100", True), ("100000", False)])
def test_a_containers_processes_are_counted_as_well(limits, most, refused, tmp_path):
    group = tmp_path / "sys/fs/cgroup/docker"
    group.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/docker\n")
    (group / "pids.max").write_text(f"{most}\n")
    (group / "pids.current").write_text("9\n")
    if not refused:
        check_limits(tmp_path)
        return
    with pytest.raises(UserError, match=r"docker/pids\.max 100, of which 9 are in use: allowed: room for"):
        check_limits(tmp_path)


@pytest.mark.parametrize("command", [sweep.main, train.main])
def test_a_command_that_is_refused_leaves_nothing(monkeypatch, tmp_path, command):
    def refuse():
        raise UserError("ulimit -u 120")

    monkeypatch.setattr(start, "check_limits", refuse)
    monkeypatch.chdir(tmp_path)
    small = "stream.tasks=2 stream.train=8 stream.validation=4 stream.test=4"
    with pytest.raises(UserError, match="ulimit"):
        command(["clip-finetune", "--name", "x", "--set", *small.split()])
    assert not list(tmp_path.iterdir())


def test_its_own_threads_are_among_those_in_use():
    assert 1 <= module._own_tasks() < math.inf
