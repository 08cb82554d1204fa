"""The files that a study leaves beside its table: whatever ended it, and made again from what is kept."""

import csv
import json
import re

import pytest
from told_study import read_page

from orchestrator.errors import UserError
from orchestrator.execution.job import Outcome
from orchestrator.study import __main__ as command
from orchestrator.study import study_files
from orchestrator.study.recorded_pair import recorded_pair
from orchestrator.study.recorded_search import recorded_search
from orchestrator.study.study_book import StudyBook

pytestmark = pytest.mark.unit

_FILES = ("report.html", "result.md", "result.csv", "result.tex", "result.json", "pairs.csv")


def files(folder):
    return {name: (folder / "runs" / "s" / name).read_text() for name in _FILES}


def test_a_study_leaves_its_files_and_says_where(played, tmp_path):
    told = played.begun()[1]
    assert f"runs/s/: {', '.join(_FILES)}" in told.splitlines()
    found = files(tmp_path)
    lines = list(csv.DictReader(found["pairs.csv"].splitlines()))
    assert [(one["method"], one["pair"], one["average"], one["validation"]) for one in lines] == [
        (label, str(n), str(50.0 + n), "20.0") for label in ("plain", "kept") for n in (1, 2)
    ]
    (there,) = json.loads(found["result.json"])["streams"]
    assert there["objective"] == "validation/average"
    assert there["methods"][0]["chosen"] == {"method.learning_rate": 0.002}
    assert "plain & 0 & 2 & $51.5 \\pm 0.7$" in found["result.tex"]
    assert "digits,plain,2,0,0,20.0,average,2,51.5," in found["result.csv"]


def test_the_page_has_the_numbers_of_the_table(played, tmp_path):
    played.at = {
        ("s-kept-pair2", "seed_2"): Outcome("failed", "loss is nan"),
        ("s-kept", "trial_0001"): _FAILED,
    }
    played.begun(pairs=3)
    found = files(tmp_path)
    rows = [line.strip("| ").split(" | ") for line in found["result.md"].splitlines() if line[:2] == "| "][2:]
    page = read_page(found["report.html"])
    assert len(rows) == 2 and rows[1][:4] == ["kept", "2, 1 failed", "searched", "2"]
    assert [[row[k] for k in (0, 6, 4, 3, 1, 2)] for row in page.tables["leaderboard"][1:]] == rows
    (sentence,) = [
        line[2:] for line in found["result.md"].splitlines() if line.startswith("- plain and kept")
    ]
    assert page.words.count(sentence) == 2, "as the answer and below the table"
    assert "s-kept-pair2: seed_2: loss is nan" in page.words


_FAILED = Outcome("failed", "loss is nan")


def test_whatever_ends_a_study_it_has_its_files_and_resumed_it_has_them_anew(played, tmp_path):
    played.at = {("s-plain-pair1", "seed_1"): KeyboardInterrupt()}
    assert played.begun()[0] == 130
    first = files(tmp_path)
    assert "plain shares no pair that has ended with another method yet." in first["report.html"]
    assert first["pairs.csv"].count("\n") == 1
    played.at = {}
    assert played.gone_on()[0] == 0
    second = files(tmp_path)
    assert second["pairs.csv"].count("\n") == 5 and all(first[name] != second[name] for name in _FILES)


def test_report_writes_the_same_files_and_starts_nothing(played, tmp_path, capsys):
    played.begun()
    before = files(tmp_path)
    for name in _FILES:
        (tmp_path / "runs" / "s" / name).unlink()
    walked = len(played.walked)
    assert command.main(["--report", "s"]) == 0
    assert files(tmp_path) == before and len(played.walked) == walked and len(played.sessions) == 1
    out = capsys.readouterr().out
    assert before["result.md"] in out and out.endswith(f"\nruns/s/: {', '.join(_FILES)}\n")


def test_report_of_a_study_that_was_asked_for_otherwise_says_so(played, tmp_path, capsys):
    played.begun()
    path = tmp_path / "runs" / "s" / "study.yaml"
    path.write_text(path.read_text().replace("trials: 2", "trials: 1"))
    assert command.main(["--report", "s"]) == 0
    said = (
        "s-plain: was asked for with trials 2, not 1; allowed: study.yaml and the search spaces as they were"
    )
    assert said in capsys.readouterr().out
    assert said in " ".join(read_page(files(tmp_path)["report.html"]).words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--report", "s", "--resume", "s"], "^--report s: starts nothing; leave out resume$"),
        (["study.yaml", "--report", "s"], "^--report s: starts nothing; leave out file$"),
        (["--report", "s", "--dry-run"], "^--report s: starts nothing; leave out dry-run$"),
        (["--report", "s", "--set", "a=1"], "^--report s: starts nothing; leave out set$"),
        (["--report", "s", "--pairs", "0"], "^--report s: starts nothing; leave out pairs$"),
        (["--report", "t"], r"^--report t: there is no runs/t/study.yaml; there are none$"),
        (["--report", ""], "^--report '': allowed are 1 to 100 letters"),
    ],
)
def test_what_report_does_not_take_is_one_line(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        command.main(words)


def test_a_folder_that_takes_no_file_is_one_line(played, tmp_path):
    played.begun(pairs=1)
    (tmp_path / "runs" / "s" / "result.tex").unlink()
    (tmp_path / "runs" / "s" / "result.tex").mkdir()
    with pytest.raises(UserError, match=r"result\.tex.*: cannot be written \(.*; allowed: a study's folder"):
        command.main(["--report", "s"])


def test_a_file_that_cannot_be_made_takes_no_table_from_the_last_lines(played, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("by zero")

    start, told = played.new(pairs=1), []
    monkeypatch.setattr(study_files, "study_result", broken)
    with pytest.raises(ZeroDivisionError):
        start.run(told.append)
    assert "| plain | 2 | 0 | 1 | 51.0 |  |" in told[-1] and "report.html" not in told[-1]


def test_matrices_seconds_and_curves_are_those_of_the_runs(played, tmp_path):
    played.begun(pairs=1)
    trial = tmp_path / "runs" / "s-plain-pair1" / "trials" / "seed_1"
    (trial / "test" / "matrix.csv").write_text("after,a,b\na,80.0,5.0\nb,60.5,70.0\n")
    status = json.loads((trial / "status.json").read_text())
    for report, seconds, kept in zip(status["reports"], (1.5, 2.0), (10.0, 20.0), strict=True):
        report |= {"seconds/train": seconds, "replay/items": kept}
    (trial / "status.json").write_text(json.dumps(status))
    command.main(["--report", "s"])
    found = files(tmp_path)
    (plain, kept) = json.loads(found["result.json"])["streams"][0]["methods"]
    assert plain["pairs"][0]["matrix"] == [[80.0, 5.0], [60.5, 70.0]]
    assert plain["pairs"][0]["cost"] == {"replay/items": 20.0, "seconds/train": 3.5}
    words = read_page(found["report.html"]).words
    assert "plain, after task 2: 65.2" in words and "60" in words
    assert [word for word in words if word.startswith("trial_")] == [
        "trial_0001: finished after task 2, 10.0",
        "trial_0002: finished after task 2, 20.0",
        "trial_0001: finished after task 2, 10.0",
        "trial_0002: finished after task 2, 20.0",
        "trial_0002",
        "trial_0002",
    ]
    assert kept["pairs"][0]["matrix"] is None, "which this play does not write"


def test_what_a_search_spent_and_how_pictures_drifted_are_those_of_the_reports(played, tmp_path):
    played.begun(pairs=2)
    runs = tmp_path / "runs"
    for trial, seconds, gpus in (("trial_0001", 100.0, 0.5), ("trial_0002", 20.0, 1.0)):
        _change(runs / "s-plain" / "trials" / trial, seconds, {"seconds/evaluate": 1.0, "gpus": gpus})
    _change(runs / "s-kept" / "trials" / "trial_0001", 100.0, {"seconds/evaluate": 1.0})
    for pair, angle in ((1, 60.0), (2, 70.0)):
        trial = runs / f"s-plain-pair{pair}" / "trials" / f"seed_{pair}"
        _change(trial, 1.0, {"validation/drift/angle": angle})
    command.main(["--report", "s"])
    found = files(tmp_path)
    plain, kept = json.loads(found["result.json"])["streams"][0]["methods"]
    # Two tasks of each trial: 2 x 101 s at half a GPU, and 2 x 21 s at one.
    assert plain["spent"] == {"seconds": 244.0, "gpu_hours": pytest.approx((101 + 42) / 3600)}
    assert kept["spent"] == {}, "one of its trials did not record it"
    page = read_page(found["report.html"])
    heads, first, second = page.tables["leaderboard"]
    assert heads[-2:] == ["search seconds", "search GPU-hours"]
    assert (first[-2:], second[-2:]) == (["244", "0.040"], ["–", "–"])
    assert plain["pairs"][1]["drift"] == [70.0, 70.0] and "drift" not in kept["pairs"][0]
    assert page.words.count("plain, after task 2: 65.0") == 1 and "Drift" in page.heads
    assert not [word for word in page.words if word.startswith("kept, after task")]


def test_a_search_of_which_a_part_is_gone_has_spent_nobody_knows_what(played, tmp_path):
    played.begun()
    for trial in ("trial_0001", "trial_0002"):
        _change(tmp_path / "runs" / "s-plain" / "trials" / trial, 1.0, {"seconds/evaluate": 1.0})
    (tmp_path / "runs" / "s-plain" / "trials" / "trial_0001" / "status.json").write_text("{")
    command.main(["--report", "s"])
    found = files(tmp_path)
    assert json.loads(found["result.json"])["streams"][0]["methods"][0]["spent"] == {}
    assert "Drift" not in read_page(found["report.html"]).heads, "no run measured it"


def _change(trial, seconds, more):
    status = json.loads((trial / "status.json").read_text())
    for report in status["reports"]:
        report |= {"seconds/train": seconds, **more}
    (trial / "status.json").write_text(json.dumps(status))


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("test/matrix.csv", "after,a\na,x\n", r"matrix\.csv: "),
        ("test/matrix.csv", "after,a,b\na,1,2\n", r"matrix\.csv: has shape \(1, 2\); allowed: a square one"),
        ("test/matrix.csv", "", r"matrix\.csv: line 1 must be 'after'"),
        ("status.json", "{", r"status\.json: cannot be read \("),
        ("status.json", '{"reports": [3]}', r"status\.json: cannot be read \("),
        ("status.json", '{"reports": [{"replay/items": "x"}]}', r"status\.json: cannot be read \("),
    ],
)
def test_what_cannot_be_read_of_a_pair_is_missing_and_said(tmp_path, file, text, said):
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "matrix.csv").write_text("after,a\na,50.0\n")
    (tmp_path / "status.json").write_text('{"reports": [{"seconds/train": 2}]}')
    assert recorded_pair(tmp_path)[1:] == ({"seconds/train": 2.0}, "")
    (tmp_path / file).write_text(text)
    matrix, cost, missing = recorded_pair(tmp_path)
    assert re.search(said, missing) and "\n" not in missing
    assert (matrix is None, cost == {}) == ("matrix" in file, "status" in file)


def test_trials_of_a_search_are_read_in_their_order_and_a_broken_one_is_said(tmp_path):
    for number, status in ((2, "stopped"), (0, "finished"), (1, "failed")):
        trial = tmp_path / "trials" / f"t{9 - number}"
        trial.mkdir(parents=True)
        (trial / "trial.json").write_text(json.dumps({"number": number, "values": {"a": number}}))
        reports = [{"o": 1.0}, {"o": float("nan")}, {}]
        (trial / "status.json").write_text(json.dumps({"status": status, "reason": "", "reports": reports}))
    trials, values, missing = recorded_search(tmp_path, "o", "t9")
    assert [(one.id, one.status, one.chosen) for one in trials] == [
        ("t9", "finished", True),
        ("t8", "failed", False),
        ("t7", "stopped", False),
    ]
    assert (values, missing) == ({"a": 0}, "") and trials[0].curve == (1.0, None, None)
    (tmp_path / "trials" / "t8" / "status.json").write_text("[]")
    trials, _, missing = recorded_search(tmp_path, "o", "t9")
    assert len(trials) == 2 and missing.startswith(f"{tmp_path / 'trials' / 't8'}: cannot be read (")
    assert recorded_search(tmp_path, "o", "t1")[2].startswith(f"{tmp_path / 'trials' / 't8'}: cannot")
    (tmp_path / "trials" / "t8" / "trial.json").unlink()
    assert (
        recorded_search(tmp_path, "o", "t1")[2]
        == f"{tmp_path / 'trials' / 't1'}: cannot be read (no such trial)"
    )


def test_runs_that_are_gone_are_said_and_the_figures_stay(played, tmp_path):
    played.begun(pairs=1)
    (tmp_path / "runs" / "s-plain").rename(tmp_path / "away")
    (tmp_path / "runs" / "s-kept-pair1").rename(tmp_path / "away-too")
    command.main(["--report", "s"])
    page = read_page(files(tmp_path)["report.html"])
    assert [row[1] for row in page.tables["leaderboard"][1:]] == ["51.0", "51.0"]
    said = " ".join(page.words)
    assert "runs/s-plain/trials/trial_0002: cannot be read (no such trial)" in said
    assert "runs/s-kept-pair1/trials/seed_1/test/matrix.csv: cannot be read (No such file" in said


def test_a_figure_that_is_no_number_counts_as_none(played, tmp_path):
    played.begun()
    folder = tmp_path / "runs" / "s"
    book = json.loads((folder / "parts.json").read_text())
    book["parts"]["s-kept-pair1"]["test"]["average"] = float("nan")
    (folder / "parts.json").write_text(json.dumps(book))
    assert StudyBook(folder).parts["s-kept-pair1"].test["average"] != 0
    command.main(["--report", "s"])
    found = files(tmp_path)
    assert "| kept | 2 | searched | 1 | 52.0 |  |" in found["result.md"]
    assert read_page(found["report.html"]).tables["leaderboard"][2][:4] == ["kept", "52.0", "–", "1"]
    assert "digits,kept,1,1,1,searched,20.0,," in found["pairs.csv"]
