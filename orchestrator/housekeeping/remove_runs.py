"""``python -m orchestrator.sweep rm NAME ...``: frees the disk of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..errors import UserError
from ..schema.shown import shown_bytes
from ..storage.run_files import JOURNAL_FILE
from ..storage.run_folder import short_path
from ..storage.run_lock import run_lock
from ..tracking.journal import Journal
from .aside import delete_aside, left_asides, new_aside, put_aside
from .disk_use import DiskUse
from .found_run import FoundRun
from .run_named import run_named
from .runs_in import runs_in
from .studies import study_runs


def remove_runs(
    runs: Path, names: Sequence[str], agree: Callable[[str], bool], say: Callable[[str], None]
) -> bool:
    """Removes the folders of runs. A study goes with all of its runs.

    Each folder is first moved to a name that no command takes for a run, and then deleted, so that a
    half-removed run does not count as a run. MLflow's record, features, and a copy at a storage stay.

    Args:
        runs: The runs folder.
        names: The runs' names.
        agree: Takes the question once everything to delete is known, and returns whether the user agrees.
        say: Takes a line.

    Returns:
        Whether they were removed. Otherwise ``agree`` said no.

    Raises:
        UserError: A name is no run; or a run is under way, belongs to another user, lies elsewhere, or
            belongs to a study that stays. Nothing has been removed then.
    """
    for aside in left_asides(runs):
        say(f"what an earlier rm left is deleted: {aside}")
        delete_aside(aside)
    found = _with_their_own(runs, [run_named(runs, name, "rm", links=False) for name in dict.fromkeys(names)])
    uses = [DiskUse.of(run.folder) for run in found]
    with ExitStack() as stack:
        for run in found:
            _take(run, stack)
        for run, use in zip(found, uses, strict=True):
            for line in _lines(run, use):
                say(line)
        freed = shown_bytes(sum(use.bytes for use in uses))
        what = "1 run" if len(found) == 1 else f"{len(found)} runs"
        if not agree(f"Remove {what}, {freed}?"):
            say("nothing was removed")
            return False
        _remove(runs, [run.folder for run in found])
    say(f"removed {what}, {freed}; the record in MLflow stays")
    return True


def _with_their_own(runs: Path, named: Sequence[FoundRun]) -> list[FoundRun]:
    """The runs, a study before its own runs.

    Raises:
        UserError: One belongs to a study that stays.
    """
    names = {run.name for run in named}
    for run in named:
        if run.study and run.study not in names:
            raise UserError(
                f"rm {run.name}: the study {run.study} needs it; allowed: rm {run.study}, which takes its "
                "runs along"
            )
    own: set[str] = set()
    for run in named:
        if run.kind == "study":
            if run.reason:
                raise UserError(f"rm {run.name}: {run.reason}")
            own |= set(study_runs(run.folder))
    further = [run for run in runs_in(runs) if run.name in own and not run.folder.is_symlink()]
    studies = [run for run in named if run.kind == "study"]
    return list({run.name: run for run in (*studies, *named, *further)}.values())


def _take(run: FoundRun, stack: ExitStack) -> None:
    """Holds a run, so that no process begins to work on it.

    Raises:
        UserError: The run is under way, or belongs to another user.
    """
    stack.enter_context(run_lock(run.folder))
    if (run.folder / JOURNAL_FILE).exists():
        journal = Journal(run.folder)
        if not journal.hold():
            raise UserError(f"{run.folder}: its record is being sent; allowed: once that has ended")
        stack.callback(journal.release)


def _lines(run: FoundRun, use: DiskUse) -> list[str]:
    """The lines that describe a run before it is removed."""
    lines = [f"{run.name}: {run.kind}, {run.state}, {shown_bytes(use.bytes)}"]
    if (unsent := _unsent(run.folder)) > 0:
        send = f"python -m orchestrator.tracking send {short_path(run.folder.resolve())}"
        lines.append(f"  {unsent} records of it are not in MLflow, and go with it; {send} sends them")
    if run.storage:
        lines.append(
            f"  its copy at {run.storage} stays; --resume {run.name} --storage {run.storage} brings it back"
        )
    lines += [f"  {link} is a link; what it leads to stays" for link in use.links]
    return lines


def _unsent(folder: Path) -> int:
    """How many records of a run were not sent to MLflow."""
    journal = Journal(folder)
    stores = [record["store"] for record, _ in journal.read() if record["op"] == "open"]
    return journal.unsent(stores[-1]) if stores else 0


def _remove(runs: Path, folders: Sequence[Path]) -> None:
    aside = new_aside(runs)
    try:
        for folder in folders:
            put_aside(folder, aside)
    finally:
        if aside.exists():
            delete_aside(aside)
