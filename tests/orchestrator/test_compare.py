"""Tables and pictures from runs as they lie on disk."""

import json

import numpy as np
import pytest
import yaml

from orchestrator import compare
from orchestrator.errors import UserError
from orchestrator.plots import write_matrix


def write_run(
    runs, sweep, trial, *, method="ctp", seed=0, rate=0.001, stream="shapes", average=50.0, status="finished",
    test=None, **more,
):  # fmt: skip
    folder = runs / sweep / "trials" / trial
    folder.mkdir(parents=True)
    (folder.parents[1] / "sweep.yaml").write_text("")
    config = {
        "method": {"name": method, "learning_rate": rate, **more},
        "stream": {"name": stream},
        "run": {"seed": seed},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    rows = [
        {"task": t, "validation/average": average + 10 * (2 - t), "validation/forgetting": 10.0 * (t - 1)}
        for t in (1, 2)
    ]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "status.json").write_text(json.dumps({"status": status, "reason": ""}))
    if test is not None:
        (folder / "test").mkdir()
        found = {"test/average": test, "test/forward_transfer": 1.5, "test/seen/map10": 12.0}
        (folder / "test" / "metrics.json").write_text(json.dumps(found))
        write_matrix(folder / "test" / "matrix.csv", np.array([[70.0, 5.0], [60.0, test]]), ["一", "two"])
    return folder


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    write_run(folder, "s1", "a", seed=0, average=40.0, test=30.0)
    write_run(folder, "s1", "b", seed=1, average=44.0, test=36.0)
    write_run(folder, "s1", "c", seed=0, rate=0.01, average=60.0)
    write_run(folder, "s1", "d", seed=0, rate=0.1, average=99.0, status="stopped")
    write_run(folder, "s2", "a", method="finetune", average=20.0, test=10.0)
    write_run(folder, "s3", "a", stream="other", average=5.0)
    (folder / "artifacts").mkdir()
    return folder


def test_seeds_are_averaged_and_configurations_kept_apart(runs):
    groups = compare.group_runs(
        r for r in compare.read_runs(runs) if r.stream == "shapes" and r.status == "finished"
    )
    assert [(g.label, len(g.runs)) for g in groups] == [
        ("ctp learning_rate=0.001", 2),
        ("ctp learning_rate=0.01", 1),
        ("finetune", 1),
    ]
    assert compare.table(groups, "validation").splitlines() == [
        "method                   seeds       average    forgetting",
        "ctp learning_rate=0.01       1         60.00         10.00",
        "ctp learning_rate=0.001      2  42.00 ± 2.83  10.00 ± 0.00",
        "finetune                     1         20.00         10.00",
    ]


def test_test_figures_are_of_chosen_runs_alone(runs):
    groups = compare.group_runs(r for r in compare.read_runs(runs) if r.stream == "shapes")
    assert compare.table(groups, "test", markdown=True).splitlines() == [
        "| method | seeds | average | forward | mAP@10 |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| ctp learning_rate=0.001 | 2 | 33.00 ± 4.24 | 1.50 ± 0.00 | 12.00 ± 0.00 |",
        "| finetune | 1 | 10.00 | 1.50 | 12.00 |",
    ]


def test_questions_have_columns_of_both_papers(tmp_path):
    folder = write_run(tmp_path, "s", "a", method="triplet", test=40.0)
    names = (
        "seen/accuracy", "vqacl/ap", "vqacl/forget", "triplet/average_accuracy", "triplet/forgetting",
        "novel/accuracy", "vqacl/novel_forget", "recognition/image", "recognition/text", "recognition/fusion",
    )  # fmt: skip
    found = {f"test/{name}": float(number) for number, name in enumerate(names)}
    (folder / "test" / "metrics.json").write_text(json.dumps(found))
    groups = compare.group_runs(compare.read_runs(tmp_path))
    heading, _, row = compare.table(groups, "test", markdown=True).splitlines()
    assert heading == (
        "| method | seeds | accuracy | AP | Forget | A | F | novel | novel Forget "
        "| task by image | task by text | task by both |"
    )
    assert row.split(" | ")[2:] == [f"{n}.00" for n in range(9)] + ["9.00 |"]


def test_equal_runs_count_once_and_the_tested_one_is_kept(tmp_path):
    write_run(tmp_path, "s1", "a", average=1.0)
    write_run(tmp_path, "s1", "b", average=2.0, test=7.0)
    write_run(tmp_path, "s1", "c", average=3.0)
    (group,) = compare.group_runs(compare.read_runs(tmp_path))
    assert [run.folder.name for run in group.runs] == ["b"]


def test_many_differences_are_named_by_the_run(tmp_path):
    write_run(tmp_path, "s1", "a", p=1, q=1, r=1, s=1, t=1)
    write_run(tmp_path, "s1", "b", p=2, q=2, r=2, s=2, t=2)
    assert [g.label for g in compare.group_runs(compare.read_runs(tmp_path))] == ["ctp s1/a", "ctp s1/b"]


def test_the_command_prints_tables_and_writes_pictures(runs, capsys):
    assert compare.main([str(runs)]) == 0
    text = capsys.readouterr().out
    assert "shapes: 4 finished, 1 stopped" in text and "other: 1 finished" in text
    assert "33.00 ± 4.24" in text and "99.00" not in text
    out = runs / "comparison"
    marked = (out / "README.md").read_text(encoding="utf-8")
    pictures = sorted(p.name for p in out.glob("*.png"))
    assert pictures == [
        "other-average.png", "shapes-average.png", "shapes-matrix-1.png", "shapes-matrix-2.png",
    ]  # fmt: skip
    assert all(f"]({name})" in marked for name in pictures)
    assert "| finetune | 1 | 10.00 |" in marked


def test_one_stream_and_one_sweep_can_be_asked_for(runs, capsys):
    assert compare.main([str(runs), "--stream", "other"]) == 0
    text = capsys.readouterr().out
    assert "other: 1 finished" in text and "shapes" not in text
    assert compare.main([str(runs / "s2")]) == 0
    text = capsys.readouterr().out
    assert "finetune" in text and "ctp" not in text


def test_a_long_table_ends_after_the_best(tmp_path):
    for i in range(25):
        write_run(tmp_path, "s", f"t{i:02d}", rate=0.001 * (i + 1), average=float(i))
    groups = compare.group_runs(compare.read_runs(tmp_path))
    lines = compare.table(groups, "validation").splitlines()
    assert len(lines) == 22 and lines[-1] == "... and 5 more"
    assert lines[1].split()[:4] == ["ctp", "learning_rate=0.025", "1", "24.00"]
    assert len(compare.table(groups, "validation", markdown=True).splitlines()) == 27


def test_a_trial_still_running_is_left_out(runs):
    folder = write_run(runs, "s1", "e", rate=5.0)
    (folder / "status.json").unlink()
    (folder / "tasks.jsonl").write_text('{"task": 1, "valid')
    assert folder not in [run.folder for run in compare.read_runs(runs)]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("status.json", "{", "status.json: not JSON"),
        ("status.json", "[1]", r"status.json: expected .*found \[1\]"),
        ("config.yaml", "method: {name: ctp}\n", "config.yaml: has no stream.name"),
        ("config.yaml", "method: [\n", "config.yaml"),
        (
            "config.yaml",
            "method: {name: ctp}\nstream: {name: ../x}\nrun: {seed: 0}\n",
            "config.yaml: stream.name '../x': allowed are",
        ),
        ("tasks.jsonl", '{"task": 1}\n{"task": 3}\n', 'tasks.jsonl:2: expected "task": 2, found 3'),
        ("tasks.jsonl", '{"task": 1}\n{"ta', "tasks.jsonl:2: not JSON"),
        ("tasks.jsonl", "", "tasks.jsonl: no finished task"),
        ("test/metrics.json", "7", "metrics.json: expected an object of numbers, found 7"),
        ("test/matrix.csv", "after,a\na,x\n", "matrix.csv: row 'a', column 'a': 'x' is no number"),
        ("tasks.jsonl", None, "tasks.jsonl: cannot be read"),
        ("config.yaml", None, "config.yaml: cannot be read"),
    ],
)
def test_a_malformed_or_missing_file_is_one_line(runs, capsys, file, text, message):
    path = runs / "s1" / "trials" / "a" / file
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(UserError, match=message):
        compare.compare(runs)
    assert compare.main([str(runs)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1


def test_wrong_arguments_are_one_line(runs, tmp_path, capsys):
    for arguments, message in (
        ([str(tmp_path / "none")], "no such folder"),
        ([str(runs / "artifacts")], "no runs in it"),
        ([str(runs), "--stream", "p9d"], "--stream p9d: no run of it"),
    ):
        assert compare.main(arguments) == 2
        assert message in capsys.readouterr().err
    write_run(tmp_path / "fresh", "s", "a", status="failed")
    assert compare.main([str(tmp_path / "fresh")]) == 2
    assert "no finished run yet" in capsys.readouterr().err
