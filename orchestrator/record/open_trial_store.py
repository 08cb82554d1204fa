"""Opens the store of a run's trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..config import RunConfig
from ..evaluation.objective import Objective
from ..storage.atomic_write import write_text
from ..storage.run_files import CONFIG_FILE, trials_of
from ..storage.trial_files import STATUS_FILE, TRIAL_FILE
from .run_context import RunContext
from .trial_store import TrialStore


def open_trial_store(
    run: RunContext,
    config_of: Callable[[Mapping[str, Any]], RunConfig],
    objective: Objective,
    check_values: Callable[[str, Mapping[str, Any]], None],
) -> TrialStore:
    """Opens the store of a run's trials, with what a storage has of those that have not ended.

    Args:
        run: The run.
        config_of: A trial's searched values -> its whole configuration.
        objective: The objective.
        check_values: Takes a trial's folder and values, and raises where the trial does not belong to the
            run. A storage may bring such a trial.

    Raises:
        UserError: A trial is not one of the run's.
    """
    folder = trials_of(run.folder)
    if run.kept is not None:
        for file in sorted(folder.glob(f"*/{TRIAL_FILE}")):
            if not (file.parent / STATUS_FILE).exists():
                run.kept.pull(file.parent.name)
    store = TrialStore(folder, objective, len(run.names), run.identity.stamp)
    for entry in store.trials.values():
        check_values(str(store.trial_folder(entry.id)), entry.values)
        if not (store.trial_folder(entry.id) / CONFIG_FILE).exists():  # no storage's is taken
            write_text(store.trial_folder(entry.id) / CONFIG_FILE, config_of(entry.values).yaml())
    return store
