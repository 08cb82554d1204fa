"""Tags that a run gets between its start and its end."""

import json

from orchestrator.tracking import Tracker
from orchestrator.tracking.record_reader import RecordReader


def test_a_tag_is_recorded_once_and_anew_where_it_differs_and_reaches_the_store(runs):
    for value in ("1", "1", "2"):
        tracker = Tracker(runs / "sweep", None, "er on digits", "sweep", run="ab12")
        tracker.start({}, {})
        tracker.trial_start("aa", {})
        tracker.tags("aa", {"test.matrix": f"[[{value}]]", "long": "x" * 8001})
        tracker.tags(None, {"importance": "{}"})
        assert tracker.close().message == ""
    lines = map(json.loads, (runs / "sweep" / "tracking.jsonl").read_text().splitlines())
    assert [(line["run"], line["tags"]) for line in lines if line["op"] == "tags"] == [
        ("aa", {"test.matrix": "[[1]]"}), ("", {"importance": "{}"}), ("aa", {"test.matrix": "[[2]]"}),
    ]  # fmt: skip
    sweep, trial = RecordReader(runs).of("ab12")
    assert trial.tags["test.matrix"] == "[[2]]" and sweep.tags["importance"] == "{}"
    assert "long" not in trial.tags
