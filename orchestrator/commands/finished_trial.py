"""A trial that has walked its stream, found again with all that made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..config import RunConfig
from ..errors import UserError
from ..record.trial_entry import TrialEntry
from ..record.trial_store import TrialStore
from ..storage import checkpoint
from ..storage.checkpoint import Checkpoint
from ..storage.identity import Identity
from ..storage.run_files import CONFIG_FILE, IDENTITY_FILE, TOKENIZER_FOLDER, trials_of
from ..storage.run_folder import RUNS
from ..storage.user_path import user_path
from ..streams.source import StreamSource
from .run_objective import run_objective
from .run_stream import run_stream
from .trial_checkpoint import trial_checkpoint


@dataclass(frozen=True)
class FinishedTrial:
    """A trial of the run in ``run``. ``tokenizer`` is the folder of what its texts are read with."""

    run: Path
    id: str
    config: RunConfig
    source: StreamSource
    checkpoint: Checkpoint

    @property
    def tokenizer(self) -> Path:
        return self.run / TOKENIZER_FOLDER

    @classmethod
    def find(
        cls,
        run: str | Path,
        trial: str | None = None,
        stream: Callable[[RunConfig, Identity, Path], StreamSource] = run_stream,
    ) -> FinishedTrial:
        """The trial of that id; without one, the best on validation data.

        Args:
            run: The run's name, or its folder.
            trial: The trial's id, as ``trial_0001`` or ``seed_0``.
            stream: Gives the stream, by which a method is sized, from a trial's configuration, the run's
                identity and its folder. By default it is read again, and must be the one that the run read.

        Raises:
            UserError: There is no such run or trial, the trial has not finished the stream, its weights are
                gone, or the stream is another one now.
        """
        folder = _folder(run)
        identity = Identity.of(folder)
        configs = sorted(trials_of(folder).glob(f"*/{CONFIG_FILE}"))
        if not configs:
            raise UserError(f"{folder}: has no trial; allowed: a run with one that finished")
        source = stream(RunConfig.load_yaml(configs[0]), identity, folder)
        objective, url = run_objective(folder, source.scenario)
        tasks = len(source.tasks)
        store = TrialStore(trials_of(folder), objective, tasks, identity.stamp)
        entry = store.best() if trial is None else store.trials.get(trial)
        if entry is None:
            whole = [one.id for one in store.trials.values() if one.status == "finished"]
            wanted = "no trial that walked the whole stream" if trial is None else f"no trial {trial!r}"
            if trial is None and whole:
                wanted = "no score on validation data to choose a trial by"
            raise UserError(f"{folder}: has {wanted}; allowed: {', '.join(whole) or 'none of this run'}")
        if entry.status != "finished":
            state = "is under way" if entry.status == "running" else entry.status
            raise UserError(
                f"{folder}: {entry.id} {state}, {len(entry.reports)} of {tasks} tasks done; allowed: a trial "
                "that finished"
            )
        config = RunConfig.load_yaml(store.trial_folder(entry.id) / CONFIG_FILE)
        saved = _last_checkpoint(folder, entry, tasks, identity, url)
        return cls(folder, entry.id, config, source, saved)


def _folder(run: str | Path) -> Path:
    for folder in (user_path(run), (RUNS / run).resolve()):
        if (folder / IDENTITY_FILE).is_file():
            return folder
    known = sorted(path.parent.name for path in RUNS.glob(f"*/{IDENTITY_FILE}"))
    raise UserError(f"{run}: there is no such run; allowed: a run's folder, or one of {known or 'none'}")


def _last_checkpoint(
    folder: Path, entry: TrialEntry, tasks: int, identity: Identity, url: str | None
) -> Checkpoint:
    saved = trial_checkpoint(folder, entry, tasks - 1, identity, url)
    if saved is None:
        where = checkpoint.folder_of(trials_of(folder) / entry.id, tasks - 1)
        raise UserError(f"{where}: no whole checkpoint is there; allowed: what the run wrote there")
    return saved
