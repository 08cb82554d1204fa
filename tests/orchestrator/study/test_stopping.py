"""Which rule stops the trials of a study's searches. Its runs are played."""

import re

import pytest

from orchestrator.commands.sweep_request import SweepRequest
from orchestrator.errors import UserError
from orchestrator.storage.run_files import STUDY_FILE, SWEEP_FILE
from orchestrator.study.study_request import StudyRequest

pytestmark = pytest.mark.unit


def _rules(runs):
    """What the study asks for, and what each of its searches does."""
    searches = [SweepRequest.read(runs / name / SWEEP_FILE).scheduler for name in ("s-plain", "s-kept")]
    return StudyRequest.read(runs / "s" / STUDY_FILE).scheduler, *searches


@pytest.mark.parametrize(
    ("asked", "rule", "said"),
    [
        ({}, "none", "(end-of-stream); no trial is stopped early."),
        (
            {"scheduler": "asha"},
            "asha",
            "(end-of-stream); asha stops trials in the first half of the stream.",
        ),
    ],
)
def test_no_trial_is_stopped_unless_a_rule_is_named(played, tmp_path, asked, rule, said):
    status, told = played.begun(**asked)
    assert status == 0 and told.count(said) == 1
    assert _rules(tmp_path / "runs") == (rule, rule, rule)
    assert played.gone_on(pairs=3)[0] == 0
    assert _rules(tmp_path / "runs") == (rule, rule, rule)


def test_a_study_of_an_earlier_version_goes_on_by_the_rules_of_its_search_spaces(played, tmp_path):
    assert played.begun()[0] == 0
    runs = tmp_path / "runs"
    for file in (runs / "s" / STUDY_FILE, runs / "s-plain" / SWEEP_FILE, runs / "s-kept" / SWEEP_FILE):
        kept = file.read_text()
        assert kept.count("scheduler: none\n") == 1
        file.write_text(kept.replace("scheduler: none\n", ""))
    parts = runs / "s" / "parts.json"
    parts.write_text(re.sub(r'"scheduler": "none",\s*', "", parts.read_text()))
    assert "scheduler" not in parts.read_text()
    before = list(played.searched)
    status, told = played.gone_on(pairs=3)
    assert status == 0 and "(end-of-stream)." in told
    assert _rules(runs) == (None, None, None) and played.searched == before


def test_a_rule_has_a_name_and_none_is_named_beside_a_walk(played):
    with pytest.raises(UserError, match="^f: scheduler .*'best'.*asha, median"):
        played.new(scheduler="best")
    said = "--scheduler none: by the protocol per-task a method has one walk"
    with pytest.raises(UserError, match=f"^plain: {said}"):
        played.new(protocol="per-task", scheduler="none", trials=None)
