"""Studies that run the best few trials of each search with every pair, and choose among them (played)."""

import json
from types import SimpleNamespace

import pytest
from told_study import read_page

from orchestrator.errors import UserError
from orchestrator.execution.job import Outcome
from orchestrator.housekeeping.found_run import FoundRun
from orchestrator.housekeeping.studies import runs_asked_for, study_runs
from orchestrator.study import __main__ as command
from orchestrator.study.best_few import best_few
from orchestrator.study.choose import choose
from orchestrator.study.run_request import RunRequest
from orchestrator.study.runs_now import runs_now
from orchestrator.study.study_book import Candidate, Part, StudyBook
from orchestrator.study.study_forecast import ArmForecast
from orchestrator.study.study_request import StudyRequest

pytestmark = pytest.mark.unit

_FAILED = Outcome("failed", "loss is nan")
# Validation data of a pair's run: seed -> trial's number -> value. Of trials 3 and 2, 2 is better on average.
_SEEN = {1: {3: 40.0, 2: 30.0, 4: 0.0, 1: 0.0}, 2: {3: 10.0, 2: 30.0, 4: 0.0, 1: 0.0}, 3: {3: 90.0, 2: 30.0}}
_OTHERS = [f"s-{name}-trial_0002-pair{n}" for name in ("plain", "kept") for n in (1, 2)]
_FIRSTS = [f"s-{name}-pair{n}" for name in ("plain", "kept") for n in (1, 2)]


@pytest.fixture
def few(played):
    """Of each search's three trials the third is the best one, and the second after the pairs."""
    played.figure = lambda seed, rate: 50.0 + seed + 1000 * rate
    played.seen = lambda seed, rate, task: _SEEN[seed][round(1000 * rate)]

    def began(**asked):
        status, said = played.run(played.new("t", **{"trials": 3, "best": 2, **asked}))
        assert status == 0
        return said.replace("runs/t/", "runs/s/")

    played.began_with = began
    played.asked_for = {"trials": 3, "best": 2}
    return played


def _tested(runs):
    return {path.parents[3].name for path in runs.glob("s-*/trials/*/test/metrics.json")}


def _result(tmp_path, name="s"):
    (there,) = json.loads((tmp_path / "runs" / name / "result.json").read_text())["streams"]
    del there["unread"]  # a played run has no matrix
    for method in there["methods"]:
        del method["commands"]  # which have the runs' names
        for pair in method["pairs"]:
            del pair["cost"]
    return there


def test_the_best_mean_over_pairs_is_chosen_and_its_test_data_alone_is_read(few, tmp_path):
    status, told = few.begun(**few.asked_for)
    assert status == 0 and few.reasons() == {}
    assert set(few.walked) == {*_FIRSTS, *_OTHERS}, "both candidates walk every pair"
    assert _tested(tmp_path / "runs") == set(_OTHERS)
    assert "| plain | 3 | 0 | 2 | 53.5 ± 0.7 |" in told
    assert (
        "Up to 2 of the best trials of each search were run with every pair, and the one with the best mean "
        in told
    )
    sessions = len(few.sessions)
    assert few.gone_on() == (0, told) and len(few.sessions) == sessions, "nothing is left"
    assert command.main(["--report", "s"]) == 0


def test_the_means_are_in_the_result_and_on_the_page(few, tmp_path):
    few.begun(**few.asked_for)
    method = _result(tmp_path)["methods"][0]
    assert method["candidates"] == [
        {
            "trial": "trial_0003",
            "search": 30.0,
            "mean": 25.0,
            "pairs": {"1": 40.0, "2": 10.0},
            "chosen": False,
        },
        {
            "trial": "trial_0002",
            "search": 20.0,
            "mean": 30.0,
            "pairs": {"1": 30.0, "2": 30.0},
            "chosen": True,
        },
    ]
    assert method["chosen"] == {"method.learning_rate": 0.002} and method["validation"] == 20.0
    page = read_page((tmp_path / "runs" / "s" / "report.html").read_text())
    assert page.tables["candidates"][1:3] == [
        ["plain", "trial_0003", "30.00", "25.00", "2", ""],
        ["plain", "trial_0002", "20.00", "30.00", "2", "chosen"],
    ]
    assert page.tables["chosen"][1][:3] == ["plain", "trial_0002", "20.00"]


def test_a_study_of_one_candidate_says_nothing_of_them(few, tmp_path):
    few.begun(trials=3)
    folder = tmp_path / "runs" / "s"
    assert "best" not in (folder / "study.yaml").read_text()
    assert set(few.parts()["s-plain"]) == set(few.parts()["s-plain-pair1"])
    assert not {"candidates", "mode", "validation"} & set(few.parts()["s-plain"])
    assert "best" not in few.parts()["s-plain"]["asked"]
    assert "candidates" not in (folder / "result.json").read_text()
    assert "The best few" not in (folder / "report.html").read_text()
    assert _tested(tmp_path / "runs") == set(_FIRSTS)


@pytest.mark.parametrize(
    "begun, more",
    [
        ({"trials": 3}, {"best": 2}),
        ({"trials": 3, "best": 2, "pairs": 1}, {"pairs": 2}),
        ({"trials": 2, "best": 2}, {"trials": 3}),
        ({"trials": 2, "pairs": 1}, {"trials": 3, "pairs": 2, "best": 2}),
    ],
    ids=["best", "pairs", "trials", "all"],
)
def test_a_study_that_grows_is_one_that_began_so(few, tmp_path, begun, more):
    assert few.begun(**begun)[0] == 0
    status, grown = few.gone_on(**more)
    assert status == 0 and grown == few.began_with()
    assert _result(tmp_path) == _result(tmp_path, "t")
    assert few.searched.count(("s-plain", "trial_0001")) == 1
    sessions = len(few.sessions)
    assert few.gone_on() == (0, grown) and len(few.sessions) == sessions


def test_with_other_pairs_the_choice_is_another_one(few, tmp_path):
    few.begun(**few.asked_for)
    status, grown = few.gone_on(pairs=3)
    assert status == 0 and "| plain | 3 | 0 | 3 | 55.0 ± 1.0 |" in grown, (
        "the mean of 40, 10 and 90 is higher"
    )
    assert _tested(tmp_path / "runs") == {*_OTHERS, *_FIRSTS, "s-plain-pair3", "s-kept-pair3"}
    assert grown == few.began_with(pairs=3)


def test_a_study_that_is_interrupted_in_the_walks_goes_on(few, tmp_path):
    few.at = {("s-plain-trial_0002-pair2", "seed_2"): KeyboardInterrupt()}
    status, told = few.begun(**few.asked_for)
    assert status == 130 and "| plain | 3 | 0 | 0 |  |  |" in told and not _tested(tmp_path / "runs")
    few.at = {}
    status, told = few.gone_on()
    assert status == 0 and _tested(tmp_path / "runs") == set(_OTHERS)
    assert told == few.began_with()


def test_a_study_that_is_interrupted_in_a_look_at_test_data_goes_on(few, tmp_path):
    figure = few.figure

    def interrupted(seed, rate):
        if seed == 2:
            raise KeyboardInterrupt
        return figure(seed, rate)

    few.figure = interrupted
    assert few.begun(**few.asked_for)[0] == 130
    runs = tmp_path / "runs"
    assert _tested(runs) == {"s-plain-trial_0002-pair1", "s-kept-trial_0002-pair1"}
    found = FoundRun.of(runs / "s")
    assert (found.state, found.done, found.asked) == ("interrupted", 8, 10), "two looks are still to come"
    few.figure = figure
    status, told = few.gone_on()
    assert status == 0 and told == few.began_with()
    found = FoundRun.of(runs / "s")
    assert (found.state, found.done, found.asked) == ("finished", 10, 10)


def test_a_candidate_of_which_a_run_failed_is_not_chosen(few, tmp_path):
    few.at = {("s-plain-trial_0002-pair2", "seed_2"): _FAILED}
    status, told = few.begun(**few.asked_for)
    assert (status, few.reasons()) == (1, {"s-plain-trial_0002-pair2": "seed_2: loss is nan"})
    assert "- s-plain-trial_0002-pair2: seed_2: loss is nan" in told
    assert "| plain | 3 | 0 | 2 | 54.5 ± 0.7 |" in told and "| kept | 3 | searched | 2 | 53.5 ± 0.7 |" in told
    assert few.walked.count("s-plain-trial_0002-pair2") == 1, "it is tried again once a command"
    few.at = {}
    status, told = few.gone_on()
    assert status == 0 and told == few.began_with()


def test_where_every_candidate_has_a_run_that_failed_nothing_is_chosen(few, tmp_path):
    few.at = {("s-plain-trial_0002-pair2", "seed_2"): _FAILED, ("s-plain-pair1", "seed_1"): _FAILED}
    status, told = few.begun(**few.asked_for)
    assert status == 1 and "| plain | 3 | 0 | 0 |  |  |" in told
    assert not any("plain" in run for run in _tested(tmp_path / "runs"))
    assert not any(one["chosen"] for one in _result(tmp_path)["methods"][0]["candidates"])


def test_a_look_at_test_data_that_failed_changes_no_choice(few, tmp_path):
    figure = few.figure
    few.figure = lambda seed, rate: _FAILED if seed == 1 else figure(seed, rate)
    status, told = few.begun(**few.asked_for)
    failed = {f"s-{name}-trial_0002-pair1": "seed_1: loss is nan" for name in ("plain", "kept")}
    assert (status, few.reasons()) == (1, failed) and "| plain | 3 | 0 | 1 | 54.0 |  |" in told
    assert [one["chosen"] for one in _result(tmp_path)["methods"][0]["candidates"]] == [False, True]
    few.figure = figure
    status, told = few.gone_on()
    assert status == 0 and _tested(tmp_path / "runs") == set(_OTHERS) and told == few.began_with()


def test_with_first_tasks_the_objective_after_the_last_of_them_counts(few, tmp_path):
    few.seen = lambda seed, rate, task: _SEEN[seed][round(1000 * rate)] if task == 1 else 1e5 * rate
    few.begun(**few.asked_for, protocol="first-tasks 1")
    assert [one["mean"] for one in _result(tmp_path)["methods"][0]["candidates"]] == [25.0, 30.0]


def test_a_search_with_fewer_trials_has_fewer_candidates(few, tmp_path):
    status, told = few.begun(trials=2, best=5)
    assert status == 0 and "| plain | 2 | 0 | 2 | 53.5 ± 0.7 |" in told
    assert [one["trial"] for one in _result(tmp_path)["methods"][0]["candidates"]] == [
        "trial_0002",
        "trial_0001",
    ]


def test_a_trial_that_failed_is_no_candidate(few, tmp_path):
    few.at = {("s-plain", "trial_0003"): _FAILED}
    few.begun(**few.asked_for)
    assert [one["trial"] for one in _result(tmp_path)["methods"][0]["candidates"]] == [
        "trial_0002",
        "trial_0001",
    ]


def test_the_runs_of_all_candidates_are_the_studys(few, tmp_path):
    few.begun(**few.asked_for)
    folder = tmp_path / "runs" / "s"
    assert set(runs_asked_for(folder)) == {"s-plain", "s-kept", *_FIRSTS, *_OTHERS}
    assert set(study_runs(folder)) == set(runs_asked_for(folder))


def test_a_search_that_has_fewer_candidates_than_are_asked_for_has_not_ended(few, tmp_path):
    few.begun(**few.asked_for)
    folder = tmp_path / "runs" / "s"
    assert FoundRun.of(folder).state == "finished"
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text.replace("best: 2", "best: 3"))
    found = FoundRun.of(folder)
    assert (found.state, found.done, found.asked) == ("interrupted", 8, 10)


def test_a_dry_run_counts_the_runs_of_all_candidates(few, capsys):
    start = few.new(**few.asked_for)
    said = start.preview()
    assert "  up to 2 of the best trials of each search are run with each pair" in said.splitlines()
    runs = list(runs_now(start.study, StudyBook(start.study.folder)))
    arm = start.study.arms[0]
    assert ArmForecast.of(arm, [run for run in runs if run.arm is arm]).pairs == 4
    few.run(start)
    assert "10 of 10 runs have ended, 0 are left" in few.resumed().preview()
    more = few.resumed(best=3).preview()
    assert "8 of 14 runs have ended, 6 are left" in more, "both searches are opened, and have one more each"
    assert "among more trials" not in more and "among more trials" in few.resumed(trials=4).preview()


@pytest.mark.parametrize(
    "asked, said",
    [
        ({"best": 0}, "f: best 0: allowed are whole numbers from 1"),
        ({"best": "two"}, "f: best 'two': allowed are whole numbers from 1"),
        ({"best": True}, "f: best True: allowed are whole numbers from 1"),
        (
            {"best": 2, "protocol": "transfer stream.seed=7"},
            "best 2: with protocol transfer stream.seed=7 the choice would be made on the stream that is "
            "reported on; allowed: best 1, or another protocol",
        ),
    ],
)
def test_what_best_cannot_be_is_refused(few, asked, said):
    with pytest.raises(UserError) as refused:
        few.new(**asked)
    assert str(refused.value) == said


def test_best_is_not_taken_back(few, tmp_path):
    few.begun(**few.asked_for)
    with pytest.raises(
        UserError, match="^--best 1: the study was asked for 2; allowed are whole numbers from 2, in"
    ):
        few.resumed(best=1)
    file = tmp_path / "runs" / "s" / "study.yaml"
    assert "best: 2\n" in file.read_text()
    file.write_text(file.read_text().replace("best: 2\n", ""))
    with pytest.raises(UserError, match="s-plain: was asked for with best 2, not nothing"):
        few.resumed()


def test_the_command_asks_for_it_as_the_file_does(few, capsys):
    words = ["--methods", "clip-finetune", "slda", "--stream", "digits", "--trials", "3", "--best", "2"]
    assert command.main([*words, "--dry-run"]) == 0
    assert "up to 2 of the best trials of each search" in capsys.readouterr().out
    assert StudyRequest.of({"methods": ["slda"], "best": 2}, "f").best == 2


def _search(mode="max", *trials):
    found = tuple(Candidate(trial, "c", 1.0) for trial in trials or ("a", "b"))
    return Part("s", RunRequest({}), trial="a", first="a", candidates=found, mode=mode)


def _runs(values):
    """A candidate's runs by its name: numbers, None for one to come, a text for one that failed, and ... for
    one that a study of one candidate left.
    """

    def made(value):
        if value is None:
            return None
        if value is ...:
            return Part("r", RunRequest({}), test={"average": 1.0})
        failed = isinstance(value, str)
        return Part("r", RunRequest({}), reason=value if failed else "", validation=None if failed else value)

    return lambda one: [made(value) for value in values[one.trial]]


def test_the_choice_among_runs():
    chosen = lambda values, mode="max": (found := choose(_search(mode), 2, _runs(values))) and found.trial  # noqa: E731
    assert chosen({"a": [1.0, 2.0], "b": [0.0, 4.0]}) == "b"
    assert chosen({"a": [1.0, 2.0], "b": [0.0, 4.0]}, "min") == "a"
    assert chosen({"a": [1.0, 2.0], "b": [2.0, 1.0]}) == "a", "the better one of the search among equals"
    assert chosen({"a": [1.0, 2.0], "b": [9.0, None]}) is None, "a run is still to come"
    assert chosen({"a": [1.0, 2.0], "b": [9.0, ...]}) is None, "its validation data is still to be read"
    assert chosen({"a": [1.0, 2.0], "b": [9.0, "failed"]}) == "a"
    assert chosen({"a": ["failed", 2.0], "b": [9.0, "failed"]}) is None
    assert choose(None, 2, _runs({})) is None
    assert choose(_search(), 1, _runs({})) == _search()


def test_the_best_trials_of_a_store_are_its_choices_one_after_another():
    store = SimpleNamespace(trials={name: SimpleNamespace(id=name) for name in "abc"})
    store.best = lambda: next((store.trials[name] for name in "bca" if name in store.trials), None)
    assert [one.id for one in best_few(store, 2)] == ["b", "c"] and list(store.trials) == ["a", "b", "c"]
    assert [one.id for one in best_few(store, 9)] == ["b", "c", "a"]
