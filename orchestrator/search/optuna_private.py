"""What is used of Optuna, and of Ray Tune's search by it, that neither promises to keep.

Nothing else of the project touches it (``tests/test_private_parts.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from ray.tune.search.optuna import OptunaSearch


class StudySearch(OptunaSearch):
    """Ray Tune's search by Optuna, with its study and its trials in the open."""

    @property
    def study(self) -> optuna.Study:
        """The study that proposes."""
        return self._ot_study

    @property
    def asked(self) -> dict[str, optuna.Trial]:
        """Tune's trial ids -> what Optuna was asked for."""
        return self._ot_trials

    @property
    def completed(self) -> set[str]:
        """Tune's trial ids whose ends Optuna knows."""
        return self._completed_trials

    @property
    def space(self) -> Callable[[optuna.trial.BaseTrial], dict[str, Any] | None]:
        """The define-by-run function."""
        return self._space
