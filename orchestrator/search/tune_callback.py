"""Tune's callbacks, handed on to whoever watches the sweep."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from ray import tune

from .result_keys import STATUS, TASK, TRIAL

if TYPE_CHECKING:
    from ..record.recorder import RunRecorder


class TuneCallback(tune.Callback):
    """Hands trial starts, results and ends to the :class:`~orchestrator.record.recorder.RunRecorder` of the
    sweep in ``folder``.

    Tune takes whatever a callback raises of a trial for the trial's own failure, and tries the trial again:
    nothing is raised there.

    Tune pickles its callbacks with the experiment; a watch holds threads and files, so it stays in
    ``watches`` of this process and only the folder's name is pickled.
    """

    watches: ClassVar[dict[str, RunRecorder]] = {}
    signals: ClassVar[dict[str, Any]] = {}
    """Who takes SIGUSR1: ``usual``, in a command; ``tune``, which takes it for itself as it begins, for a
    request to end.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    @property
    def _watch(self) -> RunRecorder:
        return self.watches[self._folder]

    def on_step_begin(self, iteration: int, trials: list, **_: Any) -> None:
        if (found := signal.getsignal(signal.SIGUSR1)) != self.signals["usual"]:
            self.signals["tune"] = found
            signal.signal(signal.SIGUSR1, self.signals["usual"])

    def on_step_end(self, iteration: int, trials: list, **_: Any) -> None:
        self._watch.tick()
        if self._watch.fatal or self._watch.interrupted:
            self.signals["tune"](signal.SIGUSR1, None)  # Tune ends, its trials unfinished

    def on_trial_start(self, iteration: int, trials: list, trial: Any, **_: Any) -> None:
        values = dict(trial.config)
        which = values.pop(TRIAL)
        self._safely(self._watch.start, which["id"], values, which["number"])

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **_: Any) -> None:
        if result.get("fatal"):
            self._watch.fatal = result["reason"]
        elif result.get(STATUS) != "failed":
            self._safely(self._report, trial, int(result[TASK]))

    def _report(self, trial: Any, task: int) -> None:
        if (report := self._watch.report_of(_id(trial), task)) is None:
            self._watch.find(_id(trial))
        else:
            self._watch.task(_id(trial), report)

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **_: Any) -> None:
        if self._watch.fatal or self._watch.interrupted:
            return  # it stays unfinished, so that it can be gone on with
        self._safely(self._end, trial)

    def _end(self, trial: Any) -> None:
        last = trial.last_result or {}
        if last.get(STATUS) == "failed":
            self._watch.end(_id(trial), "failed", last["reason"])
        else:
            whole = len(self._watch.book.trials[_id(trial)].reports) >= self._watch.book.tasks
            self._watch.end(_id(trial), "finished" if whole else "stopped")

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **_: Any) -> None:
        self._safely(self._watch.abandon, _id(trial))
        if not (self._watch.fatal or self._watch.interrupted):
            self._safely(self._watch.end, _id(trial), "failed", "the trial's own process died too often")

    def _safely(self, call: Callable[..., None], *args: Any) -> None:
        self._watch.safely(call, *args)


def write_proposal(folder: str, trial_id: str, values: dict[str, Any], number: int) -> bool:
    """Tells the watch of the sweep in ``folder`` of a proposal, before it is handed out; whether it is
    written down.
    """
    watch = TuneCallback.watches[folder]
    return not watch.fatal and watch.safely(watch.propose, trial_id, values, number)


def write_verdict(folder: str, trial_id: str, task: int, go: bool) -> bool:
    """Tells the watch of the sweep in ``folder`` what the search says of a trial after ``task`` tasks, before
    anybody acts on it; whether it is written down.
    """
    watch = TuneCallback.watches[folder]
    return watch.safely(watch.decide, trial_id, task, go)


def _id(trial: Any) -> str:
    return trial.config[TRIAL]["id"]
