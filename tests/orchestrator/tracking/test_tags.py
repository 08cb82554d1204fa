"""Tags that a run gets between its start and its end."""

import json
import re
from types import SimpleNamespace

import pytest

from orchestrator.tracking import Tracker
from orchestrator.tracking.long_tag import cut_tag, whole_tag
from orchestrator.tracking.record_reader import RecordReader
from orchestrator.tracking.recorded_run import RecordedRun


def test_a_tag_is_recorded_once_and_anew_where_it_differs_and_reaches_the_store(runs):
    for value in ("1", "1", "2"):
        tracker = Tracker(runs / "sweep", None, "er on digits", "sweep", run="ab12")
        tracker.start({}, {})
        tracker.trial_start("aa", {})
        tracker.tags("aa", {"test.matrix": f"[[{value}]]"})
        tracker.tags(None, {"importance": "{}"})
        assert tracker.close().message == ""
    lines = map(json.loads, (runs / "sweep" / "tracking.jsonl").read_text().splitlines())
    assert [(line["run"], line["tags"]) for line in lines if line["op"] == "tags"] == [
        ("aa", {"test.matrix": "[[1]]"}), ("", {"importance": "{}"}), ("aa", {"test.matrix": "[[2]]"}),
    ]  # fmt: skip
    sweep, trial = RecordReader(runs).of("ab12")
    assert trial.tags["test.matrix"] == "[[2]]" and sweep.tags["importance"] == "{}"


def test_a_tag_that_is_too_long_for_mlflow_has_its_beginning_and_a_file_with_all_of_it(runs):
    question, why = "Why? " * 2000, "ä" * 8001
    for _ in range(2):
        tracker = Tracker(runs / "sweep", None, "er on digits", "sweep", run="ab12")
        tracker.start({}, {}, own_tags={"study.question": question, "short": "y" * 7999})
        tracker.trial_start("aa", {})
        tracker.tags(None, {"importance": why})
        tracker.trial_end("aa", "failed", "z" * 9000)
        assert tracker.close().message == ""
    lines = [json.loads(line) for line in (runs / "sweep" / "tracking.jsonl").read_text().splitlines()]
    assert [line["op"] for line in lines].count("tags") == 1, "what is equal is recorded once"
    reader = RecordReader(runs)
    sweep, trial = reader.of("ab12")
    kept = sweep.tags["study.question"]
    assert len(kept) == 8000 and kept.startswith("Why? Why?")
    note = r"… \[cut: 10000 letters, sha256 [0-9a-f]{12}; all of it is in tags/study.question.txt\]"
    assert re.search(f"{note}$", kept)
    assert whole_tag(reader, sweep, "study.question") == question
    assert whole_tag(reader, sweep, "importance") == why and whole_tag(reader, sweep, "short") == "y" * 7999
    assert whole_tag(reader, trial, "reason") == "z" * 9000 and whole_tag(reader, trial, "none") == ""


def _gone(run, path):
    raise LookupError(f"no {path} in the record")


@pytest.mark.parametrize(
    ("text", "read", "said"),
    [
        (cut_tag("a", "x" * 9000), _gone, "is cut after 7930 of 9000 letters: no tags/a.txt in the record"),
        (cut_tag("a", "x" * 9000), lambda run, path: "y" * 9000, "is cut, and tags/a.txt has another text"),
        ("x" * 8000, _gone, "has 8000 letters, as many as MLflow keeps: it was cut"),
    ],
)
def test_a_cut_tag_without_its_file_is_refused_in_one_line(text, read, said):
    run = RecordedRun("1", "ab12", "", "s-er", {"a": text}, {}, {}, 0.0, "")
    with pytest.raises(LookupError) as caught:
        whole_tag(SimpleNamespace(text=read), run, "a")
    assert str(caught.value) == f"s-er: the tag a {said}"
