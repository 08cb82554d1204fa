"""An Optuna storage that bounds the number of trials that a sampler weighs."""

from __future__ import annotations

from collections.abc import Container

from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

_MOST = 200
_BEST = 25  # TPE takes no more as its better trials (Optuna's default_gamma)


class BoundedStorage(InMemoryStorage):
    """Shows a sampler at most 200 of the trials that have ended.

    A caller that asks for copies gets all trials. A sampler asks for none. It gets the trials under way, and
    of those that have ended, without the failed ones, the 25 best and the latest, in their order.

    TPE weighs every trial that it is shown before it proposes one, which takes longer the more there are. Of
    its worse trials the old ones have almost no weight (Optuna's ``default_weights`` falls to 1/n). Up to 200
    trials, none is left out.
    """

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """See Optuna's ``BaseStorage``. Without ``deepcopy`` the caller is a sampler."""
        trials = super().get_all_trials(study_id, deepcopy, states)
        if deepcopy or len(trials) <= _MOST:
            return trials
        complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        up = self.get_study_directions(study_id)[0] == StudyDirection.MAXIMIZE
        complete.sort(key=lambda trial: trial.value, reverse=up)
        best = complete[:_BEST]
        known = {trial.number for trial in best}
        others = [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        others = [t for t in others if t.number not in known]
        known.update(t.number for t in others[max(0, len(others) + len(best) - _MOST) :])
        return [t for t in trials if not t.state.is_finished() or t.number in known]
