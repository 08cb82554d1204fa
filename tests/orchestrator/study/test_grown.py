"""Studies that grow: more trials, pairs and methods give what a study has that began so. They are played."""

import json

import pytest

from orchestrator.errors import UserError
from orchestrator.housekeeping.studies import studies_of, study_runs
from orchestrator.study import __main__ as command
from orchestrator.study.config_digest import config_digest
from orchestrator.study.study import Study
from orchestrator.study.study_request import StudyRequest

pytestmark = pytest.mark.unit

_LATER = [f"s-{name}-trial_0004-pair{n}" for n in (1, 2) for name in ("plain", "kept")]


@pytest.fixture
def told(played):
    """A study with other scores and figures, of a trial's own, and what a study says that began with four
    trials.
    """
    played.figure = lambda seed, rate: 50.0 + seed + 1000 * rate

    def begun_with(**asked):
        status, said = played.run(played.new("t", **asked))
        assert status == 0
        return said.replace("runs/t/", "runs/s/")  # where its files are

    return begun_with


def _chosen(played):
    return {name: part["trial"] for name, part in played.parts().items() if "pair" not in name}


def test_a_search_that_chooses_otherwise_has_its_pairs_run_again_under_other_names(played, told):
    assert "| plain | 2 | 0 | 2 | 53.5 ± 0.7 |" in played.begun()[1]
    before = {name: part for name, part in played.parts().items() if "pair" in name}
    assert _chosen(played) == {"s-plain": "trial_0002", "s-kept": "trial_0002"}
    walked = len(played.walked)
    status, grown = played.gone_on(trials=4)
    assert (status, _chosen(played)) == (0, {"s-plain": "trial_0004", "s-kept": "trial_0004"})
    assert sorted(played.walked[walked:]) == sorted(_LATER)
    assert "| plain | 4 | 0 | 2 | 55.5 ± 0.7 |" in grown
    assert {name: played.parts()[name] for name in before} == before, "what was found stays"
    assert played.searched.count(("s-plain", "trial_0001")) == 1
    assert grown == told(trials=4)
    sessions = len(played.sessions)
    assert played.gone_on() == (0, grown) and len(played.sessions) == sessions, "nothing is left"


def test_a_search_that_chooses_as_before_keeps_its_pairs(played, told):
    played.score = lambda number: 10.0 - number
    played.begun()
    walked = len(played.walked)
    status, grown = played.gone_on(trials=4)
    assert (status, _chosen(played)) == (0, {"s-plain": "trial_0001", "s-kept": "trial_0001"})
    assert len(played.walked) == walked and len(played.searched) == 8
    assert "| plain | 4 | 0 | 2 | 52.5 ± 0.7 |" in grown and grown == told(trials=4)


def test_the_choice_of_before_has_its_pairs_again(played, told, tmp_path):
    """With a margin for memory a search may come back to what it chose."""
    scores = {1: 1.0, 2: 2.0, 3: 4.0, 4: 3.0, 5: 0.0, 6: 0.0}
    played.score = scores.get
    played.begun()
    played.gone_on(trials=4)
    assert _chosen(played)["s-plain"] == "trial_0003" and "s-plain-trial_0003-pair2" in played.parts()
    scores[5] = 9.0
    walked = len(played.walked)
    status, grown = played.gone_on(trials=6)
    assert sorted(set(played.walked[walked:])) == sorted(
        f"s-{name}-trial_0005-pair{n}" for n in (1, 2) for name in ("plain", "kept")
    )
    assert grown == told(trials=6)
    # As if the first choice were the best of all again.
    parts, folder = played.parts(), tmp_path / "runs"
    config = config_digest(folder / "s-plain" / "trials" / "trial_0002" / "config.yaml")
    parts["s-plain"] |= {"trial": "trial_0002", "config": config}
    (folder / "s" / "parts.json").write_text(json.dumps({"format": 2, "parts": parts}))
    walked = len(played.walked)
    status, again = played.gone_on()
    assert status == 0 and len(played.walked) == walked and "| plain | 6 | 0 | 2 | 53.5 ± 0.7 |" in again


def test_a_study_that_is_interrupted_while_it_grows_says_who_has_grown(played, told):
    played.begun()
    played.at = {("s-kept", "trial_0003"): KeyboardInterrupt()}
    status, half = played.gone_on(trials=4)
    assert status == 130 and "| plain | 4 | 0 | 0 |  |  |" in half and "| kept | 2 |" in half
    assert "tuned alike" not in half
    played.at = {}
    status, grown = played.gone_on()
    assert status == 0 and grown == told(trials=4)
    assert sorted(trial for run, trial in played.searched if run == "s-kept") == [
        f"trial_000{n}" for n in (1, 2, 3, 3, 4)
    ]


def test_parts_that_are_lost_are_made_anew_from_the_runs_of_the_later_choice(played, tmp_path):
    played.begun()
    grown = played.gone_on(trials=4)[1]
    parts, sessions = played.parts(), len(played.sessions)
    (tmp_path / "runs" / "s" / "parts.json").unlink()
    assert played.gone_on() == (0, grown) and len(played.sessions) == sessions
    assert played.parts() == {
        name: part for name, part in parts.items() if name[-6:-1] != "-pair" or name in _LATER
    }


def test_trials_pairs_and_methods_that_are_added_are_those_of_a_study_begun_with_them(played, told):
    played.begun()
    status, grown = played.gone_on(trials=4, pairs=3, methods=["+clip-er"])
    more = {"clip-er": {"name": "clip-er"}}
    assert status == 0 and grown == told(trials=4, pairs=3, methods=played.asked["methods"] | more)
    assert "| clip-er | 4 | searched | 3 |" in grown


def test_what_would_grow_is_shown_beforehand(played, capsys):
    played.begun()
    assert command.main(["--resume", "s", "--trials", "4", "--dry-run"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-3:-1] == [
        "4 of 6 runs have ended, 2 are left",
        "a search that chooses otherwise among more trials has its pairs run again",
    ]
    assert [line.split("trials")[0].split()[-1] for line in said[2:4]] == ["4", "4"]
    assert command.main(["--resume", "s", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "6 of 6 runs have ended, 0 are left"


def test_the_runs_of_a_later_choice_are_the_studys_before_they_have_ended(played, tmp_path):
    played.begun()
    played.at = {("s-plain-trial_0004-pair1", "seed_1"): KeyboardInterrupt()}
    assert played.gone_on(trials=4)[0] == 130
    begun = "s-plain-trial_0004-pair1"
    assert begun not in played.parts() and begun in study_runs(tmp_path / "runs" / "s")
    (tmp_path / "runs" / "s-plain-trial_0004-pair1x").mkdir()
    assert "s-plain-trial_0004-pair1x" not in studies_of(tmp_path / "runs")


def test_no_label_is_a_later_choices():
    methods = {"a": {"name": "slda"}, "a-trial_0003": {"name": "ncm"}}
    with pytest.raises(
        UserError, match="^s-a-trial_0003: ends as the runs of a later choice do; allowed: ano"
    ):
        Study.of("s", StudyRequest.of({"methods": methods, "streams": ["digits"]}, "f"))
