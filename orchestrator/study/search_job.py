"""The search of a study's method on a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..commands.named_space import named_space
from ..commands.run_result import RunResult
from ..commands.storage_of import storage_url
from ..commands.sweep_request import SweepRequest
from ..commands.sweep_start import SweepStart
from ..errors import UserError
from ..record.manifest import asked_for, budget_of, first_count
from ..record.memory_worth import MARGIN
from ..record.trial_store import TrialStore
from ..search.budget import MOST_TRIALS
from ..storage.run_files import CONFIG_FILE, SPACE_FILE, SWEEP_FILE, trials_of
from ..storage.trial_files import TESTED_FILE
from ..streams.source import StreamSource
from .best_few import best_few
from .candidate import Candidate
from .config_digest import config_digest
from .own_run import OWN_RUN, own_run
from .run_request import RunRequest
from .study_arm import StudyArm
from .study_book import Part


class SearchJob:
    """The search of a method on a stream: an ordinary sweep, which looks at no test data.

    Args:
        name: The run's name.
        arm: The method on the stream.

    Attributes:
        config: The configuration that all trials share.
        jobs: How many trials it has; with a budget, how many at most.
        number: None, since a search has no pair.
        asked: The request.

    Raises:
        UserError: The search space cannot be read.
    """

    def __init__(self, name: str, arm: StudyArm) -> None:
        searched = arm.searched
        self.name = name
        self.arm = arm
        self.config = searched.space.config
        self.jobs = arm.trials if arm.budget is None else MOST_TRIALS
        self.number = None
        self._request = SweepRequest(
            arm.method.name,
            searched.stream,
            searched.data,
            dict(searched.values),
            arm.trials if arm.budget is None else None,
            None,
            storage_url(None),
            MARGIN,
            test=False,
            protocol=None if arm.protocol.usual else arm.protocol.text,
            scheduler=arm.scheduler,
            budget=None if arm.budget is None else arm.budget.text,
        )
        self._of_sweep = RunRequest.search(self._request, searched.space.path)
        self.asked = self._of_sweep.with_best(arm.best)

    @property
    def label(self) -> str:
        """What lines of progress call it."""
        return self.arm.method.label

    def largest_memory(self, classes: int) -> int:
        """How many samples the largest replay memory holds, on a stream with this number of classes."""
        return self.arm.searched.space.largest_memory(classes)

    def shown(self, source: StreamSource) -> StreamSource:
        """The part of a stream that it sees.

        Raises:
            UserError: The stream has fewer tasks than its protocol asks for.
        """
        return self.arm.protocol.shown(source)

    def begun(self) -> bool:
        """Whether an earlier command began it.

        Raises:
            UserError: The folder contains something else. The message is one line.
        """
        return self._kept() is not None

    def _kept(self) -> RunRequest | None:
        """What an earlier command asked for; None where none began it."""
        if (folder := own_run(self.name, SWEEP_FILE)) is None:
            return None
        request = SweepRequest.read(folder / SWEEP_FILE)
        kept = RunRequest.search(request, folder / SPACE_FILE, asked_for(folder), budget_of(folder))
        self._of_sweep.check(kept, str(folder), OWN_RUN)
        if looked := next(trials_of(folder).glob(f"*/{TESTED_FILE}"), None):
            raise UserError(f"{looked}: a study's search looks at no test data; allowed: {OWN_RUN}")
        return kept

    def start(self, source: StreamSource, say: Callable[[str], None]) -> SweepStart:
        """The sweep, which is about to begin or to be resumed.

        Args:
            source: The whole stream.
            say: Takes lines of progress.

        Raises:
            UserError: The sweep cannot begin. The message is one line.
        """
        how: dict[str, Any] = {"say": say, "source": source}
        if (asked := self._kept()) is None:
            method = self.arm.method
            return SweepStart.new(self._request, named_space(method.name, method.space), self.name, **how)
        more = self._more() if asked.values != self._of_sweep.values else {}
        kept: dict[str, Any] = {"trials": None, **more, "concurrent": None, "storage": None, "said": {}}
        start = SweepStart.resumed(self.name, **kept, retry=True, **how)
        # A sweep of an earlier version, which did not record it.
        return replace(start, request=replace(start.request, test=False))

    def _more(self) -> dict[str, Any]:
        """What a search is given in all that had less before."""
        return {"trials": self.jobs} if self.arm.budget is None else {"budget": self.arm.budget}

    def part(self, result: RunResult) -> Part:
        """The part of its result that the study keeps."""
        best, reason, config = result.best, "", ""
        failed = [trial for trial in result.trials if trial.status == "failed"]
        if result.status != "finished":
            why = f" ({failed[0].id}: {failed[0].reason})" if failed and not result.fatal else ""
            reason = f"{result.reason or result.status}{why}"
        elif best is not None:
            config = config_digest(best.folder / CONFIG_FILE)
        return Part(
            self.name,
            self.asked,
            trial=best.id if best else "",
            first=self._first(result),
            config=config,
            score=best.score if best else None,
            trials=sum(trial.status != "interrupted" for trial in result.trials),
            failed_trials=len(failed),
            reason=reason,
            **self._candidates(result),
        )

    def _candidates(self, result: RunResult) -> dict[str, Any]:
        """The best trials, where the study asks for several."""
        if self.arm.best == 1:
            return {}
        store = TrialStore(trials_of(result.folder), result.objective, len(result.tasks))
        found = [
            Candidate(
                one.id, config_digest(store.trial_folder(one.id) / CONFIG_FILE), store.value(one) or 0.0
            )
            for one in best_few(store, self.arm.best)
        ]
        return {"candidates": tuple(found), "mode": result.objective.mode}

    def _first(self, result: RunResult) -> str:
        """The id of the trial that the search chose first, with the number of trials with which it began.
        Where none of those walked the whole stream, trials are added one by one until one did. Empty where
        there is no such trial. Runs with a pair of a later choice get other names by it, also where the first
        choice was not noted.
        """
        began = SweepRequest.read(result.folder / SWEEP_FILE).trials or self.arm.space.trials
        began = first_count(result.folder) or began
        store = TrialStore(trials_of(result.folder), result.objective, len(result.tasks))
        every = dict(store.trials)
        for count in range(began, max(began, len(every)) + 1):
            store.trials = {name: trial for name, trial in every.items() if trial.number < count}
            if (best := store.best()) is not None:
                return best.id
        return ""
