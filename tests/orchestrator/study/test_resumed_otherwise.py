"""Studies that go on where something is not as it was: the code, the data, how far they are to grow. Their
runs are played.
"""

from dataclasses import replace

import pytest

from orchestrator.execution.job import Outcome
from orchestrator.housekeeping.found_run import FoundRun
from orchestrator.housekeeping.list_runs import list_runs
from orchestrator.record import open_tracker
from orchestrator.record.made_by import made_by
from orchestrator.storage.run_files import JOURNAL_FILE
from orchestrator.streams import registry
from orchestrator.study.study_start import StudyStart

pytestmark = pytest.mark.unit


@pytest.fixture
def at_commit(monkeypatch):
    """Has the code be of a commit, and perhaps changed since."""

    def at(letter, dirty=False):
        tags = {"git.commit": letter * 40, "git.dirty": str(dirty).lower()}
        monkeypatch.setattr(open_tracker, "environment_tags", lambda: tags)

    return at


def test_a_study_says_which_commits_its_runs_are_of(played, tmp_path, at_commit):
    at_commit("a")
    played.at = {("s-kept-pair1", "seed_1"): KeyboardInterrupt()}
    status, told = played.begun()
    assert status == 130 and "commit" not in told, "all are of one"
    at_commit("b", dirty=True)
    played.at = {}
    status, told = played.gone_on()
    commits = {name: part["commit"] for name, part in played.parts().items()}
    assert status == 0 and commits == {
        "s-plain": "aaaaaaaaaa",
        "s-kept": "aaaaaaaaaa",
        "s-plain-pair1": "aaaaaaaaaa, bbbbbbbbbb+",
        "s-kept-pair1": "aaaaaaaaaa, bbbbbbbbbb+",
        "s-plain-pair2": "bbbbbbbbbb+",
        "s-kept-pair2": "bbbbbbbbbb+",
    }
    said = (
        "The runs are of several commits of the code: aaaaaaaaaa (2 runs), aaaaaaaaaa and "
        "bbbbbbbbbb+ (2 runs), bbbbbbbbbb+ (2 runs)."
    )
    assert told.count(said) == 1 and said in (tmp_path / "runs" / "s" / "report.html").read_text()
    # Made anew from the runs' own records, which are opened and found finished.
    at_commit("c")
    (tmp_path / "runs" / "s" / "parts.json").unlink()
    assert played.gone_on() == (0, told)
    assert {name: part["commit"] for name, part in played.parts().items()} == commits


def test_runs_of_a_study_that_noted_no_commit_are_of_an_unknown_one(played, tmp_path, at_commit):
    played.score = lambda number: 10.0 - number  # so that more trials choose as before
    status, told = played.begun()
    assert {part["commit"] for part in played.parts().values()} == {""} and "commit" not in told
    file = tmp_path / "runs" / "s" / "parts.json"
    file.write_text(file.read_text().replace(',\n   "commit": ""', ""))
    assert "commit" not in file.read_text(), "as an earlier version wrote it"
    at_commit("b")
    told = played.gone_on(pairs=3, trials=3)[1]
    assert "several commits of the code: bbbbbbbbbb (4 runs), unknown (4 runs)." in told
    journal = tmp_path / "runs" / "s-plain" / JOURNAL_FILE
    assert made_by(journal.parent) == "bbbbbbbbbb" and made_by(tmp_path / "runs" / "s-plain-pair1") == ""
    journal.unlink()
    journal.mkdir()
    assert made_by(journal.parent) == "", "what cannot be read tells nothing"


@pytest.mark.parametrize("missing", ["pair", "search"])
def test_data_that_were_replaced_meanwhile_are_refused_when_it_goes_on(played, monkeypatch, missing):
    played.at = {
        ("s-kept-pair2", "seed_2") if missing == "pair" else ("s-kept", "trial_0002"): KeyboardInterrupt()
    }
    assert played.begun()[0] == 130
    played.at = {}
    load = registry.get("digits").load
    monkeypatch.setattr(
        registry.get("digits"), "load", lambda *given: replace(load(*given), fingerprint="other")
    )
    before, parts = len(played.walked) + len(played.searched), played.parts()
    status, told = played.gone_on()
    assert status == 1 and len(played.walked) + len(played.searched) == before, "nothing is trained on them"
    left = {"pair": ["s-plain-pair2", "s-kept-pair2"], "search": ["s-kept", "s-plain-pair1", "s-plain-pair2"]}
    assert list(played.reasons()) == left[missing]
    for name in left[missing]:
        assert f"- {name}: the stream digits is of another content than that of s-plain (" in told
    assert {name: played.parts()[name] for name in parts} == parts, "what was found stays"
    monkeypatch.setattr(registry.get("digits"), "load", load)
    assert played.gone_on()[0] == 0 and played.reasons() == {}, "with the data as they were it goes on"


def test_a_study_that_is_to_grow_is_not_listed_as_finished(played, tmp_path):
    runs = tmp_path / "runs"

    def listed():
        found = FoundRun.of(runs / "s")
        (line,) = [line for line in list_runs(runs).splitlines() if line.startswith("s  ")]
        assert f" {found.state} " in line and f" {found.done}/{found.asked} " in line
        return found.state, found.done, found.asked

    played.begun()
    assert listed() == ("finished", 6, 6)
    played.at = {("s-plain", "trial_0003"): KeyboardInterrupt()}
    assert played.gone_on(trials=4)[0] == 130
    assert listed() == ("interrupted", 4, 6), "two searches go on"
    # A pair of the first choice that failed is nothing that is asked for now.
    played.at = {}
    assert played.gone_on()[0] == 0
    assert listed() == ("finished", 6, 6), "the six of the later choice"
    part = "s-kept-trial_0004-pair1"
    book = StudyStart.recorded("s", print).study.folder / "parts.json"
    text = book.read_text()
    first, later = text.index('"s-kept-pair1"'), text.index(f'"{part}"')
    for place, state in ((first, "finished"), (later, "failed")):
        reason = text.index('"reason": ""', place)
        book.write_text(f'{text[:reason]}"reason": "lost"{text[reason + len(chr(34) * 2) + 10 :]}')
        assert listed()[0] == state


def test_a_search_whose_first_trials_all_failed_may_choose_twice_as_it_grows(played):
    """No trial was chosen when it had as many as it began with. Runs with a pair of both later choices are
    kept apart all the same.
    """
    failed = Outcome("failed", reason="loss is nan")
    played.at = {("s-plain", f"trial_000{n}"): failed for n in (1, 2)}
    assert played.begun()[0] == 1 and "s-plain" in played.reasons()
    scores = {3: 30.0, 4: 40.0, 5: 0.0, 6: 60.0}
    played.score = lambda number: scores.get(number, 1.0)
    for trials, chosen in ((4, "trial_0004"), (6, "trial_0006")):
        status, told = played.gone_on(trials=trials)
        assert (status, played.reasons()) == (0, {}), trials
        assert played.parts()["s-plain"]["trial"] == chosen
        assert f"| plain | {trials}, 2 failed | 0 | 2 | 51.5" in told
    pairs = {name for name in played.parts() if name.startswith("s-plain-")}
    assert pairs == {f"s-plain-trial_000{chosen}-pair{n}" for chosen in (4, 6) for n in (1, 2)}
