"""The comparison's command: tables, what they say of themselves, and what they leave out."""

import csv
import errno
import json
import os
import re

import pytest
from written_run import make_earlier, write_run

from orchestrator import compare
from orchestrator.errors import UserError
from orchestrator.record import plot_style
from orchestrator.record.comparison import pictures
from orchestrator.record.comparison import report as comparison_report
from orchestrator.record.comparison.finished_runs import read_runs
from orchestrator.record.comparison.groups import group_runs
from orchestrator.record.comparison.table import table


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr(pictures.plots, "averages_over_tasks", lambda *_: None)
    monkeypatch.setattr(pictures.plots, "trials_by_method", lambda *_: None)
    monkeypatch.setattr(pictures.plots, "matrix_heatmap", lambda *_: None)


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    one, other, third = ({"method.learning_rate": rate} for rate in (0.001, 0.01, 0.1))
    extra = {"test/forward_transfer": -3.553e-15, "test/seen/map10": 12.0, "test/drift/angle": 31.0}
    write_run(folder, "s1", "a", values=one, averages=[50, 40], test={"test/average": 30.0, **extra})
    write_run(folder, "s1", "b", values=one, seed=1, averages=[54, 44], test={"test/average": 36.0, **extra})
    write_run(folder, "s1", "c", values=other, averages=[70, 60])
    write_run(folder, "s1", "d", values=third, averages=[99], status="stopped")
    write_run(folder, "s2", "a", method="finetune", averages=[30, 20], test={"test/average": 10.0})
    write_run(folder, "s3", "a", stream="other", averages=[5])
    (folder / "artifacts").mkdir()
    return folder


def rows(folder, split, markdown=False):
    groups = group_runs(run for run in read_runs(folder) if run.status == "finished")
    return table(groups, split, markdown).splitlines()


def test_a_table_has_mean_and_deviation_over_seeds(runs):
    for name in ("s2", "s3"):
        (runs / name).rename(runs.parent / name)
    assert rows(runs, "validation") == [
        "method                   n  seeds  orders       average",
        "ctp learning_rate=0.01   1      1       1         60.00",
        "ctp learning_rate=0.001  2      2       1  42.00 ± 2.83",
    ]
    assert rows(runs, "test", markdown=True) == [
        "| method | n | seeds | orders | average | angle (°) | forward | mAP@10 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| ctp | 2 | 2 | 1 | 33.00 ± 4.24 | 31.00 ± 0.00 | 0.00 ± 0.00 | 12.00 ± 0.00 |",
    ], "what rounds to nothing has no sign, and degrees are said"


def test_retrieval_is_ranked_by_its_headline(tmp_path):
    for name, headline, average in (("a", 70.0, 10.0), ("b", 60.0, 90.0), ("c", None, 99.0)):
        found = {"average": average} | ({} if headline is None else {"seen/r_mean": headline})
        report = {"task": 1} | {f"validation/{key}": value for key, value in found.items()}
        test = {f"test/{key}": value for key, value in found.items()}
        write_run(tmp_path, name, "t", method=name, reports=[report], test=test)
    for split in ("test", "validation"):
        assert [line.split()[:5] for line in rows(tmp_path, split)[:3]] == [
            ["method", "n", "seeds", "orders", "R_m"],
            ["a", "1", "1", "1", "70.00"],
            ["b", "1", "1", "1", "60.00"],
        ]


def test_a_cell_says_of_how_many_seeds_it_is(tmp_path):
    for seed, forgetting in ((0, 10.0), (1, None), (2, 30.0)):
        test = {"test/average": 50.0 + seed, "test/seen/ece": float("nan") if seed else 4.0}
        test |= {} if forgetting is None else {"test/forgetting": forgetting}
        write_run(tmp_path, "s", f"s{seed}", averages=[1.0], seed=seed, test=test)
    assert re.split("  +", rows(tmp_path, "test")[1])[1:] == [
        "3", "3", "1", "51.00 ± 1.00", "20.00 ± 14.14 (n=2)", "4.00 (n=1)",
    ]  # fmt: skip


def test_seeds_and_orders_are_averaged_and_counted_and_each_run_is_published(tmp_path, no_pictures):
    cells = {(0, 3): 50.0, (0, 4): 40.0, (1, 3): 54.0, (1, 4): 30.123456789012, (2, "natural"): 60.0}
    for number, ((seed, order), score) in enumerate(cells.items()):
        write_run(
            tmp_path, f"r{number}", "t", method="er", seed=seed, values={"stream.order": order},
            averages=[score + 1], test={"test/average": score, "test/task_aware_forgetting": 2.0},
            content=("c" * 64, f"{order}".ljust(64, "x")),
        )  # fmt: skip
    (heading, row) = rows(tmp_path, "test")
    assert heading.split() == ["method", "n", "seeds", "orders", "average", "task-aware", "forgetting"]
    assert row.split() == ["er", "5", "3", "3", "46.82", "±", "11.84", "2.00", "±", "0.00"]
    said = " ".join(compare.compare(tmp_path).split())
    assert "shapes: 5 finished" in said and "mean ± sample standard deviation over n runs" in said
    assert "left out" not in said, "no run is taken for a rerun of another order"
    with open(tmp_path / "comparison/shapes-runs.csv", newline="") as file:
        published = list(csv.DictReader(file))
    shown = [r for r in published if r["split"] == "test"]
    assert {(int(r["seed"]), r["order"]): float(r["average"]) for r in shown} == {
        (seed, f"{order}"): score for (seed, order), score in cells.items()
    }
    assert [r["run"] for r in shown] == [f"r{n}/t" for n in range(5)] and {r["group"] for r in shown} == {"1"}
    assert sorted(float(r["average"]) for r in published if r["split"] == "validation")[0] == 31.123456789012
    assert "(shapes-runs.csv)" in (tmp_path / "comparison/README.md").read_text(encoding="utf-8")


def test_two_keys_of_one_order_are_one_order(tmp_path, no_pictures):
    for number, order in enumerate(("natural", ["a", "b"])):
        write_run(tmp_path, f"r{number}", "t", values={"stream.order": order}, averages=[50.0 + number],
                  ended=1e9 + number, content=("c" * 64, "o" * 64))  # fmt: skip
    assert rows(tmp_path, "validation")[1].split() == ["ctp", "1", "1", "1", "51.00"]
    assert "in whose place r1/t counts" in " ".join(compare.compare(tmp_path).split())


def test_a_sweeps_own_trial_that_does_not_count_is_named(tmp_path, no_pictures):
    write_run(tmp_path, "s", "t", averages=[90.0], test=90.0)
    for seed in (1, 2):
        write_run(tmp_path, "given", f"seed_{seed}", kind="train", seed=seed, averages=[50.0], test=50.0)
    assert rows(tmp_path, "validation")[1].split() == ["ctp", "2", "2", "1", "50.00", "±", "0.00"]
    left_out = (
        "left out: s/t, which its sweep chose by its own figures: given/seed_1 and 1 more have its values"
    )
    assert left_out in " ".join(compare.compare(tmp_path).split())


def test_rows_say_their_memory(tmp_path):
    for name, size in (("a", 0), ("b", 64), ("c", 256)):
        values = {"replay.size": size, "replay.budget": "per_class" if size == 256 else "total"}
        write_run(tmp_path, name, "t", method=name, values=values, averages=[size / 10])
    assert [line.split()[:2] for line in rows(tmp_path, "validation")] == [
        ["method", "memory"],
        ["c", "256/class"],
        ["b", "64"],
        ["a", "0"],
    ]


def test_retrieval_has_ctps_backward_transfer_and_both_readings_of_map(tmp_path):
    measured = {"test/seen/r_mean": 60.0, "test/ctp/bwt": 2.5, "test/ctp/bwt_map1": 1.0}
    measured |= {
        "test/seen/map1": 50.0,
        "test/seen/map1_reference": 55.0,
        "test/ctp/last/task_01/r_mean": 7.0,
    }
    write_run(tmp_path, "r", "a", test=measured)
    head, _, row = rows(tmp_path, "test", markdown=True)
    cells = dict(zip(*([c.strip() for c in line.split("|")[1:-1]] for line in (head, row)), strict=True))
    assert cells["CTP BWT"] == "2.50" and cells["CTP BWT mAP@1"] == "1.00"
    assert (cells["mAP@1"], cells["mAP@1 as released"]) == ("50.00", "55.00")
    assert list(cells)[4:6] == ["R_m", "CTP BWT"]


def test_questions_have_columns_of_both_papers(tmp_path):
    names = (
        "vqacl/ap", "vqacl/forget", "triplet/average_accuracy", "triplet/forgetting", "novel/accuracy",
        "vqacl/novel_forget", "recognition/image", "recognition/text", "recognition/fusion", "average",
    )  # fmt: skip
    write_run(tmp_path, "s", "a", test={f"test/{name}": float(number) for number, name in enumerate(names)})
    heading, _, row = rows(tmp_path, "test", markdown=True)
    cells = dict(zip(heading.split(" | "), row.split(" | "), strict=True))
    shown = ("AP", "Forget", "A", "F", "novel", "novel Forget", "task by image", "task by text")
    assert [cells[name] for name in shown] == [f"{n}.00" for n in range(8)]
    assert cells["average"] == "9.00"


def test_no_line_is_too_long_and_what_is_left_out_is_named(tmp_path):
    metrics = ("average", "forgetting", "backward_transfer", "seen/ece", "drift/angle", "average_over_time",
               "seen/accuracy", "over_time/harmonic_mean", "over_time/detection/auroc")  # fmt: skip
    for number in range(25):
        values = {f"method.setting_{key}": 0.123456789 * (number + key) for key in range(9)}
        values["replay.size"] = 64 + number
        report = {"task": 1, **{f"validation/{name}": 12.5 + number for name in metrics}}
        for seed in (0, 1):
            trial = f"t{number:02d}_{seed}"
            write_run(tmp_path, "s", trial, values=values, seed=seed, reports=[report])
    lines = rows(tmp_path, "validation")
    assert max(map(len, lines)) <= 100
    # The column beside it tells the memory.
    assert lines[1].split()[:8] == ["ctp", "#1", "88", "2", "2", "1", "36.50", "±"]
    assert lines[22] == "... and 5 more rows in README.md"
    assert lines[21] == "in README.md as well: AUROC, angle (°), backward, over time, accuracy"
    assert lines[23].startswith("#1 is s/t24_0 and 1 more: replay.size=88 setting_0=2.96 setting_1=")
    assert lines[-1] == "what the other numbers stand for: README.md" and len(lines) == 23 + 5 * 2 + 1
    assert len(rows(tmp_path, "validation", markdown=True)) == 27


def test_the_command_writes_what_it_prints_and_says_what_it_left_out(runs, capsys, monkeypatch):
    monkeypatch.setattr(
        plot_style, "_save", lambda figure, path: [f.touch() for f in (path, plot_style.pdf_of(path))]
    )
    (write_run(runs, "s1", "e", values={"method.learning_rate": 5.0}) / "status.json").unlink()
    assert compare.main([str(runs)]) == 0
    text = capsys.readouterr().out
    for line in (
        "shapes: 4 finished; left out: 1 stopped",
        "other: 1 finished",
        "commit cccccccccc; runs of 2001-09-09",
        "left out: 1 trial that did not come to an end yet",
    ):
        assert line in text.splitlines()
    assert "33.00 ± 4.24" in text and "99.00" not in text
    out = runs / "comparison"
    marked = (out / "README.md").read_text(encoding="utf-8")
    assert "| finetune | 1 | 1 | 1 | 10.00 |" in marked
    assert "- #2 ctp, learning_rate=0.001: s1/a, s1/b" in marked and "s1/d" not in marked
    names = {path.name for path in out.iterdir()} - {"README.md"}
    assert names == {
        f"{name}.{kind}"
        for name in ("shapes-test", "shapes-matrix-ctp", "shapes-matrix-finetune", "shapes-trials",
                     "other-validation", "other-trials")
        for kind in ("png", "pdf")
    } | {"shapes-runs.csv", "other-runs.csv"}  # fmt: skip
    assert all(f"({name})" in marked for name in names)


def test_pictures_of_an_earlier_comparison_are_removed_and_nothing_else(runs, no_pictures):
    out = runs / "comparison"
    out.mkdir()
    for name in ("old.png", "old.pdf", "old-runs.csv", "mine.png", "my-runs.csv", "../outside.png"):
        (out / name).write_text("")
    (out / "README.md").write_text("![](old.png)\n![](%2e%2e%2foutside.png)\n[x](old-runs.csv)\n")
    compare.compare(runs)
    kept = {"README.md", "mine.png", "my-runs.csv", "shapes-runs.csv", "other-runs.csv"}
    assert {path.name for path in out.iterdir()} == kept
    assert (runs / "outside.png").exists()


def test_only_what_a_sweep_chose_is_said_to_be_chosen(tmp_path, no_pictures):
    write_run(tmp_path / "a", "s", "t", test=1.0)
    write_run(tmp_path / "b", "s", "t", kind="train", test=1.0)
    write_run(tmp_path / "c", "s", "t", test=1.0)
    write_run(tmp_path / "c", "r", "t", kind="train", method="er", averages=[9.0], test=2.0)
    said = {name: " ".join(compare.compare(tmp_path / name).split()) for name in "abc"}
    assert "n runs, of runs that a sweep chose on validation:" in said["a"]
    assert "n runs, of configurations that were given to train, not searched:" in said["b"]
    assert "validation" not in said["b"].split("validation, percent")[0]
    assert (
        "chose on validation and configurations that were given to train, not searched (column from)"
        in (said["c"])
    )
    assert "method from n seeds orders average er train 1 1 1 2.00 ctp sweep 1 1 1 1.00" in said["c"]


def test_streams_of_other_lengths_have_tables_of_their_own(tmp_path, no_pictures):
    for tasks, average in ((3, 90.0), (5, 50.0)):
        values = {"stream.tasks": tasks}
        write_run(tmp_path, f"r{tasks}", "t", values=values, averages=[average], content=f"{tasks}" * 64)
    text = compare.compare(tmp_path)
    three, five = text.index("shapes (tasks=3): 1 finished"), text.index("shapes (tasks=5): 1 finished")
    assert three < text.index("90.00") < five < text.index("50.00")


@pytest.mark.parametrize(("size", "said"), [(240, True), (0, False)])
def test_a_memory_that_all_rows_share_is_in_the_heading(size, said, tmp_path, no_pictures):
    for method in ("er", "ctp"):
        write_run(tmp_path, method, "t", values={"replay.size": size}, averages=[50.0], method=method)
    text = " ".join(compare.compare(tmp_path).split())
    assert (f"a memory of {size} samples in every row" in text) is said


def test_what_rows_do_not_have_in_common_is_said(tmp_path, no_pictures):
    for method, size, commit, ended in (("er", 64, "a", 0.0), ("ctp", 256, "b", 86400.0 * 2)):
        values = {"replay.size": size}
        averages, time = [size % 100], ended + 1e9
        write_run(tmp_path, method, "t", values=values, averages=averages, commit=commit * 40, ended=time,
                  method=method)  # fmt: skip
    text = compare.compare(tmp_path)
    said = " ".join(text.split())
    assert "memories of 64, 256 samples are in one ranking (column memory)" in said
    assert (
        "of several commits, which are not averaged: aaaaaaaaaa (1), bbbbbbbbbb (1); "
        "runs of 2001-09-09 to 2001-09-11 "
    ) in said
    assert [line.split() for line in text.splitlines() if line.startswith(("method", "er", "ctp"))] == [
        ["method", "memory", "commit", "n", "seeds", "orders", "average"],
        ["er", "64", "aaaaaaaaaa", "1", "1", "1", "64.00"],
        ["ctp", "256", "bbbbbbbbbb", "1", "1", "1", "56.00"],
    ]


def test_a_run_that_does_not_count_is_named(tmp_path, no_pictures):
    write_run(tmp_path, "z", "t", averages=[50.0], ended=1000.0)
    write_run(tmp_path, "a", "t", averages=[80.0], ended=2000.0)
    text = " ".join(compare.compare(tmp_path).split())
    assert (
        "left out: z/t, in whose place a/t counts: all is equal, seed and order too, and it ended later"
        in text
    )
    assert "80.00" in text and "50.00" not in text


def _more_trials(folder, metric, mode, scores):
    """A sweep whose trials have all been tested: name -> what the metric came to, and the trial's number."""
    for name, (value, number) in scores.items():
        values = {"method.learning_rate": float(ord(name))}
        report = {"task": 1, "validation/average": 1.0, metric: value}
        trial = write_run(folder, "s", name, values=values, reports=[report], test=float(value))
        _set(trial / "trial.json", number=number)
    (folder / "s" / "space.yaml").write_text(f"objective: {{metric: {metric}, mode: {mode}}}\n")


@pytest.mark.parametrize(
    ("metric", "mode", "scores", "chosen"),
    [
        ("validation/seen/accuracy", "max", {"a": (40.0, 0), "b": (60.0, 5), "c": (50.0, 3)}, "b"),
        ("validation/seen/ece", "min", {"a": (40.0, 0), "b": (60.0, 5), "c": (50.0, 3)}, "a"),
        ("validation/seen/accuracy", "max", {"a": (60.0, 5), "b": (60.0, 2)}, "b"),
        ("validation/seen/ece", "min", {"a": (60.0, 5), "b": (float("nan"), 0)}, "a"),  # missing: never best
    ],
)
def test_of_a_sweep_that_was_given_more_trials_the_one_chosen_now_is_ranked(
    tmp_path, no_pictures, metric, mode, scores, chosen
):
    _more_trials(tmp_path, metric, mode, scores)
    text = compare.compare(tmp_path)
    said = " ".join(text.split())
    for name, (value, _) in scores.items():
        line = f"left out: the look at test of s/{name}, the best until its sweep was given more trials, of "
        assert (f"{line}which s/{chosen} is chosen" in said) is (name != chosen)
        table = text.partition("test, percent")[2].partition("validation, percent")[0]
        assert (f" {value:.2f}" in table) is (name == chosen) or value == scores[chosen][0]
    assert text.count("the best until") == len(scores) - 1
    assert {run.name for run in read_runs(tmp_path) if run.test} == {f"s/{chosen}"}
    assert (
        json.loads((tmp_path / "s/trials/a/test/metrics.json").read_text())["test/average"] == scores["a"][0]
    )


def test_trials_of_an_earlier_version_have_no_number_and_are_in_their_order(tmp_path, no_pictures):
    _more_trials(tmp_path, "validation/seen/accuracy", "max", {"a": (60.0, 0), "b": (60.0, 1)})
    make_earlier(tmp_path / "s/trials/a")
    assert {run.name for run in read_runs(tmp_path) if run.test} == {"s/a"}


def test_a_sweep_whose_objective_is_not_there_to_be_read_is_one_line(tmp_path, no_pictures):
    _more_trials(tmp_path, "validation/seen/accuracy", "max", {"a": (1.0, 0), "b": (2.0, 1)})
    for text in (
        "[]",
        "objective: 7",
        "objective: {metric: 3, mode: max}",
        "objective: {metric: m, mode: up}",
    ):
        (tmp_path / "s" / "space.yaml").write_text(text)
        with pytest.raises(UserError, match=r"s/space.yaml: has no objective; allowed: what the run wrote"):
            compare.compare(tmp_path)


def test_one_stream_and_one_run_can_be_asked_for(runs, capsys, no_pictures):
    assert compare.main([str(runs), "--stream", "other"]) == 0
    text = capsys.readouterr().out
    assert "other: 1 finished" in text and "shapes" not in text
    assert compare.main([str(runs / "s2")]) == 0
    text = capsys.readouterr().out
    assert "finetune" in text and "ctp" not in text


def _set(path, **changed):
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("status.json", "{", "status.json: not JSON"),
        ("status.json", "[1]", r"status.json: expected .*found \[1\]"),
        ("status.json", {"reports": [{"task": 1}, {"task": 3}]}, 'report 2: expected "task": 2, found 3'),
        ("status.json", {"reports": []}, "status.json: no finished task"),
        ("status.json", {"reports": 7}, "status.json: expected a list of reports, found 7"),
        ("status.json", {"reports": [7]}, "report 1: expected an object of numbers, found 7"),
        ("config.yaml", "method: {name: ctp}\n", "config.yaml: has no stream.name"),
        ("config.yaml", "method: [\n", "config.yaml"),
        (
            "config.yaml",
            "method: {name: ctp}\nstream: {name: ../x}\nrun: {seed: 0}\n",
            "config.yaml: stream.name '../x': allowed are",
        ),
        ("config.yaml", None, "config.yaml: cannot be read"),
        ("trial.json", "[]", r"trial.json: expected .*found \[\]"),
        ("trial.json", None, "trial.json: cannot be read"),
        ("test/metrics.json", "7", "metrics.json: expected an object of numbers, found 7"),
        ("test/matrix.csv", "after,a\na,x\n", "matrix.csv: row 'a', column 'a': 'x' is no number"),
        ("test/matrix.csv", None, "matrix.csv: cannot be read"),
    ],
)
def test_a_malformed_or_missing_file_is_one_line(runs, capsys, no_pictures, file, text, message):
    path = runs / "s1" / "trials" / "a" / file
    if text is None:
        path.unlink()
    elif isinstance(text, dict):
        _set(path, **text)
    else:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        compare.compare(runs)
    assert compare.main([str(runs)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1


def test_wrong_arguments_are_one_line(runs, tmp_path, capsys, no_pictures):
    (runs / "s3" / "comparison").symlink_to(tmp_path)
    for arguments, message in (
        ([str(tmp_path / "none")], "no such folder"),
        ([str(runs / "artifacts")], "no runs in it"),
        ([str(runs), "--stream", "p9d"], "--stream p9d: no run of it"),
        ([str(runs / "s3")], "comparison: is a link; allowed: a folder, or none"),
    ):
        assert compare.main(arguments) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    write_run(tmp_path / "fresh", "s", "a", status="failed")
    assert compare.main([str(tmp_path / "fresh")]) == 2
    assert "no finished run yet" in capsys.readouterr().err
    (runs / "s2" / "comparison").write_text("")
    assert compare.main([str(runs / "s2")]) == 2
    assert "comparison: cannot be written (File exists)" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 1), (errno.EDQUOT, 1), (errno.EACCES, 2)])
@pytest.mark.parametrize("what", ["write_text", "pictures"])
def test_a_full_disk_has_the_status_of_one(runs, capsys, monkeypatch, what, number, status):
    def full(*_):
        raise OSError(number, os.strerror(number), "there")

    monkeypatch.setattr(comparison_report, "pictures", lambda *_: [])
    monkeypatch.setattr(comparison_report, what, full)
    assert compare.main([str(runs)]) == status
    assert capsys.readouterr().err == f"error: there: cannot be written ({os.strerror(number)})\n"
