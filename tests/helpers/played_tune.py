"""Tune's loop and lanes in a test's own process, step by step, for whole searches. No Ray is started."""

from __future__ import annotations

import json
import signal
from collections import deque
from functools import partial
from types import SimpleNamespace

import numpy as np
import ray.tune
from ray.tune.schedulers import TrialScheduler

from orchestrator.execution.job import Outcome
from orchestrator.search.result_keys import RUNNING, STATUS, TASK, TRIAL
from orchestrator.storage.checkpoint import folder_of
from orchestrator.storage.trial_files import STATE_FILE, reports_in

_METRIC = "validation/average"
_LOOKS = 5000  # of which a test takes some hundred


class PlayedTuner:
    """In the place of Tune's: proposes, hears one trial a step, and calls everything in Tune's order. A trial
    begins a step after it was proposed. What it runs is found by its name in ``registry``, as in Tune's.
    """

    registry: dict = {}

    def __init__(self, trainable, tune_config, run_config):
        self._name, self._how = trainable.__name__, tune_config
        assert self._name not in self.registry, "a loop that is open would run this one's function"
        self.registry[self._name] = trainable
        (self._callback,) = run_config.callbacks
        self._trials, self._proposed, self._begun, self._no_more = {}, deque(), 0, False

    def fit(self):
        over, usual = [], signal.getsignal(signal.SIGINT)

        def end(*_):
            over.append(True)
            signal.signal(signal.SIGINT, usual)

        signal.signal(signal.SIGUSR1, end)
        try:
            while not self.is_finished() and not over:
                self.step()
            self.registry[self._name].keywords["dispatcher"].cleaned_up()
        finally:
            del self.registry[self._name]

    def is_finished(self):
        return not self._trials and (self._no_more or self._begun >= self._how.num_samples)

    def step(self):
        self._callback.on_step_begin(0, [])
        while self._proposed:
            self._callback.on_trial_start(0, [], self._proposed.popleft())
        while len(self._trials) < self._how.max_concurrent_trials and self._begun < self._how.num_samples:
            if not self._begin():
                break
        for trial in list(self._trials.values()):
            if trial.told():
                break
        self._callback.on_step_end(0, [])

    def _begin(self):
        name = f"tune {self._begun}"
        proposal = None if self._no_more else self._how.search_alg.suggest(name)
        self._no_more = self._no_more or proposal == self._how.search_alg.FINISHED
        if proposal is None or self._no_more:
            return False
        self._begun += 1
        trial = SimpleNamespace(trial_id=name, config=proposal, last_result=None)
        runs = self.registry[self._name].keywords
        where = runs["scope"] + proposal[TRIAL]["id"]
        trial.told = partial(self._hear, trial, runs["dispatcher"].told, where)
        self._trials[name] = trial
        self._how.scheduler.on_trial_add(self, trial)
        self._proposed.append(trial)
        return True

    def _hear(self, trial, told, where):
        if (result := told.pop(where, None)) is None:
            return False
        decision = TrialScheduler.STOP
        if result[STATUS] in (RUNNING, "failed"):
            trial.last_result = {**result, "training_iteration": result[TASK]}
            decision = self._how.scheduler.on_trial_result(self, trial, trial.last_result)
        if decision != TrialScheduler.STOP:
            self._how.search_alg.on_trial_result(trial.trial_id, trial.last_result)
        if decision == TrialScheduler.STOP or result[STATUS] != RUNNING:
            del self._trials[trial.trial_id]
            self._how.search_alg.on_trial_complete(trial.trial_id, trial.last_result)
            self._callback.on_trial_complete(0, [], trial)
        return True


class PlayedLanes:
    """Lanes of a session. Each trains a task of its job whenever somebody looks at the session, unless it
    waits for an answer. A task's report lies in the trial's folder before anybody hears of it.

    Args:
        lanes: How many.
        tasks: How many tasks a trial has.
        log: Takes what happens: (run, trial, task) of each task that is trained, and words.
        at: What a lane meets once it has trained a task, (run, trial, task) -> a function.
        seconds: What a task takes, by its own report.
        looks: How many looks a run's tasks take, where that is more than one.
    """

    def __init__(self, lanes, tasks, log, at, seconds, looks):
        self.lanes, self._tasks, self._log, self._at, self._seconds = lanes, tasks, log, at, seconds
        self._looks = looks
        self.told, self.waiting, self.busy, self.idle = {}, deque(), [], []
        self.draining = self.ended = False

    def cleaned_up(self):
        """Tune asks Ray to clean up as its loop ends."""
        assert not self.ended, "Ray has ended"

    def listener(self, scope, on_report, on_end, judge):
        return _Listener(self, scope, on_report, on_end, judge)

    def tick(self):
        if self.draining:
            return
        while self.waiting and len(self.busy) < self.lanes:
            self.busy.append(self.waiting.popleft())
        self.idle.append(self.lanes - len(self.busy))
        assert len(self.idle) < _LOOKS, "nothing goes on any more"
        for work in list(self.busy):
            if work.sent == work.answered and not self.draining:
                self._go_on(work)

    def finish_tasks(self):
        self.draining = True
        self._log.append("tasks are being finished")

    def wait_for_lanes(self):
        """Each lane finishes its task. Nobody hears of it."""
        for work in self.busy:
            if work.sent == work.answered < self._tasks:
                self._train(work)
        self.busy.clear()

    def end(self, kind):
        if self.draining and kind is None:
            self.wait_for_lanes()
        self.ended = True
        self._log.append(f"the session ends by {kind and kind.__name__}")

    def _go_on(self, work):
        work.looks += 1
        if work.looks < self._looks.get(work.run, 1):
            return
        work.looks = 0
        if work.sent == self._tasks:
            self.busy.remove(work)
            work.inbox.append((work.job, Outcome("finished")))
            return
        if work.sent == len(work.saved):
            self._train(work)
        work.inbox.append((work.job, work.saved[work.sent]))
        work.sent += 1
        met = self._at.get((work.run, work.job.id, work.sent), lambda: None)()
        if isinstance(met, Outcome):
            self.busy.remove(work)
            work.inbox.append((work.job, met))

    def _train(self, work):
        task, rate = len(work.saved) + 1, work.job.values["method.learning_rate"]
        value = 50 + 10 * float(np.sin(1e3 * rate * task)) - task
        tasks = {f"validation/task_{n + 1:02d}/accuracy": value - n for n in range(task)}
        work.saved.append({"task": task, _METRIC: value, "seconds/train": self._seconds, **tasks})
        folder = folder_of(work.job.folder, task - 1)
        folder.mkdir(parents=True)
        state = {"sizes": {}, "reports": work.saved, "stamp": work.job.stamp}
        (folder / STATE_FILE).write_text(json.dumps(state))
        self._log.append((work.run, work.job.id, task))


class _Listener:
    def __init__(self, lanes, scope, on_report, on_end, judge):
        self._lanes, self._scope, self._jobs, self._inbox = lanes, scope, {}, deque()
        self._on_report, self._on_end, self._judge = on_report, on_end, judge

    @property
    def under_way(self):
        return list(self._jobs)

    def submit(self, job):
        work = SimpleNamespace(job=job, run=job.folder.parents[1].name, sent=0, answered=0, looks=0)
        work.inbox, work.saved = self._inbox, reports_in(job.folder, job.stamp)
        self._jobs[job.id] = work
        self._lanes.waiting.append(work)

    def hear(self, timeout):
        if not self._inbox:
            return False
        job, said = self._inbox.popleft()
        if job.id in self._jobs and isinstance(said, Outcome):
            del self._jobs[job.id]
            self._on_end(job, said)
        elif job.id in self._jobs:
            self._on_report(job, said)
            self._judge(job, said["task"], said)
        return True

    def answer(self, job_id, task, go):
        if (work := self._jobs.get(job_id)) is None:
            return
        work.answered = task
        if not go:
            del self._jobs[job_id]
            (self._lanes.busy if work in self._lanes.busy else self._lanes.waiting).remove(work)

    def tell(self, job_id, result):
        self._lanes.told[self._scope + job_id] = result

    def untell(self, job_id):
        self._lanes.told.pop(self._scope + job_id, None)


def play_tune(monkeypatch):
    """Puts :class:`PlayedTuner` in the place of Tune's."""
    monkeypatch.setattr(PlayedTuner, "registry", {})
    monkeypatch.setattr(ray.tune, "Tuner", PlayedTuner)
    monkeypatch.setattr(ray.tune, "with_parameters", lambda trainable, **how: _named(trainable, how))
    monkeypatch.setattr(ray.tune, "with_resources", lambda trainable, _: trainable)


def _named(trainable, how):
    made = partial(trainable, **how)
    made.__name__ = trainable.__name__
    return made
