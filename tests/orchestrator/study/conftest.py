"""Studies that are played in this process. No Ray is started."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from lane_here import draw_nothing

from orchestrator.commands import lent_session, sweep_run, train_run
from orchestrator.execution.job import Outcome
from orchestrator.execution.session import Session as RealSession
from orchestrator.record import open_tracker
from orchestrator.search import space
from orchestrator.streams import registry
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.source import SplitSource, StreamSource, TaskSource
from orchestrator.study import study_run
from orchestrator.study.study_request import StudyRequest
from orchestrator.study.study_start import StudyStart
from orchestrator.tracking.sender import Sender

_AT_A_TASK = {
    "per_task/learning_rate": 2e-3,
    "per_task/strength": 0.25,
    "per_task/finetuned": 90.0,
    "per_task/reached": 80.0,
    "per_task/trainings": 7,
}

ASKED = {
    "methods": {"plain": {"name": "clip-finetune"}, "kept": {"name": "clip-er"}},
    "streams": {"digits": None},
    "trials": 2,
    "pairs": 2,
}


@pytest.fixture
def played(tmp_path, monkeypatch):
    """What was done: ``searched`` has the trials of searches and ``walked`` the pairs' runs that began, in
    order. ``sessions`` has what each session was asked for, ``switched`` what one was asked for later. ``at``
    says what becomes of a trial, (run, trial) -> an outcome or an error; without it trial n scores 10 n, and
    a pair has 50 and its seed on test data. ``score`` and ``figure`` may say otherwise, of a trial's number
    and of a pair's seed and learning rate, which is 0.001 n of trial n; ``seen`` says what a pair has on
    validation data after a task, 10 without it. ``figure`` may be an outcome. With a budget a task of a
    search takes ``seconds``. ``refuses`` is the error with which a session does not start.

    ``new(**asked)`` and ``resumed(**more)`` are starts of the study ``s``, of two methods, two trials and two
    pairs. ``begun`` and ``gone_on`` run them, and give the exit status and the last lines. ``parts()`` is
    what the study's book has, ``reasons()`` why its runs failed.
    """
    found = SimpleNamespace(
        searched=[], walked=[], sessions=[], switched=[], at={}, refuses=None, asked=ASKED
    )
    found.seconds = 60.0
    found.score = lambda number: 10.0 * number
    found.figure = lambda seed, rate: 50.0 + seed
    found.seen = lambda seed, rate, task: 10.0
    found.new = lambda name="s", **asked: StudyStart.new(
        StudyRequest.of(ASKED | asked, "f"), name, lambda line: None
    )
    found.resumed = lambda **more: StudyStart.resumed("s", lambda line: None, **more)
    found.begun = lambda **asked: found.run(found.new(**asked))
    found.gone_on = lambda **more: found.run(found.resumed(**more))
    found.parts = lambda: json.loads((tmp_path / "runs" / "s" / "parts.json").read_text())["parts"]
    found.reasons = lambda: {name: part["reason"] for name, part in found.parts().items() if part["reason"]}

    def run(start):
        told = []
        return start.run(told.append), told[-1]

    found.run = run

    class Session:
        lanes, scope = 4, ""

        def __init__(self, request, **how):
            found.sessions.append(request)
            found.last_words = how.get("last_words")

        def __enter__(self):
            if found.refuses is not None:
                raise found.refuses
            return self

        def __exit__(self, *_):
            pass

        run, feed, drive, turn = RealSession.run, RealSession.feed, RealSession.drive, RealSession.turn

        def tick(self):
            pass

        def switch(self, request):
            found.switched.append(request)

        def listener(self, on_report, on_end):
            return _Listener(found, on_report, on_end)

    def search(run, searched, session, recorder, trials, spending=None):
        for number in range(trials):
            if spending is not None and not spending.more():
                break
            name, values = f"trial_{number + 1:04d}", {"method.learning_rate": 1e-3 * (number + 1)}
            values = values if searched.parameters else {}
            if name in recorder.store.trials and recorder.store.trials[name].status != "running":
                continue
            found.searched.append((run.folder.name, name))
            recorder.propose(name, values, number)
            recorder.start(name, values, number)
            outcome = _outcome(found, run.folder.name, name)
            if outcome.fatal:
                recorder.fatal = outcome.reason
                return "interrupted"
            if outcome.status == "finished":
                for task in range(1, len(recorder.names) + 1):
                    took = {} if spending is None else {"seconds/train": found.seconds}
                    score = found.score(number + 1)
                    took |= _AT_A_TASK if searched.config.per_task else {}
                    recorder.task(name, {"task": task, searched.objective.metric: score, **took})
            recorder.end(name, outcome.status, outcome.reason)
        return "finished"

    def look(run, space, session, recorder, best):
        return _tested(recorder.store.trial_folder(best.id), run.identity.stamp(best.id, best.values), 7.0)

    monkeypatch.setattr(sweep_run, "search", search)
    monkeypatch.setattr(sweep_run, "_look_at_test", look)
    for module in (sweep_run, train_run, lent_session):
        monkeypatch.setattr(module, "Session", Session)
    for module in (sweep_run, train_run, study_run):
        monkeypatch.setattr(module, "fit_tokenizer", lambda *_: None)
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    draw_nothing(monkeypatch)
    monkeypatch.setattr(open_tracker, "environment_tags", dict)
    monkeypatch.setattr(space, "check_suggestions", lambda *_: None)  # which takes a second
    monkeypatch.setattr(registry.get("digits"), "load", lambda config, skip_bad: _source())
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "VLCL_STORAGE"):
        monkeypatch.delenv(name, raising=False)
    return found


class _Listener:
    """Hears of each job, when it is asked, that it has ended."""

    def __init__(self, found, on_report, on_end):
        self._found, self._on_report, self._on_end, self._jobs = found, on_report, on_end, {}

    @property
    def under_way(self):
        return list(self._jobs)

    def submit(self, job):
        self._jobs[job.id] = job
        if job.kind == "train":
            self._found.walked.append(job.folder.parents[1].name)

    def stop(self, job_id):
        pass

    def hear(self, timeout):
        if not timeout:
            return
        job = self._jobs.pop(self.under_way[0])
        if job.kind == "test":
            rate = job.base["method"].get("learning_rate", 0.0)
            figure = self._found.figure(job.values["run.seed"], rate)
            if not isinstance(figure, Outcome):
                figure = Outcome("finished", metrics=_tested(job.folder, job.stamp, figure))
            self._on_end(job, figure)
            return
        outcome = _outcome(self._found, job.folder.parents[1].name, job.id)
        if outcome.status == "finished":
            rate, seed = job.base["method"].get("learning_rate", 0.0), job.values["run.seed"]
            for task in (1, 2):
                value = self._found.seen(seed, rate, task)
                self._on_report(job, {"task": task, "validation/average": value})
        self._on_end(job, outcome)


def _outcome(found, run, trial):
    what = found.at.get((run, trial), Outcome("finished"))
    if isinstance(what, BaseException):
        raise what
    return what


def _tested(trial, stamp, average):
    (trial / "test").mkdir(exist_ok=True)
    metrics = {"test/average": average}
    (trial / "test" / "metrics.json").write_text(json.dumps({"stamp": stamp, **metrics}))
    return metrics


def _source():
    def split():
        pictures = ArrayPictures(np.zeros((3, 2, 2, 3), np.uint8))
        return SplitSource(pictures, [], np.zeros(3, np.int32), list("abc"))

    tasks = [
        TaskSource(f"t{k}", {name: split() for name in ("train", "validation", "test")}, range(k, k + 1))
        for k in range(2)
    ]
    return StreamSource("digits", "recognition", 2, list("ab"), tasks, "none", "same", templates=("{}",))
