"""Which runs are averaged, which of two counts, and what groups are called."""

import os

import pytest
from written_run import make_earlier, write_run

from orchestrator.evaluation.protocol import HEADLINE
from orchestrator.record.comparison.finished_runs import read_runs
from orchestrator.record.comparison.groups import _HEADLINES, best_by_method, group_runs
from orchestrator.record.comparison.sections import sections
from orchestrator.streams import registry
from orchestrator.streams.identity import stream_content, stream_identity


def groups_in(folder):
    return group_runs(run for run in read_runs(folder) if run.status == "finished")


def told(folder):
    return [(group.label, [run.name for run in group.runs]) for group in groups_in(folder)]


def test_seeds_are_averaged_and_configurations_kept_apart(tmp_path):
    for seed, average in ((0, 40.0), (1, 44.0)):
        write_run(tmp_path, "s1", f"t{seed}", seed=seed, averages=[average])
    write_run(tmp_path, "s2", "t", values={"method.learning_rate": 0.01}, averages=[60.0])
    found = groups_in(tmp_path)
    assert [(g.label, g.number, g.score(), len(g.runs)) for g in found] == [
        ("ctp learning_rate=0.01", 1, 60.0, 1),
        ("ctp learning_rate=-", 2, 42.0, 2),
    ]


def test_a_sweeps_own_trial_is_not_averaged_with_runs_that_were_given_its_values(tmp_path):
    values = {"method.learning_rate": 0.01}
    write_run(tmp_path, "s", "trial_0002", values=values, averages=[90.0], test=90.0)
    (alone,) = groups_in(tmp_path)
    assert (alone.score("test"), alone.chose) == (90.0, [])
    for seed, average in ((1, 50.0), (2, 60.0)):
        write_run(
            tmp_path,
            "t",
            f"seed_{seed}",
            kind="train",
            seed=seed,
            values=values,
            averages=[average],
            test=average,
        )
    (group,) = groups_in(tmp_path)
    assert [run.name for run in group.runs] == ["t/seed_1", "t/seed_2"]
    assert (group.score(), group.score("test")) == (55.0, 55.0)
    assert [run.name for run in group.chose] == ["s/trial_0002"]


def test_a_sweeps_own_trial_counts_where_no_other_run_was_tested(tmp_path):
    write_run(tmp_path, "s", "trial_0002", averages=[90.0], test=90.0)
    for seed in (0, 1):
        write_run(tmp_path, "t", f"seed_{seed}", kind="train", seed=seed, averages=[50.0])
    (group,) = groups_in(tmp_path)
    assert [run.name for run in group.runs] == ["s/trial_0002", "t/seed_1"] and group.chose == []
    assert (group.score("test"), [old.name for old, _ in group.replaced]) == (90.0, ["t/seed_0"])


def test_a_trial_that_no_sweep_chose_counts(tmp_path):
    write_run(tmp_path, "s", "trial_0000", averages=[90.0])
    write_run(tmp_path, "t", "seed_1", kind="train", seed=1, averages=[50.0], test=50.0)
    (group,) = groups_in(tmp_path)
    assert (len(group.runs), group.chose, group.score(), group.score("test")) == (2, [], 70.0, 50.0)


def test_what_stays_on_the_disk_sets_no_runs_apart(tmp_path):
    for seed, keep in enumerate(({}, {"run.keep": "chosen"}, {"run.keep": "last"})):
        write_run(tmp_path, "s", f"t{seed}", seed=seed, averages=[40.0 + seed], values=keep)
    assert [(g.label, g.score(), len(g.runs)) for g in groups_in(tmp_path)] == [("ctp", 41.0, 3)]


def test_where_nothing_was_held_out_the_headline_is_that_of_the_test(tmp_path):
    tested = {"test/average": 70.0, "test/seen/r_mean": 50.0}
    write_run(tmp_path, "s", "t", reports=[{"task": 1}, {"task": 2}], test=tested)
    (group,) = groups_in(tmp_path)
    assert (group.headline, group.score(), group.score("test")) == ("seen/r_mean", None, 50.0)


def test_of_equal_runs_the_later_counts_whatever_its_name(tmp_path):
    for name, first, second in (("up", "a", "b"), ("down", "b", "a")):
        write_run(tmp_path / name, first, "t", averages=[50.0], test=50.0, ended=1000.0)
        write_run(tmp_path / name, second, "t", averages=[80.0], test=80.0, ended=2000.0)
        (group,) = groups_in(tmp_path / name)
        assert (group.score(), group.score("test"), len(group.runs)) == (80.0, 80.0, 1)
        assert [(old.name, new.name) for old, new in group.replaced] == [(f"{first}/t", f"{second}/t")]


def test_without_a_journal_the_file_system_says_which_is_later(tmp_path):
    for place, names in (("up", "ab"), ("down", "ba")):
        for name, average, time in zip(names, (80.0, 50.0), (2000, 1000), strict=True):
            folder = write_run(tmp_path / place, name, "t", averages=[average])
            (folder.parents[1] / "tracking.jsonl").unlink()
            os.utime(folder / "status.json", (time, time))
        (group,) = groups_in(tmp_path / place)
        assert group.score() == 80.0


def test_a_run_that_was_tested_counts_before_a_later_one_that_was_not(tmp_path):
    write_run(tmp_path, "s", "a", averages=[1.0], ended=1.0)
    write_run(tmp_path, "s", "b", averages=[2.0], test=7.0, ended=2.0)
    write_run(tmp_path, "s", "c", averages=[3.0], ended=3.0)
    (group,) = groups_in(tmp_path)
    assert [run.name for run in group.runs] == ["s/b"] and group.score("test") == 7.0


def test_commits_are_not_averaged(tmp_path):
    for seed, commit in ((0, "a" * 40), (1, "b" * 40), (2, "b" * 40)):
        write_run(tmp_path, f"r{seed}", "t", seed=seed, averages=[60.0 - 10 * seed], commit=commit)
    assert told(tmp_path) == [
        ("ctp commit=aaaaaaaaaa", ["r0/t"]),
        ("ctp commit=bbbbbbbbbb", ["r1/t", "r2/t"]),
    ]
    assert [group.score() for group in groups_in(tmp_path)] == [60.0, 45.0]


def test_labels_tell_the_memory_apart_where_much_else_differs(tmp_path):
    for number in range(8):  # as a search leaves them: most were not tested
        values = {f"method.p{key}": number + key for key in range(6)}
        values["replay.size"] = 256 if number % 2 else 64
        test = 50.0 if number < 2 else None
        write_run(tmp_path, "s", f"t{number}", values=values, averages=[90.0 - number], test=test)
    labels = [group.label for group in groups_in(tmp_path)]
    assert labels == [f"ctp replay.size={256 if n % 2 else 64} #{n + 1}" for n in range(8)]


def test_labels_have_as_many_digits_as_tell_values_apart(tmp_path):
    for name, rate in (("a", 0.00012341), ("b", 0.00012344), ("c", 0.5)):
        write_run(tmp_path, "s", name, values={"method.learning_rate": rate})
    assert {label.removeprefix("ctp learning_rate=") for label, _ in told(tmp_path)} == {
        "0.00012341",
        "0.00012344",
        "0.5",
    }


def test_no_two_groups_have_one_label(tmp_path):
    text = "an object of the kind that is called "
    for name in ("one", "two"):
        write_run(tmp_path, "s", name, values={"method.prompt": text + name})
    labels = [label for label, _ in told(tmp_path)]
    assert labels == ["ctp prompt=an object of the kind t… #1", "ctp prompt=an object of the kind t… #2"]


def test_labels_tell_streams_apart_also_of_other_methods(tmp_path):
    for method, tasks in (("er", 3), ("ctp", 5)):
        values = {"stream.tasks": tasks}
        write_run(tmp_path, method, "t", method=method, values=values, averages=[10.0 * tasks])
    assert [label for label, _ in told(tmp_path)] == ["ctp stream.tasks=5", "er stream.tasks=3"]


def test_what_was_not_measured_is_never_best(tmp_path):
    for name, report in (
        ("absent", {"task": 1, "validation/forgetting": 1.0}),
        ("nan", {"task": 1, "validation/average": float("nan"), "validation/forgetting": 1.0}),
        ("true", {"task": 1, "validation/average": True, "validation/forgetting": 1.0}),
        ("worst", {"task": 1, "validation/average": -5.0}),
        ("huge", {"task": 1, "validation/average": float("inf")}),
    ):
        write_run(tmp_path, "s", name, values={"method.name": name}, method=name, reports=[report])
    found = groups_in(tmp_path)
    assert found[0].method == "worst" and found[0].score() == -5.0
    assert [group.score() for group in found[1:]] == [None] * 4


def test_the_best_group_of_a_method_is_chosen_on_validation(tmp_path):
    for name, rate, validation, test in (("a", 0.1, 60.0, 10.0), ("b", 0.2, 50.0, 99.0)):
        write_run(
            tmp_path, name, "t", values={"method.learning_rate": rate}, averages=[validation], test=test
        )
    write_run(tmp_path, "c", "t", method="er", averages=[55.0], test=1.0)
    best = best_by_method(groups_in(tmp_path))
    assert [(group.method, group.score(), group.score("test")) for group in best] == [
        ("ctp", 60.0, 10.0),
        ("er", 55.0, 1.0),
    ]


def test_streams_of_other_settings_or_content_are_sections_of_their_own(tmp_path):
    write_run(tmp_path, "a", "t", values={"stream.tasks": 3})
    write_run(tmp_path, "b", "t", values={"stream.tasks": 5}, content="d" * 64)
    write_run(tmp_path, "c", "t", values={"stream.tasks": 5}, content="e" * 64)
    write_run(tmp_path, "d", "t", stream="other")
    assert [(s.title, s.file, [run.name for run in s.runs]) for s in sections(read_runs(tmp_path))] == [
        ("other", "other", ["d/t"]),
        ("shapes (tasks=3)", "shapes", ["a/t"]),
        ("shapes (tasks=5), data dddddddddd", "shapes-2", ["b/t"]),
        ("shapes (tasks=5), data eeeeeeeeee", "shapes-3", ["c/t"]),
    ]
    assert len(groups_in(tmp_path)) == 4, "nor is one taken for a rerun of the other"


@pytest.mark.parametrize(("setting", "apart"), [("dual-level", False), ("novel-composition", True)])
def test_orders_with_another_first_task_are_set_apart_in_novel_composition_alone(tmp_path, setting, apart):
    stream = registry.get("shapes-vqa")
    sizes = {"tasks": 3, "train": 2, "validation": 1, "test": 1}
    for number, order in enumerate(((0, 1, 2), (0, 2, 1), (2, 0, 1))):
        source = stream.load(stream.Config(setting=setting, order=order, **sizes), False)
        values = {"stream.setting": setting, "stream.order": list(order)}
        content = stream_content(source), stream_identity(source)
        averages = [60.0 - number]
        write_run(tmp_path, f"r{number}", "t", values=values, content=content, averages=averages)
    groups = [["r0/t", "r1/t"], ["r2/t"]] if apart else [["r0/t", "r1/t", "r2/t"]]
    assert [names for _, names in told(tmp_path)] == groups
    parts = sections(read_runs(tmp_path))
    assert sorted([run.name for run in section.runs] for section in parts) == groups


def test_data_that_was_moved_is_the_same_stream(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path, f"r{seed}", "t", seed=seed, values={"stream.data": f"/disk{seed}/d"})
    ((section,), (group,)) = sections(read_runs(tmp_path)), groups_in(tmp_path)
    assert section.title == "shapes" and (group.label, len(group.runs)) == ("ctp", 2)
    for seed in (0, 1):  # of an earlier version nobody knows what lay there
        make_earlier(tmp_path / f"r{seed}" / "trials" / "t")
    assert [section.title for section in sections(read_runs(tmp_path))] == [
        "shapes, data /disk0/d",
        "shapes, data /disk1/d",
    ]


def test_runs_are_ranked_by_what_they_are_judged_by():
    assert tuple(dict.fromkeys(HEADLINE.values())) == _HEADLINES
