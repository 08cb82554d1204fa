"""How far a study is, in a line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from ..schema.shown import shown_time
from .reference_forecast import ReferenceForecast
from .runs_now import RunNow
from .study import Study
from .study_forecast import ArmForecast, Forecast

_EVERY = 60.0  # seconds between two forecasts, each of which reads files of many trials


def _beside(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="study-progress", daemon=True).start()


class StudyProgress:
    """How far a study is: the runs that have ended, and how long the others take, by what such trials took
    here before.

    The latter is forecast as a dry run does, once a minute, beside what the study does, and the first time a
    minute after the start. It is not said where it is not known of one of the methods or references.

    Args:
        study: The study.
        clock: Gives the time in seconds.
        beside: Does work in the background.
    """

    def __init__(
        self,
        study: Study,
        clock: Callable[[], float] = time.monotonic,
        beside: Callable[[Callable[[], None]], None] = _beside,
    ) -> None:
        self._study = study
        self._clock = clock
        self._beside = beside
        self._due = clock() + _EVERY
        self._left = ""
        self._runs: list[RunNow] = []

    def hear(self, runs: Iterable[RunNow]) -> None:
        """Notes the study's runs as they are now. A run may end inside another one, which goes on."""
        self._runs = list(runs)

    def text(self, label: str, of_run: str) -> str:
        """The line, such as ``5 of 12 runs, about 2.5 h left one after another  er: 3 of 5 tasks  up to 40 s
        left of this run``.

        Args:
            label: What the run under way is called.
            of_run: How far that run is (:meth:`~orchestrator.record.run_progress.RunProgress.text`).
        """
        if self._clock() >= self._due:
            self._due = float("inf")  # until this forecast is there
            runs = self._runs
            self._beside(lambda: self._forecast(runs))
        ended = f"{sum(run.done is not None for run in self._runs)} of {len(self._runs)} runs"
        so_far = f"{ended}, {self._left}" if self._left else ended
        return f"{so_far}  {label}: {of_run}{' of this run' if of_run.endswith(' left') else ''}"

    def _forecast(self, runs: Sequence[RunNow]) -> None:
        try:
            self._left = _said(self._study, runs)
        except Exception:  # noqa: BLE001 - files change under it, and nothing depends on it
            self._left = ""
        finally:
            self._due = self._clock() + _EVERY


def _said(study: Study, runs: Sequence[RunNow]) -> str:
    own = [run for run in runs if run.reference is None]
    each: list[Forecast] = [ArmForecast.of(arm, [run for run in own if run.arm is arm]) for arm in study.arms]
    each += [ReferenceForecast.of(one, runs) for one in study.references]
    left = [one.hours for one in each if one.trials or one.pairs]
    known = [hours for hours in left if hours is not None]
    if not left or len(known) < len(left):
        return ""
    return f"about {shown_time(3600 * sum(known))} left one after another"
