import json
import os
import re

import pytest

from orchestrator.errors import UserError
from orchestrator.housekeeping.disk_use import DiskUse
from orchestrator.housekeeping.list_runs import list_runs
from orchestrator.housekeeping.show_run import show_run
from orchestrator.record.manifest import came_to
from orchestrator.schema import strict_yaml
from orchestrator.storage.run_lock import run_lock


def _written(folder, seconds):
    for path in folder.rglob("*"):
        os.utime(path, (seconds, seconds))


def test_the_size_is_that_of_all_files_and_no_link_is_followed(runs, tmp_path):
    folder = runs.sweep("a", [[50.0, 40.0]])
    before = DiskUse.of(folder)
    states = sum(path.stat().st_size for path in folder.rglob("state.json"))
    assert before.checkpoints == 2000 + states
    assert before.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "big").write_bytes(bytes(10**6))
    (folder / "linked").symlink_to(tmp_path / "disk")
    after = DiskUse.of(folder)
    assert (after.bytes, after.files, after.links) == (before.bytes, before.files, (folder / "linked",))


def test_the_list_has_a_line_a_run_the_newest_last(runs):
    _written(runs.train("b", [[50.0, 40.0], [50.0, 42.0]]), 1.6e9)
    _written(runs.sweep("a", [[50.0, 40.0], [60.0]], asked=4), 1.7e9)
    _written(runs.study("s", ["er", "mma"], 1, done=["s-er"]), 1.8e9)
    (runs.folder / "features").mkdir()
    (runs.folder / "features" / "x.npy").write_bytes(bytes(5000))
    head, *lines, _, whole, beside = list_runs(runs.folder).splitlines()
    assert head.split() == ["name", "kind", "method", "stream", "state", "trials", "best", "size", "written"]
    cells = [re.split(r" {2,}", line) for line in lines]
    assert [row[:7] for row in cells] == [
        ["b", "train", "mma", "digits", "finished", "2/2", "41.00"],
        ["a", "sweep", "er", "shapes-retrieval", "interrupted", "2/4", "40.00"],
        ["s", "study", "er, mma", "-", "interrupted", "1/4", "-"],
    ]
    assert [row[8][:8] for row in cells] == ["2020-09-", "2023-11-", "2027-01-"]
    assert re.fullmatch(r"3 runs, 9\.\d kB; \S+ [GT]B are free on the disk of runs", whole)
    assert beside == "beside them: features 5.0 kB"


def test_without_runs_the_list_says_so(runs):
    assert list_runs(runs.folder) == f"No runs in {runs.folder}."
    assert list_runs(runs.folder / "none") == f"No runs in {runs.folder / 'none'}."


def test_a_run_that_cannot_be_read_is_listed_with_the_reason(runs):
    (runs.sweep("a", [[50.0, 40.0]]) / "sweep.yaml").write_text("")
    *_, reason = list_runs(runs.folder).splitlines()
    assert " unreadable " in list_runs(runs.folder) and reason.startswith("a: ") and "sweep.yaml" in reason


def test_a_sweep_is_shown_with_what_it_chose_and_the_table_of_its_trials(runs):
    runs.sweep("a", [[50.0, 40.0], [60.0], [55.0, 45.0]], tested=[2], storage="s3://b/x")
    text = show_run(runs.folder, "a")
    assert text.startswith(
        "a: a sweep of er on shapes-retrieval\n  finished, 3 of 3 trials\n  kept at s3://b/x as well\n\n"
        "Chosen: trial 3, validation/seen/r_mean 45.00\n  method.learning_rate = 0.003\n"
        "  on test: average 41.50 %\n\nTrials (validation; best first)\n"
    )
    rows = [line.split()[:4] for line in text.partition("best first)\n")[2].splitlines()[1:4]]
    assert rows == [
        ["3", "finished", "2/2", "45.00"],
        ["1", "finished", "2/2", "40.00"],
        ["2", "stopped", "1/2", "60.00"],
    ]
    assert re.search(r"(?m)^Files, \S+ kB in runs/a$", text) and re.search(
        r"kB  trials/\n +\S+ kB    of it", text
    )
    assert text.endswith(
        "Run the chosen one again\n"
        "  python -m orchestrator.train --config runs/a/trials/trial_0003/config.yaml\n"
        "Give it more trials\n  python -m orchestrator.sweep --resume a --trials 6\n"
        "Remove it\n  python -m orchestrator.sweep rm a"
    )


def test_a_sweep_says_what_mattered_and_where_the_pictures_are(runs):
    folder = runs.sweep("a", [[1.0, 2.0]] * 3) / "importance"
    folder.mkdir()
    found = [{"key": "method.learning_rate", "share": 0.5, "p": 0.01}]
    said = [
        "What mattered, in 12 trials: method.learning_rate 50 %.",
        "  with figures and pictures in runs/a/importance",
    ]
    for ended, there in ((3, True), (2, False)):
        (folder / "importance.json").write_text(json.dumps({"of": ended, "trials": 12, "found": found}))
        lines = show_run(runs.folder, "a").splitlines()
        assert [line in lines for line in said] == [there, there], "of all trials that have ended"


def test_a_sweep_with_a_budget_is_shown_with_it_and_how_many_trials_it_came_to(runs):
    folder = runs.sweep("a", [[50.0, 40.0], [60.0]], tested=[0])
    request = {"method": "er", "stream": None, "data": None, "values": {}, "trials": None, "concurrent": None}
    request |= {"storage": None, "margin": 0.0, "budget": "3m"}
    (folder / "sweep.yaml").write_text(strict_yaml.dump(request))
    open_text = show_run(runs.folder, "a")
    assert "  interrupted, 2 trials\n  it has 3m of training and evaluation, summed over its" in open_text
    assert " interrupted " in list_runs(runs.folder) and "larger" not in open_text
    came_to(folder, 2)
    text = show_run(runs.folder, "a")
    assert text.startswith("a: a sweep of er on shapes-retrieval\n  finished, 2 of 2 trials\n  it has 3m of ")
    assert "Give it a larger budget\n  python -m orchestrator.sweep --resume a --time 6m\n" in text


def test_a_sweep_over_the_memory_shows_why_it_chose_and_what_each_size_is_worth(runs):
    runs.sweep("a", [[50.0, 45.0], [50.0, 44.5]], tested=[1], margin=1.0, sizes=[256, 64])
    text = show_run(runs.folder, "a")
    assert "Chosen: trial 2, validation/seen/r_mean 44.50\n  the smallest memory within 1 of trial 1" in text
    assert "What the memory is worth" in text


def test_a_run_of_train_is_shown_with_its_figures_on_test(runs):
    runs.train("a", [[50.0, 40.0], [50.0, 42.0]])
    text = show_run(runs.folder, "a")
    assert "Test, mean over 2 trials\n  average 41.50 %" in text and "\n    2  finished" in text
    assert "Go on" not in text and text.endswith("Remove it\n  python -m orchestrator.sweep rm a")


def test_what_is_under_way_is_shown_so_and_says_nothing_of_going_on(runs):
    folder = runs.sweep("a", [[50.0, 40.0], [60.0]], asked=3, status={1: None})
    with run_lock(folder):
        text = show_run(runs.folder, "a")
    assert re.search(r"(?m)^ +2 +under way +1/2 +60.00", text), text
    assert "interrupted" not in text and text.endswith("Ctrl-C there ends it, and --resume goes on.")
    assert re.search(r"(?m)^ +2 +interrupted +1/2 +60.00", show_run(runs.folder, "a"))


def test_what_was_interrupted_says_how_to_go_on(runs):
    runs.train("a", [[50.0, 40.0]], tested=False)
    runs.sweep("b", [[50.0]], asked=3)
    runs.study("s", ["er"], 1)
    assert "Go on\n  python -m orchestrator.train --resume a\n" in show_run(runs.folder, "a")
    assert "Go on\n  python -m orchestrator.sweep --resume b\n" in show_run(runs.folder, "b")
    assert "Go on\n  python -m orchestrator.study --resume s\n" in show_run(runs.folder, "s")


def test_a_study_is_shown_with_its_runs_and_its_result_and_a_run_of_it_names_it(runs):
    runs.study("s", ["er"], 1, done=["s-er"])
    runs.sweep("s-er", [[50.0, 40.0]])
    runs.sweep("s-other", [[50.0, 40.0]])
    text = show_run(runs.folder, "s")
    assert "s: a study of er\n  interrupted, 1 of 2 runs\n" in text and "| method | trials |" in text
    assert re.search(r"Its runs\nname .*\ns-er .*\n\n## digits", text), text
    assert "s-er: a sweep of er on shapes-retrieval, of the study s\n  finished" in show_run(
        runs.folder, "s-er"
    )


@pytest.mark.parametrize("name", ["none", "features", "../runs/a", ".removing-1", ""])
def test_a_name_that_is_no_run_is_one_line(runs, name):
    runs.sweep("nine", [[50.0, 40.0]])
    (runs.folder / "features").mkdir()
    with pytest.raises(UserError, match="^show '?" + re.escape(name)) as error:
        show_run(runs.folder, name)
    assert "\n" not in str(error.value) and "allowed are" in str(error.value)
    assert ("did you mean nine?" in str(error.value)) == (name == "none")
