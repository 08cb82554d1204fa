"""The death of a Ray of one's own, as a session's driver sees it. No Ray is started."""

import signal
import threading
import time
from types import SimpleNamespace

import pytest
from ray._private import worker

from orchestrator.execution import ray_watch as module
from orchestrator.execution.ray_watch import RayLost, RayWatch, died


class _Node:
    """A Ray's processes, of which some have died."""

    def __init__(self, head=True):
        self.dead, self.head = [], head

    def is_head(self):
        return self.head

    def dead_processes(self):
        return [(kind, SimpleNamespace(pid=7, returncode=code)) for kind, code in self.dead]


@pytest.fixture
def node(monkeypatch):
    found = _Node()
    monkeypatch.setattr(worker, "_global_node", found)
    monkeypatch.setattr(module, "_LOOK", 0.01)
    return found


def _wait():
    for _ in range(1000):
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("kind", "code", "how"),
    [("gcs_server", -9, "signal 9"), ("raylet", -15, "signal 15"), ("raylet", 1, "exit status 1")],
)
def test_the_driver_hears_of_it_wherever_it_is(node, kind, code, how):
    usual = signal.getsignal(signal.SIGUSR2)
    watch = RayWatch()
    watch.start()
    try:
        time.sleep(0.05)
        node.dead = [("dashboard_agent", 1), (kind, code)]
        with pytest.raises(RayLost) as lost:
            _wait()
        assert str(lost.value) == f"Ray's own process {kind} (pid 7) has died ({how})"
        assert not isinstance(lost.value, Exception), "Tune would take it for its own"
    finally:
        watch.end()
        assert watch._thread.is_alive(), "by which the process knows that it has to end itself"
        watch._parked.set()
        watch._thread.join()
        signal.signal(signal.SIGUSR2, usual)


def test_a_batch_systems_own_signal_is_no_death(node):
    heard = []
    usual = signal.signal(signal.SIGUSR2, lambda number, frame: heard.append(number))
    watch = RayWatch()
    watch.start()
    try:
        signal.raise_signal(signal.SIGUSR2)
        assert heard == [signal.SIGUSR2]
    finally:
        watch.end()
        signal.signal(signal.SIGUSR2, usual)


def test_after_its_end_nothing_is_raised(node):
    usual = signal.getsignal(signal.SIGUSR2)
    watch = RayWatch()
    watch.start()
    watch.end()
    node.dead = [("raylet", -15)]
    time.sleep(0.1)
    assert signal.getsignal(signal.SIGUSR2) is usual and not watch._thread.is_alive()


def test_its_end_waits_for_no_death_that_is_being_seen_and_lets_no_signal_of_it_through(node, monkeypatch):
    looked, go, struck = threading.Event(), threading.Event(), []

    def look():
        looked.set()
        go.wait()
        return "it has died"

    monkeypatch.setattr(module, "died", look)
    monkeypatch.setattr(module, "_DEAF", 0.1)
    usual = signal.signal(signal.SIGUSR2, lambda *_: struck.append("by the usual handler"))
    watch = RayWatch()
    watch.start()
    looked.wait()
    # One that waits for ever would be let go here.
    late = [threading.Timer(0.5, go.set), threading.Timer(1.0, watch._parked.set)]
    for timer in late:
        timer.start()
    try:
        watch.end()
        assert watch._thread.is_alive() and not go.is_set()
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
        watch._thread.join()
        assert watch._line == "it has died" and struck == [], "of a process' own the usual one is its death"
    finally:
        for timer in late:
            timer.join()
        signal.signal(signal.SIGUSR2, usual)


def test_what_it_can_go_on_without_is_not_watched_nor_is_a_ray_that_was_joined(node, monkeypatch):
    node.dead = [("dashboard_agent", 1), ("log_monitor", -9)]
    assert died() == ""
    node.dead, node.head = [("raylet", -9)], False
    assert died() == ""
    monkeypatch.setattr(worker, "_global_node", None)
    assert died() == ""
    watch = RayWatch()
    watch.start()
    assert watch._thread.ident is None
    watch.end()


def test_where_the_main_thread_waits_inside_ray_the_last_words_are_said_all_the_same(
    node, monkeypatch, tmp_path
):
    over, said = threading.Event(), []

    def exit_(status):
        said.append(status)
        over.set()

    monkeypatch.setattr(module, "_DEAF", 0.05)
    monkeypatch.setattr(module.os, "_exit", exit_)
    monkeypatch.setattr(module.RayFolder, "left", [SimpleNamespace(remove=lambda: said.append("removed"))])
    monkeypatch.setattr(signal, "pthread_kill", lambda *_: None)  # as in C++, where no handler runs
    usual = signal.getsignal(signal.SIGUSR2)
    watch = RayWatch(said.append)
    watch.start()
    node.dead = [("gcs_server", -9)]
    assert over.wait(10)
    signal.signal(signal.SIGUSR2, usual)
    assert said == ["Ray's own process gcs_server (pid 7) has died (signal 9)", "removed", 1]
