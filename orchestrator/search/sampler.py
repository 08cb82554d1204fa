"""Proposes trials with Optuna, which is told correctly of trials that did not walk the whole stream."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from ..evaluation.objective import Objective
from ..record.memory_worth import MEMORY_SIZE
from .bounded_storage import BoundedStorage
from .optuna_private import StudySearch
from .result_keys import INFEASIBLE, STATUS, TASK, TRIAL
from .sampler_choice import SamplerChoice
from .search_plan import SearchPlan

if TYPE_CHECKING:
    from ..record.trial_entry import TrialEntry


_DRAWS = 10  # proposals for one trial that may repeat other trials, ...
_RANDOM_DRAWS = 20_000  # ... and points drawn at random after them
_FAR = 2**12  # points of a sequence, more than a search has trials


class TaskSearch(StudySearch):
    """A seeded sampler over a define-by-run space, by default TPE.

    A trial that ends before its last task is reported to Optuna as PRUNED. Average accuracy falls as tasks
    arrive, so that a stopped trial's last value would outrank those of finished trials. Intermediate values
    are keyed by tasks done.

    An infeasible trial, whose own values made it fail, is reported as PRUNED without any value. TPE then
    counts it among the worse trials, behind all stopped ones, and avoids near values. Any other failure is
    one of the infrastructure. It says nothing of the trial's values and is reported as FAIL, which TPE does
    not see.

    Where the replay memory's size is chosen among several, the sizes take turns, and TPE proposes a trial
    from the trials of its size. Each size is then judged by as many trials, which are tuned for it. TPE by
    itself would spend the trials on the largest memory, and tune the other values for that memory.

    A point is proposed once. A point that was proposed before is drawn again, and in the end at random from
    the whole space. The proposal for trial k depends only on the seed, on k, and on what is known of the
    other trials. Therefore a resumed search proposes what an undisturbed one would propose, and a search that
    grows proposes what a longer one would propose.

    Several objectives are told together, once a trial has walked the whole stream. Optuna takes no values on
    the way there, so that of a stopped trial it hears that it was stopped. A trial that is beyond a bound is
    told as such: samplers take it for worse than each trial that is not.

    Args:
        space: The define-by-run function.
        metric: The objective, or the first of several.
        mode: ``max`` or ``min``.
        seed: The seed.
        tasks: How many tasks the stream has.
        starts: The points of the first trials, with all values; empty: the first trial is drawn too.
        sizes: The choices for the replay memory's size; empty: it is not searched, or it is drawn from a
            range.
        known: The sweep's trials from before it was resumed. Those that have ended are reported to Optuna as
            before. The others are proposed again, under their ids, before any new one.
        write_down: ``write_down(trial id, values, number)`` is called with each proposal before it is handed
            out. It returns whether the proposal could be written. If not, nothing is proposed.
        choice: The sampler; None: TPE.
        grid: All points of the space except ``starts``, where the sampler is ``grid``.
        objective: The objective with its bound and the others; None: there is one without a bound.
        more: Says before each new proposal whether there is to be one; None: not yet.
    """

    def __init__(
        self,
        space: Callable[[optuna.Trial], dict[str, Any] | None],
        metric: str,
        mode: str,
        *,
        seed: int,
        tasks: int,
        starts: Sequence[dict[str, Any]] = (),
        sizes: Sequence[Any] = (),
        known: Sequence[TrialEntry] = (),
        write_down: Callable[[str, dict[str, Any], int], bool] = lambda trial_id, values, number: True,
        choice: SamplerChoice | None = None,
        grid: Sequence[dict[str, Any]] = (),
        objective: Objective | None = None,
        more: Callable[[], bool | None] = lambda: True,
    ) -> None:
        self._choice = choice or SamplerChoice()
        order = np.random.default_rng(seed).permutation(len(grid))
        self._grid = [*(starts if grid else ()), *(grid[index] for index in order)]
        self._storage = BoundedStorage()
        self._several = objective if objective is not None and objective.others else None
        goals = [] if self._several is None else self._several.all
        goal: dict[str, Any] = {"metric": [one.metric for one in goals], "mode": [one.mode for one in goals]}
        how = goal if goals else {"metric": metric, "mode": mode}
        super().__init__(space, storage=self._storage, **how)
        self._write_down = write_down
        self._more = more
        self._entropy = seed
        self._tasks = tasks
        self._starts = list(starts)
        self._sizes = list(sizes)
        begins = tuple(self._sizes.index(start[MEMORY_SIZE]) if sizes else 0 for start in starts)
        self._plan = SearchPlan(1, sizes=max(1, len(sizes)), begins=begins)
        self._begun = {entry.number for entry in known}
        self._proposed = {_point(entry.values) for entry in known}
        self._reported: dict[str, dict[int, float]] = {}
        self._again = [(entry.id, entry.number) for entry in known if entry.status == "running"]
        for entry in known:
            if entry.status == "running":
                self.study.enqueue_trial(entry.values)
            else:
                self.study.add_trial(self._ended(entry))

    def save(self, checkpoint_path: str) -> None:
        """Does nothing: a search is resumed from its trials' own record, and Tune's is never read."""

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """See Tune's ``Searcher``. Besides the values, a suggestion has the trial's id and number, under
        :data:`TRIAL`. It is ``Searcher.FINISHED`` where no trial is to be begun any more.
        """
        if self._again:
            name, number = self._again.pop(0)
            self.study.sampler = self._sampler_for(number, 0)
            values = super().suggest(trial_id)
        else:
            if not (more := self._more()):
                return None if more is None else self.FINISHED
            number = next(number for number in count() if number not in self._begun)
            name = f"trial_{number + 1:04d}"
            self._begun.add(number)
            if number < len(self._starts):
                self.study.enqueue_trial(self._starts[number])
            values = self._fresh(trial_id, number)
            self._proposed.add(_point(values))
        if not self._write_down(name, values, number):
            return None
        return {**values, TRIAL: {"id": name, "number": number}}

    def _fresh(self, trial_id: str, number: int) -> dict[str, Any]:
        """A point for trial ``number`` that no other trial has; else a point of another trial."""
        if self._grid:
            if number >= len(self._starts):  # which are proposed already
                self.study.enqueue_trial(self._grid[number])
            return super().suggest(trial_id)
        for draw in range(_DRAWS):
            self.study.sampler = self._sampler_for(number, draw)
            if self._sizes and number >= len(self._starts):
                self._storage.alike = {MEMORY_SIZE: self._sizes[self._plan.turns.size(number)]}
                self.study.enqueue_trial(self._storage.alike)
            values = super().suggest(trial_id)
            if _point(values) not in self._proposed:
                return values
            # The draw is reported as failed, so that the sampler does not see it.
            self.study.tell(self.asked.pop(trial_id), state=TrialState.FAIL)
        self.study.enqueue_trial(self._any_other(number))
        return super().suggest(trial_id)

    def _any_other(self, number: int) -> dict[str, Any]:
        """A point drawn at random from the whole space, again until it is a new one."""
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(self._drawn_from(number)))
        values: dict[str, Any] = {}
        for _ in range(_RANDOM_DRAWS):
            trial = study.ask()
            self.space(trial)
            values = trial.params
            if _point(values) not in self._proposed:
                break
        return values

    def _sampler_for(self, number: int, draw: int) -> optuna.samplers.BaseSampler:
        seed = self._drawn_from(number, *([draw] if draw else []))
        if self._choice.learns and self._plan.at_random(number):
            return optuna.samplers.RandomSampler(seed)
        # Each memory size has the same points of a sequence. What is drawn again is of a later part of it.
        index = self._plan.turns.index(number) + draw * _FAR
        return self._choice.make(seed, self._entropy, index, self.space)

    def _drawn_from(self, *which: int) -> int:
        return int(np.random.SeedSequence([self._entropy, *which]).generate_state(1)[0])

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """See Tune's ``Searcher``."""
        if self._several is not None:
            return
        value, task = result.get(self.metric), int(result.get(TASK, 0))
        # Optuna hears of values once the trial has ended, since it is not told those of an infeasible trial.
        if value is not None and trial_id not in self.completed:
            # A trial that was restarted reports its finished tasks once more.
            self._reported.setdefault(trial_id, {}).setdefault(task, value)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """See Tune's ``Searcher``.

        Args:
            trial_id: Tune's id of the trial.
            result: Its last result; None: it has none.
            error: Whether Tune's trial failed.
        """
        if trial_id in self.completed:
            return
        if result and not error:
            # Tune does not tell a search the report at which a trial is stopped, but a resumed search knows
            # it.
            self.on_trial_result(trial_id, result)
        failed = error or not result or result.get(STATUS) == "failed"
        infeasible = failed and not error and bool(result and result.get(INFEASIBLE))
        if self._several is not None:
            self._complete_several(trial_id, {} if failed or not result else result, infeasible)
            return
        value = result.get(self.metric) if result and not failed else None
        state = self._state(value, int(result[TASK]) if result else 0, infeasible)
        reported = self._reported.pop(trial_id, {})
        for task, seen in ({} if infeasible else reported).items():
            self.asked[trial_id].report(seen, task)
        if state == TrialState.COMPLETE:
            super().on_trial_complete(trial_id, result, error)
            return
        self.study.tell(self.asked[trial_id], state=state)
        self.completed.add(trial_id)

    def _complete_several(self, trial_id: str, told: dict[str, Any], infeasible: bool) -> None:
        state, values, excess = self._end(told, int(told.get(TASK, 0)), infeasible)
        for name, value in excess.items():
            self.asked[trial_id].set_constraint(name, value)
        self.study.tell(self.asked[trial_id], values, state)
        self.completed.add(trial_id)

    def _end(
        self, told: Mapping[str, Any], tasks: int, infeasible: bool
    ) -> tuple[TrialState, list[float] | None, dict[str, float]]:
        """How a trial with several objectives ended to Optuna: its state, values, and excess over bounds."""
        assert self._several is not None
        losses, value = self._several.losses(told), None
        if losses is not None:
            value = max(losses)
        elif tasks < self._tasks:  # stopped before its forgetting, for example, had a value
            value = told.get(self._several.metric)
        state = self._state(value, tasks, infeasible)
        if state != TrialState.COMPLETE:
            return state, None, {}
        return state, [told[one.metric] for one in self._several.all], self._several.excess(told)

    def _state(self, value: float | None, tasks: int, infeasible: bool) -> TrialState:
        if infeasible:
            return TrialState.PRUNED
        if value is None or not math.isfinite(value):
            return TrialState.FAIL
        return TrialState.COMPLETE if tasks >= self._tasks else TrialState.PRUNED

    def _ended(self, entry: TrialEntry) -> FrozenTrial:
        asked = optuna.trial.FixedTrial(entry.values)
        self.space(asked)
        point = {"params": asked.params, "distributions": asked.distributions}
        if self._several is not None:
            told = self._several.told(entry.reports) if entry.status != "failed" else {}
            state, values, excess = self._end(told, len(entry.reports), entry.infeasible)
            return optuna.trial.create_trial(state=state, values=values, constraints=excess, **point)
        reported = {int(r[TASK]): r[self.metric] for r in entry.reports if self.metric in r}
        last = reported.get(len(entry.reports)) if entry.status != "failed" else None
        state = self._state(last, len(entry.reports), entry.infeasible)
        return optuna.trial.create_trial(
            state=state,
            value=None if state == TrialState.FAIL else last,
            **point,
            intermediate_values={} if entry.infeasible else reported,
        )


def _point(values: dict[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(values.items())
