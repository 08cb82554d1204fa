"""Imports that are made while something else is waited for."""

import gc
import signal
import sys
import threading

import pytest

from orchestrator.execution.imported_meanwhile import imported_meanwhile


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Writes modules, the first of which waits for an event. Returns the events, and the modules' names."""
    events = {name: threading.Event() for name in ("begun", "go")}
    monkeypatch.setattr(threading, "events_of_a_test", events, raising=False)
    text = "import threading\nfor e in threading.events_of_a_test.values(): {}\n"
    (tmp_path / "first_one.py").write_text(text.format("e.set() if e.name == 'begun' else e.wait(30)"))
    (tmp_path / "broken_one.py").write_text("import no_such_module_anywhere")
    (tmp_path / "last_one.py").write_text("")
    for name, event in events.items():
        event.name = name
    monkeypatch.syspath_prepend(tmp_path)
    names = ["first_one", "broken_one", "last_one"]
    yield events["begun"], events["go"], names
    for name in names:
        sys.modules.pop(name, None)


def test_modules_are_imported_while_the_block_waits_and_are_there_when_it_ends(modules):
    begun, go, names = modules
    with imported_meanwhile(names):
        assert begun.wait(30) and "last_one" not in sys.modules
        go.set()
    assert [name in sys.modules for name in names] == [True, False, True]


def test_after_an_error_no_further_one_is_begun_and_none_is_under_way(modules):
    begun, go, names = modules
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), imported_meanwhile(names):
        assert begun.wait(30)
        threading.Timer(0.05, go.set).start()
        raise KeyboardInterrupt
    assert [name in sys.modules for name in names] == [True, False, False]
    assert threading.active_count() == before


def test_ctrl_c_while_the_rest_is_waited_for_begins_no_further_one_either(modules):
    begun, go, names = modules

    def interrupt():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        threading.Timer(0.2, go.set).start()

    with pytest.raises(KeyboardInterrupt), imported_meanwhile(names):
        assert begun.wait(30) and not gc.isenabled()
        threading.Timer(0.2, interrupt).start()
    assert [name in sys.modules for name in names] == [True, False, False]
    assert gc.isenabled() and "imports" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_afterwards_as_before(modules, enabled):
    modules[1].set()
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with imported_meanwhile(modules[2]):
            assert not gc.isenabled()
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()
