"""Waiting for the lanes. No Ray is started."""

from types import SimpleNamespace

from orchestrator.execution import lanes
from orchestrator.execution.lanes import Lanes


def test_a_dispatcher_that_comes_back_while_the_lanes_are_waited_for_is_told_that_it_is_over(monkeypatch):
    """It knows of no drain, and its lanes would wait for work for ever."""
    said, left = [], [True, True, True]

    def ask(_, call):
        said.append(call)
        return {"states": {0: "up"}} if call == "lanes" else 0

    monkeypatch.setattr(lanes, "ask", ask)
    monkeypatch.setattr(lanes.time, "sleep", lambda _: None)
    played = type("Played", (), {"alive": property(lambda _: bool(left and left.pop()))})()
    played._threads = [SimpleNamespace(is_alive=lambda: True)]
    Lanes.wait(played, "the dispatcher")
    assert said == ["drain", "lanes"] * 3
