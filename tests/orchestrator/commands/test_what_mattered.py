"""What mattered in a search is kept with it, drawn once, and measured again where the search has grown."""

import json
from types import SimpleNamespace

import pytest

from orchestrator.commands import what_mattered as command
from orchestrator.commands.what_mattered import what_mattered
from orchestrator.record.recorded_importance import recorded_importance
from orchestrator.record.trial_entry import TrialEntry
from orchestrator.report.what_mattered import Mattered, WhatMattered
from orchestrator.search.parameter import Parameter

_FOUND = WhatMattered(12, (Mattered("method.a", 1.0, 0.01),))


@pytest.fixture
def search(tmp_path, monkeypatch):
    """A search of three trials. ``measured``: how often it was measured; ``drawn``: what was to be drawn."""
    trials = {
        f"t{n}": TrialEntry(f"t{n}", n, {"method.a": 0.1 * n}, [{"m": float(n)}], status)
        for n, status in enumerate(("finished", "stopped", "finished"))
    }
    store = SimpleNamespace(trials=trials, ended=3, objective=SimpleNamespace(metric="m", mode="max"))
    store.value = lambda entry: entry.reports[-1]["m"]
    found = SimpleNamespace(
        measured=0, drawn=[], said=[], store=store, folder=tmp_path, fails=None, killed=False
    )

    def measure(space, entries, value, mode):
        found.measured += 1
        if found.fails:
            raise found.fails
        assert (space, len(entries), mode) == ("suggest", 3, "max")
        return _FOUND

    monkeypatch.setattr(command, "importance", measure)
    parameters = (Parameter("method.a", "float", 0.0, 1.0),)
    found.space = SimpleNamespace(suggest="suggest", parameters=parameters)
    found.run = SimpleNamespace(folder=tmp_path, say=found.said.append)

    def mattered(place, *given):
        found.drawn.append((place, *given))
        if not found.killed:
            (place / "slices.png").touch()

    found.recorder = SimpleNamespace(store=store, mattered=mattered)
    found.lines = lambda: what_mattered(found.run, found.space, found.recorder)
    return found


def test_it_is_kept_with_the_sweep_and_drawn_once(search):
    assert search.lines() == _FOUND.said == ["What mattered, in 12 trials: method.a 100 %."]
    ((place, what, keys, whole),) = search.drawn
    assert (place, what) == (search.folder / "importance", _FOUND)
    assert keys == [("method.a", False, ())] and [trial.objective for trial in whole] == [0.0, 2.0]
    assert json.loads((place / "importance.json").read_text())["of"] == 3
    assert recorded_importance(search.folder) == _FOUND
    assert search.lines() == _FOUND.said and (search.measured, len(search.drawn)) == (1, 1)


def test_a_sweep_that_was_killed_before_it_had_drawn_draws(search):
    search.lines()
    (search.folder / "importance" / "slices.png").unlink()
    assert search.lines() == _FOUND.said and (search.measured, len(search.drawn)) == (2, 2)


def test_a_grown_sweep_that_was_killed_before_it_had_drawn_draws(search):
    search.lines()
    search.store.ended, search.killed = 4, True
    search.lines()
    assert not (search.folder / "importance" / "slices.png").exists(), "it is of the sweep before it grew"
    assert search.lines() == _FOUND.said and len(search.drawn) == 3


def test_of_few_trials_nothing_is_kept(search, monkeypatch):
    monkeypatch.setattr(command, "importance", lambda *_: WhatMattered(3))
    assert search.lines() == ["What mattered: 3 trials are too few to say it; 12 may be enough."]
    assert search.drawn == [] and not (search.folder / "importance").exists()


def test_a_grown_sweep_and_one_whose_file_is_broken_are_measured_again(search):
    search.lines()
    search.store.ended = 4
    search.lines()
    (search.folder / "importance" / "importance.json").write_text("{")
    assert search.lines() == _FOUND.said and (search.measured, len(search.drawn)) == (3, 3)
    (search.folder / "importance" / "importance.json").write_text("[]")
    assert recorded_importance(search.folder) is None


def test_what_goes_wrong_is_a_line_and_not_the_sweeps_end(search):
    search.fails = ValueError("no forest")
    assert search.lines() == [] and search.drawn == []
    assert search.said == ["what mattered could not be told: ValueError no forest"]
    search.fails = OSError(28, "no space left")
    with pytest.raises(OSError, match="no space left"):
        search.lines()


def test_where_nothing_is_searched_nothing_is_said(search):
    search.store.ended = 1
    assert search.lines() == []
    search.store.ended, search.space.parameters = 3, ()
    assert search.lines() == [] and search.measured == 0
