"""Studies with real searches, samplers and stopping rules, whose lanes and whose Tune are played."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

from played_tune import PlayedLanes, play_tune

from orchestrator.commands import lent_session, sweep_run
from orchestrator.search.tuner import search
from orchestrator.study.study_request import StudyRequest
from orchestrator.study.study_start import StudyStart

TRIALS = 6  # of which TPE proposes four
_SPACE = {"method.head": "linear", "method.epochs": 5, "method.logit_scale": 100.0}
METHODS = {
    "plain": {"name": "clip-finetune", "set": _SPACE},
    "kept": {"name": "clip-er", "set": _SPACE},
}


def play_searches(monkeypatch, folder):
    """Plays lanes and Tune for the real searches of studies, beside the fixture ``played``.

    ``run(name, **asked)`` and ``resumed(name)`` run a study and give its status. ``lines`` is what it said,
    ``told`` its last words, ``log`` what lanes and sessions did. ``at``, ``looks`` and ``seconds`` say how
    lanes work (:class:`~played_tune.PlayedLanes`). ``idle`` is how many lanes had no work, at each look.
    """
    found = SimpleNamespace(lines=[], log=[], at={}, idle=[], looks={}, lanes=2, seconds=60.0, told="")
    base = lent_session.Session

    class Session(base):
        def __init__(self, request, **how):
            super().__init__(request, **how)
            self._played = PlayedLanes(found.lanes, 2, found.log, found.at, found.seconds, found.looks)
            self._played.idle = found.idle
            self.lanes, self.dispatcher = found.lanes, self._played
            self.finish_tasks = self._played.finish_tasks
            self.wait_for_lanes = self._played.wait_for_lanes

        def __exit__(self, kind, *_):
            self._played.end(kind)

        def tick(self):
            self._played.tick()

        def listener(self, on_report, on_end, judge=None):
            if judge is None:
                return super().listener(on_report, on_end)
            return self._played.listener(self.scope, on_report, on_end, judge)

    monkeypatch.setattr(lent_session, "Session", Session)
    monkeypatch.setattr(sweep_run, "search", search)
    play_tune(monkeypatch)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # for which the tests would mostly wait

    def finish(start):
        told = []
        try:
            return start.run(told.append)
        finally:
            found.told = told[-1]

    def run(name="s", **asked):
        what = {
            "methods": METHODS,
            "streams": {"digits": None},
            "trials": TRIALS,
            "pairs": 1,
            "scheduler": "asha",
        } | asked
        return finish(StudyStart.new(StudyRequest.of(what, "f"), name, found.lines.append))

    found.run = run
    found.resumed = lambda name="s": finish(StudyStart.resumed(name, found.lines.append))
    found.runs = folder / "runs"
    return found


def trials_in(run):
    """What a search proposed and found, which of its trials it stopped, and how they ended."""
    found = {}
    for folder in sorted((run / "trials").iterdir()):
        files = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
        for content in files.values():
            content.pop("stamp", None)  # the run's own
        files["verdicts"]["verdicts"].pop("2", None)  # which decides nothing, and may have been lost
        found[folder.name] = files
    return found
