"""The table with which a search ends."""

import pytest

from orchestrator.evaluation.objective import Objective
from orchestrator.record.trial_store import TrialStore


@pytest.fixture
def store(tmp_path):
    return TrialStore(tmp_path / "trials", Objective("validation/average", "max"), 2)


def _walk(store, name, values, status="finished", searched=None, forgetting=None):
    store.start(name, searched or {}, {"method": {"name": "ctp"}})
    for task, value in enumerate(values, 1):
        report = {"task": task, "validation/average": value}
        lost = forgetting if task == len(values) else 9.0
        store.report(name, report | ({} if forgetting is None else {"validation/forgetting": lost}))
    if status != "running":
        store.end(name, status)


def test_scores_have_two_decimals_and_what_was_cut_short_is_interrupted(store):
    _walk(store, "a", [60.0, 50.12345], forgetting=-3.553e-15, searched={"method.rate": 0.000312345})
    _walk(store, "b", [55.0], "running", searched={"method.rate": 0.5})
    _walk(store, "c", [54.0], "stopped", searched={"method.rate": 0.7})
    _walk(store, "d", [40.0, 30.0], "stopped", searched={"method.rate": 0.8})
    assert store.table().splitlines() == [
        "trial       status  tasks  average  forgetting       rate",
        "    1     finished    2/2    50.12        0.00  0.0003123",
        "    4      stopped    2/2    30.00           -        0.8",
        "    3      stopped    1/2    54.00           -        0.7",
        "    2  interrupted    1/2    55.00           -        0.5",
    ]


def test_a_table_is_100_columns_wide_and_names_what_had_no_room(store):
    for number in range(3):
        same = {f"method.some.long_name_{k}": 1.5 for k in range(12)}
        _walk(store, f"t{number}", [1.0, 2.0], searched={**same, "replay.size": 100 + number})
    lines = store.table().splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split()[5:] == ["replay.size", "some.long_name_0", "some.long_name_1"], (
        "what differs first"
    )
    rest = " ".join(lines[4:])
    assert rest == "Not shown: " + ", ".join(f"method.some.long_name_{k}" for k in range(2, 12))


def test_a_table_may_end_after_some_lines(store):
    for number in range(5):
        _walk(store, f"t{number}", [1.0, float(number)])
    lines = store.table(2).splitlines()
    assert [line.split()[0] for line in lines] == ["trial", "5", "4", "..."] and lines[-1] == "... and 3 more"
    assert len(store.table(5).splitlines()) == 6


def test_a_run_without_trials_has_a_heading_alone(store):
    assert store.table() == "trial  status  tasks  average  forgetting"
