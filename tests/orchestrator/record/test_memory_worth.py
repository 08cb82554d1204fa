"""What a replay memory is worth, and which of a search's trials is chosen for it."""

import pytest

from orchestrator.evaluation.objective import Objective
from orchestrator.record.memory_table import memory_choice, memory_table
from orchestrator.record.memory_worth import memory_worth, within
from orchestrator.record.trial_entry import TrialEntry
from orchestrator.record.trial_store import TrialStore

_TRIALS = (  # size, objective
    (256, 74.0),
    (64, 70.0),
    (256, 75.0),
    (128, 74.2),
    (64, 71.5),
    (512, 74.9),
    (128, 74.2),
)


def _entry(number, size, value, status="finished"):
    reports = [{"task": t, "x": value, "replay/bytes": 10.0 * size} for t in (1, 2)]
    return TrialEntry(f"t{number}", number, {"replay.size": size}, reports, status)


def _value(entry):
    return entry.reports[-1]["x"]


@pytest.fixture
def made(tmp_path):
    """``made(margin, trials)``"""

    def make(margin=0.0, trials=_TRIALS, mode="max"):
        store = TrialStore(tmp_path / "trials", Objective("validation/x", mode, margin), 2)
        store.objective = Objective("x", mode, margin)
        store.trials = {f"t{k}": _entry(k, *trial) for k, trial in enumerate(trials)}
        return store

    return make


def _rows(found):
    return [(one.size, one.trials, one.best.number, one.value, one.pareto, one.bytes) for one in found]


def test_the_best_of_each_size_and_the_pareto_set():
    entries = [_entry(k, *trial) for k, trial in enumerate(_TRIALS)]
    assert _rows(memory_worth(entries, _value, "max")) == [
        (64, 2, 4, 71.5, True, 640.0),
        (128, 2, 3, 74.2, True, 1280.0),
        (256, 2, 2, 75.0, True, 2560.0),
        (512, 1, 5, 74.9, False, 5120.0),
    ]
    assert _rows(memory_worth(entries, _value, "min")) == [
        (64, 2, 1, 70.0, True, 640.0),
        (128, 2, 3, 74.2, False, 1280.0),
        (256, 2, 0, 74.0, False, 2560.0),
        (512, 1, 5, 74.9, False, 5120.0),
    ]


def test_no_memory_is_a_size_too():
    found = memory_worth([_entry(0, 0, 70.0), _entry(1, 64, 71.0)], _value, "max")
    assert [(one.size, one.bytes) for one in found] == [(0, 0.0), (64, 640.0)]
    assert [one.size for one in within(found, 1.0, "max")] == [0, 64]


def test_memories_are_compared_by_what_they_hold_where_the_budget_is_searched_as_well():
    """20 samples of each class are more than 240 in all."""
    entries = []
    for number, (size, budget, held) in enumerate(((20, "per_class", 12e3), (240, "total", 24e2))):
        values = {"replay.size": size, "replay.budget": budget}
        reports = [{"task": t, "x": 80.0, "replay/bytes": held} for t in (1, 2)]
        entries.append(TrialEntry(f"t{number}", number, values, reports, "finished"))
    found = memory_worth(entries, _value, "max")
    assert [(one.size, one.budget, one.pareto) for one in found] == [
        (240, "total", True),
        (20, "per_class", False),
    ]


def test_where_bytes_were_not_reported_memories_are_compared_by_size():
    entries = [_entry(0, 128, 70.0), _entry(1, 64, 70.0)]
    for entry in entries:
        entry.reports = [{"task": 1, "x": 70.0}]
    assert [(one.size, one.bytes) for one in memory_worth(entries, _value, "max")] == [
        (64, None),
        (128, None),
    ]


def test_of_equal_values_the_smaller_memory_is_chosen_at_no_margin(made):
    assert made(0.0, ((256, 75.0), (64, 75.0))).best().number == 1


def test_a_larger_memory_that_is_no_better_is_outside_the_pareto_set():
    found = memory_worth([_entry(0, 64, 70.0), _entry(1, 128, 70.0)], _value, "max")
    assert [one.pareto for one in found] == [True, False]


def test_trials_without_a_size_or_a_value_do_not_count():
    sizeless = TrialEntry("a", 0, {"method.epochs": 3}, [{"task": 1, "x": 99.0}], "finished")
    assert memory_worth([sizeless, _entry(1, 64, 1.0)], lambda _: None, "max") == []
    assert _rows(memory_worth([sizeless, _entry(1, 64, 1.0)], _value, "max"))[0][:3] == (64, 1, 1)


@pytest.mark.parametrize(
    ("margin", "sizes"), [(0.0, [256]), (0.1, [256, 512]), (0.8, [128, 256, 512]), (3.5, [64, 128, 256, 512])]
)
def test_the_margin_is_below_the_best_value_and_may_be_used_up(margin, sizes):
    entries = [_entry(k, *trial) for k, trial in enumerate(_TRIALS)]
    found = memory_worth(entries, _value, "max")
    assert [one.size for one in within(found, margin, "max")] == sizes
    assert within([], margin, "max") == []


def test_where_less_is_better_the_margin_is_above():
    entries = [_entry(0, 64, 30.9), _entry(1, 128, 30.0), _entry(2, 32, 31.1)]
    assert [one.size for one in within(memory_worth(entries, _value, "min"), 1.0, "min")] == [64, 128]


@pytest.mark.parametrize(("margin", "chosen"), [(0.0, 2), (1.0, 3), (4.0, 4)])
def test_the_smallest_memory_within_the_margin_is_chosen(made, margin, chosen):
    store = made(margin)
    assert store.best().number == chosen and store.leader().number == 2


def test_a_trial_that_was_stopped_is_neither_chosen_nor_told(made):
    store = made(1.0, (*_TRIALS, (32, 75.0, "stopped"), (16, 75.0, "failed")))
    assert store.best().number == 3 and [one.size for one in store.memory_worth()] == [64, 128, 256, 512]


def test_where_the_size_is_not_searched_the_best_value_is_chosen_whatever_the_margin(made):
    store = made(9.0)
    for entry in store.trials.values():
        del entry.values["replay.size"]
    assert store.best().number == 2
    assert memory_table(store) == memory_choice(store) == ""


def test_the_table_and_the_reason_in_words(made):
    assert memory_table(made(1.0)).splitlines() == [
        "replay.size  bytes       x  trial  trials",
        "         64    640  71.50*      5       2",
        "        128  1,280  74.20*      4       2",
        "        256  2,560  75.00*      3       2",
        "        512  5,120  74.90       6       1",
        "* no smaller memory is as good",
    ]
    said = "the smallest memory within 1 of trial 3, which has 75.00 with replay.size 256"
    assert memory_choice(made(1.0)) == said and memory_choice(made(0.0)) == ""
