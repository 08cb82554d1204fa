"""Copies the first run's checkpoints for a run with more tasks."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ..errors import UserError
from ..execution.trial_folder import TrialFolder
from ..record.continues import Continues
from ..record.run_context import RunContext
from ..record.trial_store import TrialStore
from ..storage import checkpoint
from ..storage.checkpoint import Checkpoint
from ..storage.identity import Identity
from ..storage.patience import patiently
from ..storage.run_files import TOKENIZER_FOLDER, trials_of
from ..storage.run_folder import RUNS
from ..storage.trial_files import CHECKPOINTS_FOLDER, newest_state, reports_in, tasks_done
from ..storage.url_folder import Storage
from ..streams import registry as streams
from .run_objective import run_objective
from .trial_checkpoint import trial_checkpoint


def adopt_checkpoints(run: RunContext, continues: Continues, seeds: dict[str, int], *, test: bool) -> None:
    """Copies the first run's checkpoints and tokenizer to where the trials of ``run`` look for their own. A
    trial then goes on as one that was interrupted after the first run's last task.

    The first run is only read. A trial that has them all or is finished is left as it is, and the first run
    is not looked for. Therefore an interrupted copy can be repeated.

    Args:
        run: The run with more tasks.
        continues: The run that it goes on from.
        seeds: The seed of each of its trials.
        test: Whether a look at test data follows, which needs the checkpoints of all tasks.

    Raises:
        UserError: The first run is gone or another one has its name, or it lacks a checkpoint. The message is
            one line.
    """
    scenario = streams.get(run.config.stream_name).scenario
    own = TrialStore(
        trials_of(run.folder), run_objective(run.folder, scenario)[0], len(run.names), run.identity.stamp
    )
    # The checkpoints of a finished trial may have been deleted.
    over = {trial for trial, entry in own.trials.items() if entry.status == "finished"}
    left = [trial for trial in seeds if trial not in over and _known(run, trial) < continues.tasks]
    if not left:
        return
    folder = (RUNS / continues.name).resolve()
    if not folder.exists():
        raise UserError(
            f"{folder}: is gone, and {run.folder.name} lacks checkpoints of it; allowed: the run that "
            f"{run.folder.name} goes on from, until it has begun to train"
        )
    identity = Identity.of(folder)
    if identity.run != continues.run:
        raise UserError(f"{folder}: is another run than the one that is continued; allowed: that one")
    _adopt_tokenizer(folder / TOKENIZER_FOLDER, run.folder / TOKENIZER_FOLDER)
    objective, url = run_objective(folder, scenario)
    store = TrialStore(trials_of(folder), objective, continues.tasks, identity.stamp)
    texts = {path.name: path.read_bytes() for path in (run.folder / TOKENIZER_FOLDER).glob("*")}
    for trial in left:
        entry = store.trials[continues.trials[trial]]
        for task in range(continues.tasks):
            saved = trial_checkpoint(folder, entry, task, identity, url)
            if saved is not None:
                _put(run, trial, seeds[trial], task, saved, texts)
            elif test or task == continues.tasks - 1:
                kept = checkpoint.folder_of(trials_of(folder) / entry.id, task)
                allowed = "a run that kept its last one"
                if task < continues.tasks - 1:
                    allowed = "--no-test, since a look at test data needs those of all tasks (run.keep)"
                raise UserError(f"{kept}: no whole checkpoint is there; allowed: {allowed}")


def _known(run: RunContext, trial: str) -> int:
    """How many finished tasks a trial has, here or at the storage."""
    here = len(reports_in(trials_of(run.folder) / trial))
    if run.kept is None:
        return here
    storage = run.kept.trial(trial)
    newest = newest_state(patiently(lambda: list(storage.names(CHECKPOINTS_FOLDER)), storage))
    return 0 if newest is None else tasks_done(newest)


def _put(
    run: RunContext, trial: str, seed: int, task: int, saved: Checkpoint, texts: dict[str, bytes]
) -> None:
    stamp = run.identity.stamp(trial, {"run.seed": seed})
    if run.kept is None:
        checkpoint.save(trials_of(run.folder) / trial, task, saved, texts or None, stamp=stamp)
        return
    with tempfile.TemporaryDirectory(prefix="vlcl-") as here:
        keeper = TrialFolder(Path(here), _storage(run, trial))
        checkpoint.save(Path(here), task, saved, texts or None, stamp=stamp, keeper=keeper)


def _storage(run: RunContext, trial: str) -> Storage:
    assert run.kept is not None
    return run.kept.trial(trial)


def _adopt_tokenizer(there: Path, here: Path) -> None:
    if here.exists() or not there.exists():
        return
    partial = here.with_name(f"{here.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(there, partial)
    os.replace(partial, here)
