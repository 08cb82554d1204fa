"""``python -m orchestrator.sweep rm NAME ... --checkpoints``: deletes weights that nothing needs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..errors import UserError
from ..record.seen_trials import SeenTrials
from ..schema.shown import shown_bytes
from ..storage.run_lock import run_lock
from ..storage.task_key import task_key
from ..storage.trial_files import CHECKPOINTS_FOLDER, checkpoint_folders, whole_state
from .disk_use import DiskUse
from .found_run import FoundRun
from .run_named import run_named
from .runs_in import runs_in
from .studies import study_runs


def free_checkpoints(
    runs: Path, names: Sequence[str], agree: Callable[[str], bool], say: Callable[[str], None]
) -> bool:
    """Deletes checkpoints of trials that have ended, as far as neither ``--resume`` nor a look at test needs
    them. All else of the runs stays.

    A trial that may be chosen, and each trial of ``train``, keeps all of its checkpoints until it is tested,
    and its last one afterwards. A trial that failed or is under way keeps what it has, since it may be
    resumed. All other trials of a sweep keep none, since no further trial makes one of them the best. A
    trial's reports are in its ``status.json``.

    Args:
        runs: The runs folder.
        names: The names of runs. A study stands for all of its runs.
        agree: Takes the question once everything to delete is known, and returns whether the user agrees.
        say: Takes a line.

    Returns:
        Whether they were deleted. Otherwise ``agree`` said no, or there is nothing to delete.

    Raises:
        UserError: A name is no run, or a run is under way, or cannot be read. Nothing has been deleted then.
    """
    with ExitStack() as stack:
        spare: list[Path] = []
        for run in _trained(runs, [run_named(runs, name, "rm") for name in dict.fromkeys(names)]):
            stack.enter_context(run_lock(run.folder))
            again = FoundRun.of(run.folder, run.study)  # read again, now that no process works on it
            if again is None or again.trials is None:
                raise UserError(f"rm {run.name}: {again and again.reason or 'is no run any more'}")
            found = _spare(again.trials, all_count=run.kind == "train")
            spare += found
            say(f"{run.name}: {_told(found)}{_elsewhere(run)}")
        freed = shown_bytes(sum(DiskUse.of(folder).bytes for folder in spare))
        if not spare:
            return False
        if not agree(f"Delete {len(spare)} checkpoints, {freed}?"):
            say("nothing was deleted")
            return False
        for folder in spare:
            shutil.rmtree(folder)  # cut short, it leaves no whole checkpoint, which counts as none
    say(f"deleted {len(spare)} checkpoints, {freed}")
    return True


def _trained(runs: Path, named: Sequence[FoundRun]) -> list[FoundRun]:
    """The sweeps and runs among ``named``, with those of its studies."""
    own = {name for run in named if run.kind == "study" and not run.reason for name in study_runs(run.folder)}
    further = [run for run in runs_in(runs) if run.name in own]
    return list({run.name: run for run in (*named, *further) if run.kind != "study" or run.reason}.values())


def _spare(store: SeenTrials, *, all_count: bool) -> list[Path]:
    """The folders of checkpoints that nothing needs. With ``all_count`` every trial counts as chosen."""
    chosen = set(store.trials) if all_count else {one.id for one in store.candidates()}
    spare: list[Path] = []
    for entry in store.trials.values():
        if entry.status not in ("finished", "stopped"):
            continue
        kept = store.trial_folder(entry.id) / CHECKPOINTS_FOLDER
        last = kept / task_key(len(entry.reports) - 1)
        if entry.id in chosen and (not store.tested(entry.id) or whole_state(last) is None):
            continue
        folders = [folder for folder in checkpoint_folders(store.trial_folder(entry.id)) if folder.is_dir()]
        spare += [folder for folder in folders if entry.id not in chosen or folder != last]
    return spare


def _told(spare: Sequence[Path]) -> str:
    if not spare:
        return "nothing to delete"
    trials = len({folder.parents[1] for folder in spare})
    size = shown_bytes(sum(DiskUse.of(folder).bytes for folder in spare))
    return f"{len(spare)} checkpoints of {trials} trial{'s' * (trials > 1)}, {size}"


def _elsewhere(run: FoundRun) -> str:
    return f"; those at {run.storage} stay" if run.storage else ""
