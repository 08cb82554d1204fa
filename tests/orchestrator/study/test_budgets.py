"""Studies whose searches have a time in the place of a number of trials. They are played."""

import json
import re

import pytest

from orchestrator import sweep
from orchestrator.errors import UserError
from orchestrator.execution.job import Outcome
from orchestrator.housekeeping.found_run import FoundRun
from orchestrator.study import __main__ as command

pytestmark = pytest.mark.unit

_TIME = {"trials": None, "time": "5m"}  # a trial takes two minutes


def _manifest(tmp_path, run="s-plain"):
    return json.loads((tmp_path / "runs" / run / "manifest.json").read_text())


def _journal(tmp_path, run="s-plain"):
    return [
        json.loads(line) for line in (tmp_path / "runs" / run / "tracking.jsonl").read_text().splitlines()
    ]


def test_each_search_has_the_same_time_and_the_result_says_so(played, tmp_path):
    status, told = played.begun(**_TIME)
    assert status == 0 and len(played.searched) == 6, "two trials are 4 minutes, three are 6"
    assert "Each search had 5m of training and evaluation, summed over its trials." in told
    assert "| plain | 3 | 0 | 2 | 51.5 ± 0.7 |" in told
    assert _manifest(tmp_path) == {"trials": 3, "asked": 3, "tasks": 2, "first": 3}
    (*_, ended) = [one for one in _journal(tmp_path) if one["op"] == "end" and not one["run"]]
    assert ended["tags"]["trials"] == "3", "which the record's start could not say"
    commands = json.loads((tmp_path / "runs" / "s" / "result.json").read_text())["streams"][0]["methods"][0]
    assert " --trials 3 --concurrent 3" in str(commands)
    assert played.gone_on() == (0, told) and len(played.searched) == 6
    found = FoundRun.of(tmp_path / "runs" / "s-plain", "s")
    assert (found.state, found.done, found.asked, found.budget) == ("finished", 3, 3, "5m")


def test_what_trials_take_later_changes_nothing_of_a_search_that_has_ended(played, tmp_path):
    """The number of trials is frozen, also where the study's own file is gone."""
    played.at = {("s-kept", "trial_0003"): KeyboardInterrupt()}
    assert played.begun(**_TIME)[0] == 130
    found = FoundRun.of(tmp_path / "runs" / "s-kept", "s")
    assert (found.state, found.done, found.asked) == ("interrupted", 2, 0)
    for run in ("s-plain", "s-kept"):
        for file in (tmp_path / "runs" / run).glob("trials/*/status.json"):
            file.write_text(file.read_text().replace('"seconds/train": 60.0', '"seconds/train": 15.0'))
    (tmp_path / "runs" / "s" / "parts.json").unlink()
    played.at = {}
    assert played.gone_on()[0] == 0
    trials = [name for run, name in played.searched if run == "s-plain"]
    assert trials == ["trial_0001", "trial_0002", "trial_0003"]
    # Of the other one the time is open: half a minute each of two trials, and two minutes each of two more.
    assert _manifest(tmp_path, "s-kept")["asked"] == 4


def test_a_sweep_that_is_given_the_time_that_it_used_up_stays_ended(played, tmp_path):
    played.begun(**_TIME)
    before = _manifest(tmp_path)
    assert sweep.main(["--resume", "s-plain", "--time", "5m"]) == 0
    assert _manifest(tmp_path) == before and before["asked"] == 3
    found = FoundRun.of(tmp_path / "runs" / "s-plain", "s")
    assert (found.state, found.done, found.asked) == ("finished", 3, 3) and len(played.searched) == 6


def test_a_study_grows_by_time_to_what_one_begun_with_it_has(played, tmp_path):
    played.begun(**_TIME)
    status, told = played.gone_on(budget=command.requested_budget(None, "9m", None))
    assert status == 0 and len(played.searched) == 10
    assert "| plain | 5 | 0 | 2 | 51.5 ± 0.7 |" in told and "Each search had 9m of" in told
    assert _manifest(tmp_path) == {"trials": 5, "asked": 5, "tasks": 2, "first": 3, "budget": "9m"}
    walked = set(played.parts())
    assert {"s-plain-trial_0005-pair1", "s-plain-pair1"} <= walked, (
        "another trial is chosen, of which pairs are"
    )
    assert played.gone_on() == (0, told)


def test_where_one_search_has_had_more_time_than_another_none_is_said_of_each(played):
    played.begun(**_TIME)
    played.at = {("s-kept", "trial_0004"): KeyboardInterrupt()}
    status, told = played.gone_on(budget=command.requested_budget(None, "9m", None))
    assert status == 130 and "| plain | 5 |" in told and "| kept | 3 |" in told
    assert "Each search had" not in told


def test_a_search_of_which_all_trials_failed_has_the_time_again_and_maybe_more_trials(played, tmp_path):
    few = played.new(**_TIME).study.arms[0].space.trials
    names = [f"trial_{number:04d}" for number in range(1, few + 1)]
    played.at = {("s-plain", name): Outcome("failed", "loss is nan") for name in names}
    assert played.begun(**_TIME)[0] == 1
    assert (_manifest(tmp_path)["asked"], _manifest(tmp_path)["first"]) == (few, few), "nothing was spent"
    played.at, played.seconds = {}, 150.0 / few / 2  # of two tasks: half of five minutes in all
    assert played.gone_on()[0] == 0
    assert (_manifest(tmp_path)["asked"], _manifest(tmp_path)["first"]) == (2 * few, 2 * few)


def test_a_search_that_grew_is_known_by_what_it_was_given_last(played, tmp_path):
    """Also where the study's own file is gone, and study.yaml was changed by hand."""
    played.begun(**_TIME)
    played.gone_on(budget=command.requested_budget(None, "9m", None))
    (tmp_path / "runs" / "s" / "parts.json").unlink()
    file = tmp_path / "runs" / "s" / "study.yaml"
    file.write_text(file.read_text().replace("time: 9m", "time: 7m"))
    with pytest.raises(UserError, match="s-plain: was asked for with budget '9m', not '7m'; allowed: "):
        played.gone_on()


_MORE = "a search of the study was asked for 5m; allowed: --time 5m, or more, in all"
_NEW = ["--methods", "slda"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resume", "s", "--time", "4m"], f"--time 4m: {_MORE}"),
        (["--resume", "s", "--trials", "9"], f"--trials 9: {_MORE}"),
        (["--resume", "s", "--gpu-hours", "9"], f"--gpu-hours 9: {_MORE}"),
        (
            ["--resume", "s", "--time", "9m", "--trials", "9"],
            "--trials 9 beside --time: allowed is one of the two",
        ),
        ([*_NEW, "--time", "1m", "--trials", "2"], "study: trials beside time: allowed is one of the two"),
        ([*_NEW, "--gpu-hours", "-1"], "study: gpu_hours -1.0: allowed are numbers above 0"),
        ([*_NEW, "--time", "1"], "study: time 1: allowed are minutes or hours above 0, as 30m, 2h or 1.5h"),
        (
            [*_NEW, "--gpu-hours", "1", "--set", "run.device=cpu"],
            "--gpu-hours 1: a trial holds no GPU here; allowed: --time, as 30m, 2h or 1.5h",
        ),
    ],
)
def test_what_cannot_be_had_is_one_line(played, words, said):
    played.begun(**_TIME)
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        command.main([*words, "--dry-run"])


def test_a_study_of_trials_grows_by_no_time(played):
    played.begun()
    said = "--time 9m: a search of the study was asked for 2 trials; allowed: --trials 2, or more, in all"
    with pytest.raises(UserError, match=f"^{said}$"):
        command.main(["--resume", "s", "--time", "9m"])


def test_a_preview_says_the_budget_and_what_is_left_of_it(played, capsys):
    line = ["--methods", "clip-finetune", "clip-er", "--stream", "digits", "--time", "5m", "--pairs", "2"]
    assert command.main([*line, "--dry-run"]) == 0
    told = re.sub(r"over \d+ keys", "over K keys", capsys.readouterr().out).splitlines()
    assert told[1:4] == [
        "  each search has 5m of training and evaluation, summed over its trials",
        "  no trial is stopped early",
        "  clip-finetune    digits               5m over K keys, memory 0; how long is not known",
    ]
