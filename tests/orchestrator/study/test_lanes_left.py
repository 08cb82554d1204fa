"""Searches of which one ends before the other: the lanes that it leaves, and the line that counts it. Tune's
loop and the lanes are played in this process. No Ray is started.
"""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from played_searches import METHODS, play_searches, trials_in

from orchestrator.search.sampler import TaskSearch
from orchestrator.search.scheduler import TaskScheduler
from orchestrator.search.space import Space
from orchestrator.search.tune_bridge import TuneBridge
from orchestrator.study.study_request import StudyRequest
from orchestrator.study.study_start import StudyStart

pytestmark = pytest.mark.unit


@pytest.fixture
def together(played, monkeypatch, tmp_path):
    return play_searches(monkeypatch, tmp_path)


def _at_random(folder):
    """The methods, of which the second one's search fills all lanes."""
    space = yaml.safe_load(Path(Space.load("clip-er", None, None, {}).path).read_text())
    (folder / "random.yaml").write_text(yaml.safe_dump(space | {"sampler": "random"}))
    return METHODS | {"kept": METHODS["kept"] | {"space": str(folder / "random.yaml")}}


def test_an_error_in_a_search_that_holds_all_lanes_leaves_them_to_the_other_one(
    together, monkeypatch, tmp_path
):
    """Its trials wait for verdicts that nobody gives."""
    methods, told, held = _at_random(tmp_path), TaskScheduler.on_trial_result, []
    assert together.run("u", methods=methods) == 0
    expected = {name: trials_in(together.runs / f"u-{name}") for name in METHODS}

    def fail(self, controller, trial, result):
        lanes = controller.registry[controller._name].keywords["dispatcher"]
        if {work.run for work in lanes.busy} == {"s-kept"} and len(lanes.busy) == 2 and lanes.waiting:
            held.append(lanes.waiting[0].run)
            raise ZeroDivisionError("all lanes")
        return told(self, controller, trial, result)

    together.looks["s-kept"] = 5
    with monkeypatch.context() as patched, pytest.raises(ZeroDivisionError, match="all lanes"):
        patched.setattr(TaskScheduler, "on_trial_result", fail)
        together.run(methods=methods)
    assert held == ["s-plain"], "it waits for a lane"
    assert trials_in(together.runs / "s-plain") == expected["plain"]
    assert together.resumed() == 0
    assert trials_in(together.runs / "s-kept").keys() == expected["kept"].keys()


def test_after_ctrl_c_lanes_finish_their_tasks_unasked():
    stopped = []
    listener = SimpleNamespace(under_way=["trial_0001"], answer=lambda *said: stopped.append(said))
    recorder = SimpleNamespace(interrupted=True, safely=lambda call, *args: call(*args))
    bridge = TuneBridge(recorder, SimpleNamespace(listener=lambda *_: listener), None, "validation/average")
    bridge.leave_lanes()
    assert not stopped
    recorder.interrupted = False
    bridge.leave_lanes()
    assert stopped == [("trial_0001", 0, False)]


def test_the_live_line_of_a_search_counts_one_that_began_later_and_ended_before(together):
    lines, told = [], together.lines.append
    together.looks["s-plain"] = 5
    asked = {"methods": METHODS, "streams": {"digits": None}, "trials": 6, "pairs": 1}
    assert StudyStart.new(StudyRequest.of(asked, "f"), "s", told).run(told, lines.append) == 0
    counts = [line.partition(" of 4 runs  plain: ")[0] for line in lines if "plain: " in line]
    assert list(dict.fromkeys(counts)) == ["0", "1", "2"], "the last ones are of its run with a pair"


@pytest.mark.parametrize("last", ["kept", "plain"])
def test_each_error_is_said_as_it_comes_and_the_study_ends_by_the_first_inner_one_or_the_outer_one(
    together, monkeypatch, last
):
    third, suggest = {"third": METHODS["plain"] | {"name": "clip-lwf"}}, TaskSearch.suggest
    together.lanes = 3

    def fail(self, trial_id):
        who = {"lwf": "third", "replay.size": "kept"}
        mine = next((name for key, name in who.items() if key in str(self._starts)), "plain")
        if (mine, trial_id) in (("third", "tune 2"), (last, "tune 4")):
            raise ZeroDivisionError(mine)
        return suggest(self, trial_id)

    with pytest.raises(ZeroDivisionError, match="plain" if last == "plain" else "third"):
        monkeypatch.setattr(TaskSearch, "suggest", fail)
        together.run(methods=METHODS | third)
    said = [line for line in together.lines if "ZeroDivisionError" in line]
    assert said == ["third: ZeroDivisionError: third", f"{last}: ZeroDivisionError: {last}"]


def test_a_search_is_over_once_a_step_of_it_has_failed_and_has_no_steps_before_its_first_trial():
    recorder = SimpleNamespace(interrupted=False, fatal="")
    session = SimpleNamespace(listener=lambda *_: None)
    bridge = TuneBridge(recorder, session, None, "validation/average")
    bridge.step()
    assert not bridge.over
    bridge.follow(SimpleNamespace(is_finished=lambda: 1 / 0))
    bridge.step()
    assert bridge.over
