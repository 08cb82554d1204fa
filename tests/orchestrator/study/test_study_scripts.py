"""A study for scripts: ``--quiet`` and ``--json``. No Ray is started."""

import json

import pytest

from orchestrator.errors import UserError
from orchestrator.execution.job import Outcome
from orchestrator.study import __main__ as command

pytestmark = pytest.mark.unit

_STUDY = """
methods:
  plain: {name: clip-finetune}
  kept: {name: clip-er}
streams: {digits: }
trials: 2
pairs: 2
"""
_LOST = Outcome("failed", "no space left", fatal=True)


@pytest.fixture
def typed(played, tmp_path, capsys):
    """What ``study study.yaml`` with the given words prints, and its exit status."""
    (tmp_path / "study.yaml").write_text(_STUDY)

    def run(*words):
        status = command.main(list(words) if "--resume" in words else ["study.yaml", "--name", "s", *words])
        return status, *capsys.readouterr()

    return run


def test_quiet_prints_what_the_study_ends_with_alone(typed, tmp_path):
    status, out, err = typed("--quiet")
    said = (tmp_path / "runs" / "s" / "result.md").read_text().rstrip("\n")
    files = "report.html, result.md, result.csv, result.tex, result.json, pairs.csv"
    assert (status, out, err) == (0, f"{said}\n\nruns/s/: {files}\n", "")


def test_quiet_names_what_stopped_a_study_and_how_to_go_on(typed, played):
    played.at = {("s-plain", "trial_0001"): _LOST}
    status, out, err = typed("--quiet")
    assert status == 1 and out.startswith("## digits\n") and err == ""
    assert "\nStopped: no space left\n" in out and out.endswith("  python -m orchestrator.study --resume s\n")


def test_json_is_the_result_with_how_the_study_ended(typed, tmp_path):
    status, out, err = typed("--json")
    assert out.count("\n") == 1 and status == 0
    found, kept = json.loads(out), json.loads((tmp_path / "runs" / "s" / "result.json").read_text())
    ended = {key: found[key] for key in ("folder", "status", "reason", "exit_status")}
    folder = str(tmp_path / "runs" / "s")
    assert ended == {"folder": folder, "status": "finished", "reason": "", "exit_status": 0}
    assert {key: value for key, value in found.items() if key not in ended} == kept
    assert found["name"] == "s" and found["streams"][0]["methods"][0]["summaries"]["average"]["mean"] == 51.5
    assert "] s-plain: trial_0002 is best" in err and "## digits" not in err, "progress alone"


def test_json_of_a_study_that_did_not_end(typed, played, monkeypatch):
    played.at = {("s-plain", "trial_0001"): _LOST}
    status, out, err = typed("--json", "--quiet")
    found = json.loads(out)
    assert (status, found["status"], found["exit_status"], err) == (1, "failed", 1, "")
    assert found["reason"] == "no space left" and found["streams"][0]["failed"] == ["s-plain: no space left"]
    played.at = {("s-kept", "trial_0001"): KeyboardInterrupt()}
    status, out, _ = typed("--resume", "s", "--json", "--quiet")
    found = json.loads(out)
    assert (status, found["status"], found["exit_status"], found["reason"]) == (130, "interrupted", 130, "")
    played.at = {}
    status, out, _ = typed("--resume", "s", "--json", "--quiet")
    assert (status, json.loads(out)["status"]) == (0, "finished")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["study.yaml", "--json", "--dry-run"],
            "^--json beside --dry-run: it starts nothing and has no result; al",
        ),
        (["--report", "s", "--json"], "^--report s: starts nothing; leave out json$"),
        (["--report", "s", "--quiet"], "^--report s: starts nothing; leave out quiet$"),
    ],
)
def test_what_has_no_result_to_say_is_refused(typed, capsys, words, said):
    with pytest.raises(UserError, match=said):
        command.main(words)
    assert capsys.readouterr().out == ""


def test_the_forecast_of_a_study_is_made_where_somebody_sees_it_alone(typed, played, monkeypatch):
    given, run = [], command.StudyStart.run

    def noted(self, last, live, end):
        given.append(live)
        return run(self, last, live, end)

    monkeypatch.setattr(command.StudyStart, "run", noted)
    typed("--quiet")
    typed("--resume", "s")
    assert given == [None, None], "neither where all is quiet nor where standard output is no terminal"


def test_the_runs_of_a_study_have_its_question_on_their_pages(typed, played, tmp_path):
    (tmp_path / "study.yaml").write_text(f"question: Does it help?\n{_STUDY}")
    typed("--quiet")
    notes = {}
    for name in ("s-plain", "s-plain-pair1"):
        journals = (tmp_path / "runs" / name).rglob("*.jsonl")
        lines = [
            line for file in journals for line in file.read_text().splitlines() if "note.content" in line
        ]
        notes[name] = json.loads(lines[-1])["tags"]["mlflow.note.content"].splitlines()
    assert notes["s-plain"][0] == notes["s-plain-pair1"][0] == "**Does it help?**"
    assert "Chosen on validation: trial 2, `validation/average` 20.00." in notes["s-plain"]
    assert "| method.learning_rate | 0.002 |" in notes["s-plain"], "it is never tested"
