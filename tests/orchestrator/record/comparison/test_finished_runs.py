"""A comparison reads only files that are the run's own."""

import json
import os
import shutil

import pytest
from written_run import make_earlier, write_run

from orchestrator.errors import UserError
from orchestrator.record.comparison.finished_runs import read_runs
from orchestrator.storage.run_files import IDENTITY_FILE


@pytest.fixture
def two(tmp_path):
    """A trial of one run, and a trial of another run with the same name, seed and method."""
    mine = write_run(tmp_path / "mine", "r", "t", averages=[60.0, 50.0], test=40.0)
    theirs = write_run(tmp_path / "theirs", "r", "t", averages=[99.0, 99.0], test=99.0)
    return mine, theirs


def test_a_run_is_read_as_it_lies_on_disk(tmp_path):
    write_run(
        tmp_path, "r", "t", kind="train", values={"replay.size": 64}, averages=[60.0, 50.0], test=40.0,
        ended=1234.5,
    )  # fmt: skip
    (run,) = read_runs(tmp_path)
    assert (run.method, run.stream, run.kind, run.memory, run.name) == ("ctp", "shapes", "train", "64", "r/t")
    assert (run.ended, run.commit, run.content) == (1234.5, "c" * 10, "content")
    assert [task["validation/average"] for task in run.tasks] == [60.0, 50.0]
    assert run.test == {"test/average": 40.0}


def test_what_a_trial_reported_is_read_from_the_file_that_says_whose_it_is(two):
    mine, theirs = two
    shutil.copy(theirs / "tasks.jsonl", mine)
    (run,) = read_runs(mine.parents[2])
    assert run.tasks[-1]["validation/average"] == 50.0


@pytest.mark.parametrize("file", ["status.json", "trial.json", "test/metrics.json"])
def test_another_runs_file_is_one_line(two, file):
    mine, theirs = two
    shutil.copy(theirs / file, mine / file)
    with pytest.raises(
        UserError, match=rf"{mine / file}: is another run's, or was changed; allowed: .*"
    ) as e:
        read_runs(mine.parents[2])
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("file", [IDENTITY_FILE, "tracking.jsonl"])
def test_another_runs_identity_or_journal_is_one_line(two, file):
    mine, theirs = two
    shutil.copy(theirs.parents[1] / file, mine.parents[1] / file)
    with pytest.raises(UserError, match="is another run's|is the record of another run"):
        read_runs(mine.parents[2])


def test_another_runs_trial_is_one_line(two):
    mine, theirs = two
    shutil.copytree(theirs, mine.parent / "u")
    with pytest.raises(UserError, match=r"u/trial.json: is another run's"):
        read_runs(mine.parents[2])
    shutil.rmtree(mine.parent / "u")
    shutil.copytree(mine, mine.parent / "u")  # the run's own, under another trial's name
    with pytest.raises(UserError, match=r"u/trial.json: is another run's"):
        read_runs(mine.parents[2])


def test_a_configuration_that_the_trial_was_not_proposed_with_is_one_line(tmp_path):
    folder = write_run(tmp_path, "r", "t", values={"method.learning_rate": 0.1})
    path = folder / "config.yaml"
    path.write_text(path.read_text().replace("0.1", "0.2"))
    with pytest.raises(UserError, match="says method.learning_rate 0.2, but the trial was proposed with 0.1"):
        read_runs(tmp_path)


def test_a_list_may_be_proposed_as_text(tmp_path):
    folder = write_run(tmp_path, "r", "t", values={"method.layers": "0, 1"})
    path = folder / "config.yaml"
    path.write_text(path.read_text().replace("layers: 0, 1", "layers: [0, 1]"))
    (run,) = read_runs(tmp_path)
    assert run.config["method.layers"] == [0, 1]


def test_a_run_of_an_earlier_version_is_read_from_its_table(two):
    mine, _ = two
    make_earlier(mine)
    (mine / "tasks.jsonl").write_text('{"task": 1, "validation/average": 7.0}\n')
    (run,) = read_runs(mine.parents[2])
    assert [task["validation/average"] for task in run.tasks] == [7.0] and run.content == ""
    assert run.test == {"test/average": 40.0}
    key = json.loads((mine.parents[1] / "tracking.jsonl").read_text().splitlines()[0])["key"]
    other = {"format": 2, "run": key, "config": "y", "stream": "z"}
    (mine.parents[1] / IDENTITY_FILE).write_text(json.dumps(other))
    (run,) = read_runs(mine.parents[2])
    assert len(run.tasks) == 1 and run.content == "z", "an identity of an earlier format, and files without"


@pytest.mark.parametrize("file", ["status.json", "test/metrics.json"])
def test_another_runs_file_is_one_line_in_a_run_of_an_earlier_format_too(two, file):
    mine, theirs = two
    for folder in (mine, theirs):  # whose stamps were perhaps made in another way
        path = folder.parents[1] / IDENTITY_FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 1}))
    assert len(read_runs(mine.parents[2])) == 1
    shutil.copy(theirs / file, mine / file)
    with pytest.raises(UserError, match=rf"{mine / file}: is another run's"):
        read_runs(mine.parents[2])


def test_an_identity_that_is_none_is_one_line(two):
    mine, _ = two
    for text in ("{", "[]", '{"format": 4}', '{"format": 1, "run": 2, "config": "c", "stream": "s"}'):
        (mine.parents[1] / IDENTITY_FILE).write_text(text)
        with pytest.raises(UserError, match="not JSON|is no identity of a run|format 1, allowed"):
            read_runs(mine.parents[2])


def test_a_stamped_test_beside_an_earlier_status_is_one_line(two):
    """A status without a stamp in a run that has an identity is none of its files."""
    mine, _ = two
    (mine / "status.json").write_text(json.dumps({"status": "finished", "reason": ""}))
    with pytest.raises(UserError, match="status.json: is another run's"):
        read_runs(mine.parents[2])


def test_a_trial_that_went_on_at_another_commit_is_of_both(tmp_path):
    folder = write_run(tmp_path, "r", "t", commit="a" * 40)
    more = {"op": "start", "run": "t", "tags": {"git.commit": "b" * 40, "git.dirty": "true"}}
    with open(folder.parents[1] / "tracking.jsonl", "a") as file:
        file.write(json.dumps(more) + "\n")
    (run,) = read_runs(tmp_path)
    assert run.commit == "aaaaaaaaaa, bbbbbbbbbb+"


def test_a_time_that_is_none_is_the_file_systems(tmp_path):
    folder = write_run(tmp_path, "r", "t", ended=5.0)
    os.utime(folder / "status.json", (7, 7))
    journal = folder.parents[1] / "tracking.jsonl"
    kept = journal.read_text()
    assert [run.ended for run in read_runs(tmp_path)] == [5.0]
    for time in ("1e300", "NaN", "true", '"5"', "null"):
        journal.write_text(kept.replace('"time": 5000', f'"time": {time}'))
        assert [run.ended for run in read_runs(tmp_path)] == [7.0]


def test_only_finite_numbers_are_metrics(tmp_path):
    report = '{"task": 1, "validation/average": NaN, "a": Infinity, "b": true, "c": 2, "d": "3", "e": 1%s}'
    folder = write_run(tmp_path, "r", "t")
    make_earlier(folder)
    (folder / "tasks.jsonl").write_text(report % ("0" * 400) + "\n")
    (run,) = read_runs(tmp_path)
    assert run.tasks == [{"task": 1.0, "c": 2.0}]


def test_of_a_sweep_for_several_objectives_the_knee_of_the_set_counts_as_tested(tmp_path):
    for name, average, held in (("a", 90.0, 1000.0), ("b", 85.0, 100.0), ("c", 20.0, 50.0)):
        report = {"task": 1, "validation/average": average, "replay/bytes": held}
        tested = {} if name == "c" else {"test": average}  # a was the best first, and b is the knee
        trial = write_run(tmp_path, "r", name, reports=[report], **tested)
        path = trial / "trial.json"
        path.write_text(path.read_text().replace('"number": 0', f'"number": {"abc".index(name)}'))
    goals = [{"metric": "validation/average", "mode": "max"}, {"metric": "replay/bytes", "mode": "min"}]
    (tmp_path / "r" / "space.yaml").write_text(json.dumps({"objectives": goals}))
    found = {run.name: (run.test, run.chosen) for run in read_runs(tmp_path)}
    assert found["r/a"] == (None, "r/b") and found["r/b"][0] == {"test/average": 85.0}


def test_a_run_of_a_study_in_an_extreme_order_is_read_where_its_own_folder_is_given(tmp_path):
    for name in ("s-er-pair1", "s-er-best-order"):
        write_run(tmp_path, name, "seed_1", kind="train", test=40.0)
    assert [run.name for run in read_runs(tmp_path)] == ["s-er-pair1/seed_1"]
    assert [run.name for run in read_runs(tmp_path / "s-er-best-order")] == ["s-er-best-order/seed_1"]
