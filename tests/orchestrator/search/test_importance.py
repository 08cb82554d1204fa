"""Which values of a search mattered: what decides is told from chance, and of few trials nothing is said."""

import numpy as np
import optuna
import pytest

from orchestrator.record.trial_entry import TrialEntry
from orchestrator.report.what_mattered import Mattered, WhatMattered
from orchestrator.search import importance as measured
from orchestrator.search.importance import importance

optuna.logging.set_verbosity(optuna.logging.WARNING)


def _space(trial):
    trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    if trial.suggest_categorical("kind", ["a", "b"]) == "a":
        trial.suggest_float("weight", 0, 1)
    for name in ("one", "two", "three"):
        trial.suggest_float(name, 0, 1)


def _trials(count, score, seed=0):
    draw, found = np.random.default_rng(seed), []
    for number in range(count):
        values = {"rate": float(10 ** draw.uniform(-4, -1)), "kind": "ab"[number % 2]}
        values |= {"weight": float(draw.random())} if values["kind"] == "a" else {}
        values |= {name: float(draw.random()) for name in ("one", "two", "three")}
        reports = [{"task": 1, "m": 90.0}, {"task": 2, "m": score(values, draw)}]
        found.append(TrialEntry(f"t{number}", number, values, reports, "finished"))
    return found


def _of(trials, mode="max"):
    return importance(_space, trials, lambda entry: entry.reports[-1]["m"] if entry.reports else None, mode)


def _by_rate(values, _):
    return -abs(np.log10(values["rate"]) + 2.2)


def test_a_value_that_decides_is_told_from_chance_and_the_others_are_not():
    found = _of(_trials(24, _by_rate))
    assert [one.key for one in found.found if one.told] == ["rate"]
    assert found.found[0].key == "rate" and found.found[0].share > 0.5
    shares = {one.key: one.share for one in found.found}
    assert shares.pop("weight") is None, "half of the trials have it"
    assert set(shares) == {"rate", "kind", "one", "two", "three"} and sum(shares.values()) == pytest.approx(1)


def test_the_same_trials_give_the_same_numbers_whichever_end_is_better():
    found = _of(_trials(12, _by_rate))
    assert _of(_trials(12, lambda values, draw: -_by_rate(values, draw)), "min") == found
    assert _of(_trials(12, lambda values, draw: -_by_rate(values, draw))) != found


def test_of_few_trials_nothing_is_measured():
    few = _of(_trials(11, _by_rate))
    assert few == WhatMattered(11)
    assert few.said == ["What mattered: 11 trials are too few to say it; 12 may be enough."]


def test_stopped_and_diverged_trials_count_behind_the_whole_ones(monkeypatch):
    orders = []
    monkeypatch.setattr(measured, "_study", lambda space, ranked: orders.append([one.id for one in ranked]))
    monkeypatch.setattr(measured, "_shares", lambda *_: {})
    trials = _trials(16, _by_rate)
    for number, entry in enumerate(trials):
        entry.reports[-1]["m"] = float(number)
    for number, tasks in ((15, 1), (14, 2), (13, 1)):
        trials[number].status, trials[number].reports = "stopped", trials[number].reports[:tasks]
    trials[12].status, trials[12].infeasible = "failed", True
    trials[11].status = "failed"
    assert _of(trials).trials == 15
    assert orders == [[f"t{n}" for n in (*range(10, -1, -1), 14, 13, 15, 12)]]


def test_of_very_many_trials_as_many_are_taken_evenly(monkeypatch):
    monkeypatch.setattr(measured, "_MOST", 12)
    monkeypatch.setattr(measured, "_shares", lambda *_: {})
    assert [_of(_trials(count, _by_rate)).trials for count in (12, 13, 24, 40)] == [12, 12, 12, 12]


def test_what_is_said():
    three = (Mattered("a", 0.7, 0.02), Mattered("b", None, 0.05), Mattered("c", 0.1, 0.3))
    assert WhatMattered(16, three).said == [
        "What mattered, in 16 trials: a 70 %, b.",
        "  1 other cannot be told from chance.",
    ]
    none = "What mattered: in 16 trials no value can be told from chance."
    assert WhatMattered(16, three[2:]).said == [none]
    told = tuple(Mattered(f"k{n}", 1 / 6, 0.01) for n in range(6))
    assert WhatMattered(16, told).said == [
        "What mattered, in 16 trials: k0 17 %, k1 17 %, k2 17 %, k3 17 % and 2 more."
    ]
    assert WhatMattered.read(WhatMattered(16, three).plain()) == WhatMattered(16, three)


def _numbered(count, score, **ended):
    """Trials whose ``one`` grows with their number."""
    trials = _trials(count, lambda values, draw: 0.0)
    for number, entry in enumerate(trials):
        entry.values["one"] = number / count
        entry.reports[-1]["m"] = score(number, entry.values)
        for name, value in ended.items():
            setattr(entry, name, value)
    return trials


@pytest.mark.parametrize("ended", [{}, {"status": "failed", "infeasible": True}, {"status": "stopped"}])
def test_trials_that_are_equally_good_tell_nothing_by_their_numbers(ended):
    found = _of(_numbered(20, lambda number, values: 50.0, **ended))
    assert {(one.share, one.p) for one in found.found} == {(None, 1.0)}
    assert found.said == ["What mattered: in 20 trials no value can be told from chance."]


def test_equals_share_their_mean_rank(monkeypatch):
    seen = []
    monkeypatch.setattr(measured, "main_effects", lambda ranks, columns: seen.append(ranks) or [1.0] * 6)
    monkeypatch.setattr(measured, "_shares", lambda *_: {})
    _of(_numbered(12, lambda number, values: float(number // 5)))
    assert seen[0].tolist() == [0.5, 0.5, *[4.0] * 5, *[9.0] * 5]


def test_objectives_that_are_no_numbers_come_last_and_alike(monkeypatch):
    orders = []
    monkeypatch.setattr(measured, "_study", lambda space, ranked: orders.append([one.id for one in ranked]))
    monkeypatch.setattr(measured, "_shares", lambda *_: {})
    _of(_numbered(12, lambda number, values: float("nan") if number % 4 == 0 else float(number)))
    assert orders == [[f"t{n}" for n in (11, 10, 9, 7, 6, 5, 3, 2, 1, 0, 4, 8)]]


def test_null_is_a_value_like_any_other():
    def space(trial):
        trial.suggest_categorical("kind", [None, "a"])
        trial.suggest_float("one", 0, 1)

    trials = _trials(20, lambda values, draw: 10.0 * (values["kind"] == "b") + values["one"])
    for entry in trials:
        entry.values = {"kind": {"a": "a", "b": None}[entry.values["kind"]], "one": entry.values["one"]}
    found = importance(space, trials, lambda entry: entry.reports[-1]["m"], "max")
    assert [one.key for one in found.found if one.told] == ["kind"]


def test_of_more_than_a_hundred_trials_a_hundred_are_taken(monkeypatch):
    monkeypatch.setattr(measured, "_shares", lambda *_: {})
    assert [_of(_trials(count, _by_rate)).trials for count in (99, 100, 101, 199)] == [99, 100, 100, 100]
