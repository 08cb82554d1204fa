"""The text of a run's page in MLflow: the question, how values were chosen, the best, and what failed."""

import pytest

from orchestrator.config import RunConfig
from orchestrator.evaluation.objective import Objective
from orchestrator.record.notes import search_note, seeds_note
from orchestrator.record.trial_store import TrialStore

pytestmark = pytest.mark.unit

_CONFIG = RunConfig.from_dict({"method.name": "clip-er", "stream.name": "digits"})
_GOAL = Objective("validation/average", "max")
_NAN = "loss is nan at step 11"
_LOOK = "Its look at the test splits, a single run:"


@pytest.fixture
def store(tmp_path):
    """A search whose second trial is the best, and of which some trials failed."""
    found = TrialStore(tmp_path / "trials", _GOAL, 2)
    ends = [("", 50.0), ("", 60.0), (_NAN, None), ("out of memory", None), (_NAN, None)]
    for number, (reason, score) in enumerate(ends):
        name = f"t{number}"
        found.start(name, {"method.learning_rate": 0.1 * (number + 1)}, {"method": {"name": "clip-er"}})
        for task in range(1, 3 if score else 1):
            found.report(name, {"task": task, "validation/average": score})
        found.end(name, "failed" if reason else "finished", reason)
    return found


def _lines(store, tested=None, **more):
    return search_note(_CONFIG, _GOAL, 5, store, tested or {}, "again", **more).splitlines()


def test_a_search_that_is_never_tested_has_its_choice(store):
    lines = _lines(store, by="end-of-stream", question="Does  it\nhelp?")
    searched = "clip-er on digits: a search of 5 trials for the most `validation/average`, seed 0"
    assert lines[:5] == [
        "**Does it help?**",
        "",
        f"{searched}. 3 failed, 2 finished.",
        "It chooses by validation data, protocol `end-of-stream`.",
        f"Failed: 2 x `{_NAN}`; 1 x `out of memory`.",
    ]
    assert "Chosen on validation: trial 2, `validation/average` 60.00." in lines
    assert "| method.learning_rate | 0.2 |" in lines and _LOOK not in lines


def test_one_that_was_tested_has_the_look_too(store):
    lines = _lines(store, {"test/average": 55.0})
    assert _LOOK in lines and "| average | 55.00 | % |" in lines
    assert lines[0].startswith("clip-er on digits"), "it has no question"
    assert not [line for line in lines if "protocol" in line]


def test_what_is_best_of_a_search_that_has_not_ended_is_no_choice(store):
    lines = _lines(store, finished=False, by="first-tasks 2", protocol="of the first 2 tasks")
    assert "Best so far on validation: trial 2, `validation/average` 60.00." in lines
    assert "It chooses by validation data, protocol `first-tasks 2`." in lines
    assert not [line for line in lines if line.startswith("Chosen")]


def test_reasons_are_a_few_short_lines(store, tmp_path):
    for number, reason in enumerate(["a `b`\nc", "x" * 500, "y", "y"]):
        store.start(f"more{number}", {}, {"method": {"name": "clip-er"}})
        store.end(f"more{number}", "failed", reason)
    (line,) = [one for one in _lines(store) if one.startswith("Failed")]
    assert line == f"Failed: 2 x `{_NAN}`; 1 x `out of memory`; 1 x `a 'b' c`; 3 for other reasons."
    only = TrialStore(tmp_path / "other" / "trials", _GOAL, 2)
    only.start("t", {}, {"method": {"name": "clip-er"}})
    only.end("t", "failed", "x" * 500)
    (line,) = [one for one in _lines(only) if one.startswith("Failed")]
    assert line == f"Failed: 1 x `{'x' * 157}...`."


def test_a_run_of_fixed_values_has_the_question_and_what_failed_too(store):
    lines = seeds_note(_CONFIG, [1], store, {}, "again", question="Does it help?").splitlines()
    assert lines[0] == "**Does it help?**" and lines[2].startswith("clip-er on digits, seed 1. ")
    assert lines[3] == f"Failed: 2 x `{_NAN}`; 1 x `out of memory`."
