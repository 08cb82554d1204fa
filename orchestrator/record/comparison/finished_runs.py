"""Reads runs on disk for a comparison."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from ...errors import UserError
from ...evaluation.objective import Objective
from ...evaluation.recorded_objective import recorded_objective
from ...schema import strict_yaml
from ...storage.extreme_name import extreme_order
from ...storage.identity import Identity
from ...storage.run_files import (
    CONFIG_FILE,
    IDENTITY_FILE,
    SPACE_FILE,
    SWEEP_FILE,
    TRAIN_FILE,
    TRIALS_FOLDER,
)
from ...storage.trial_files import STATUS_FILE, TRIAL_FILE
from ..seen_trials import SeenTrials
from .finished_run import FinishedRun
from .journal_notes import journal_notes
from .read_json import read_json
from .read_trial import read_trial

_REQUESTS = {SWEEP_FILE: "sweep", TRAIN_FILE: "train"}


def read_runs(folder: Path) -> list[FinishedRun]:
    """Reads the trials that have ended. A run of a study in an extreme order counts where its own folder is
    given, since it is no sample of orders.

    In a run with an identity, every file that is read must be the run's own.

    Args:
        folder: The runs folder, or one run's folder.

    Raises:
        UserError: There is no such folder or no run in it, or a file is missing, malformed or another run's.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the runs folder, or the folder of one run in it")
    below = [path for path in folder.glob(f"*/{TRIALS_FOLDER}") if not extreme_order(path.parent.name)]
    folders = sorted([*folder.glob(TRIALS_FOLDER), *below])
    if not folders:
        raise UserError(f"{folder}: no runs in it (folders NAME/trials/ID)")
    return [run for trials in folders for run in _read_trials(trials)]


def unfinished(folder: Path) -> int:
    """How many trials under ``folder``, as for :func:`read_runs`, have not ended."""
    below = f"{TRIALS_FOLDER}/*/{CONFIG_FILE}"
    configs = [*folder.glob(below), *folder.glob(f"*/{below}")]
    return sum(not (config.parent / STATUS_FILE).exists() for config in configs)


def _read_trials(trials: Path) -> list[FinishedRun]:
    ended = [status.parent for status in sorted(trials.glob(f"*/{STATUS_FILE}"))]
    if not ended:
        return []
    run_folder = trials.parent
    identity, current = _identity(run_folder)
    kind = next((kind for file, kind in _REQUESTS.items() if (run_folder / file).exists()), "")
    noted = journal_notes(run_folder, identity)
    runs = [read_trial(trial, identity, current, kind, noted.get(trial.name)) for trial in ended]
    return _one_choice(runs, run_folder / SPACE_FILE)


def _one_choice(runs: list[FinishedRun], space: Path) -> list[FinishedRun]:
    """The trials of a run, where only the sweep's choice counts as tested. A sweep has a ``space``. A sweep
    that was given more trials may have tested others, which were the best of fewer trials.
    """
    tested = [run for run in runs if run.test is not None]
    if len(tested) < 2 or not space.exists():
        return runs
    objective = _objective(space)
    metric, sign = objective.metric, objective.sign

    def rank(run: FinishedRun) -> tuple[bool, float, int]:  # the order of TrialStore.best of the sweep
        value = run.tasks[-1].get(metric)
        return value is None, sign * (value or 0.0), _number(run.folder)

    chosen = min(tested, key=rank)
    if objective.others and (suggested := SeenTrials(space.parent, objective).best()) is not None:
        chosen = next((run for run in tested if run.folder.name == suggested.id), chosen)
    others = {run.name for run in tested if run is not chosen}
    return [replace(run, test=None, chosen=chosen.name) if run.name in others else run for run in runs]


def _objective(space: Path) -> Objective:
    objective = recorded_objective(strict_yaml.read(space)[0])
    if objective is None:
        raise UserError(f"{space}: has no objective; allowed: what the run wrote there")
    return objective


def _number(trial: Path) -> int:
    """A trial's number in its sweep; 0 in a run of an earlier version that does not have it."""
    path = trial / TRIAL_FILE
    proposal = read_json(path) if path.exists() else {}
    number = proposal.get("number", 0) if isinstance(proposal, dict) else 0
    return number if type(number) is int else 0


def _identity(run: Path) -> tuple[Identity | None, bool]:
    """The run's identity, and whether its format is the present one. In that format every file of the run
    carries the identity.
    """
    path = run / IDENTITY_FILE
    if not path.exists():
        return None, False
    content = read_json(path)
    try:
        return Identity.read(json.dumps(content), str(path)), True
    except UserError:
        earlier = content if isinstance(content, dict) and "format" in content else {}
        names = [earlier.get(name) for name in ("run", "config", "stream")]
        if not all(isinstance(name, str) for name in names):
            raise
        return Identity(*names), False
