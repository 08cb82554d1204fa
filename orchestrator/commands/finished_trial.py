"""A trial that has walked its stream, found again with all that made it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..config import RunConfig
from ..errors import UserError
from ..evaluation.objective import Objective
from ..evaluation.protocol import HEADLINE
from ..record.trial_entry import TrialEntry
from ..record.trial_store import TrialStore
from ..search.search_protocol import SearchProtocol
from ..search.space_file import SpaceFile
from ..storage import checkpoint
from ..storage.checkpoint import Checkpoint
from ..storage.identity import IDENTITY_FILE, Identity
from ..storage.patience import patiently
from ..storage.run_files import (
    CONFIG_FILE,
    SPACE_FILE,
    SWEEP_FILE,
    TOKENIZER_FOLDER,
    TRAIN_FILE,
    trials_of,
)
from ..storage.run_folder import RUNS, kept_at
from ..storage.user_path import user_path
from ..streams import registry as streams
from ..streams.identity import stream_identity
from ..streams.source import StreamSource
from .sweep_request import SweepRequest
from .train_request import TrainRequest


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
    def find(cls, run: str | Path, trial: str | None = None) -> FinishedTrial:
        """The trial of that id; without one, the best on validation data.

        The stream is read again, since a method is sized by it. It must be the one that the run read.

        Args:
            run: The run's name, or its folder.
            trial: The trial's id, as ``trial_0001`` or ``seed_0``.

        Raises:
            UserError: There is no such run or trial, the trial has not finished the stream, its weights are
                gone, or the stream is another one now.
        """
        folder = _folder(run)
        identity = Identity.of(folder)
        configs = sorted(trials_of(folder).glob(f"*/{CONFIG_FILE}"))
        if not configs:
            raise UserError(f"{folder}: has no trial; allowed: a run with one that finished")
        source = _source(RunConfig.load_yaml(configs[0]), identity, folder)
        objective, url = _asked(folder, source)
        tasks = len(source.tasks)
        book = TrialStore(trials_of(folder), objective, tasks, identity.stamp)
        entry = book.best() if trial is None else book.trials.get(trial)
        if entry is None:
            whole = [one.id for one in book.trials.values() if one.status == "finished"]
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
        config = RunConfig.load_yaml(book.place(entry.id) / CONFIG_FILE)
        saved = _last_checkpoint(folder, entry, tasks, identity, url)
        return cls(folder, entry.id, config, source, saved)


def _folder(run: str | Path) -> Path:
    for folder in (user_path(run), (RUNS / run).resolve()):
        if (folder / IDENTITY_FILE).is_file():
            return folder
    known = sorted(path.parent.name for path in RUNS.glob(f"*/{IDENTITY_FILE}"))
    raise UserError(f"{run}: there is no such run; allowed: a run's folder, or one of {known or 'none'}")


def _source(config: RunConfig, identity: Identity, folder: Path) -> StreamSource:
    """The stream that the run's trials walked, of which a sweep may have left out the later tasks."""
    source = streams.get(config.stream_name).load(config.stream, config.run.skip_bad)
    if (file := folder / SWEEP_FILE).exists():
        source = SearchProtocol.of(SweepRequest.read(file).protocol, str(file)).shown(source)
    if (found := stream_identity(source)) != identity.stream:
        raise UserError(
            f"{folder}: is of another content of the stream {source.name} ({identity.stream[:12]}, not "
            f"{found[:12]}); allowed: the data that the run read"
        )
    return source


def _asked(folder: Path, source: StreamSource) -> tuple[Objective, str | None]:
    """What the run's trials are compared by, and where the run is kept beside its folder."""
    if (folder / SWEEP_FILE).exists():
        request = SweepRequest.read(folder / SWEEP_FILE)
        objective = replace(SpaceFile(folder / SPACE_FILE).objective, margin=request.margin)
        return objective, request.storage
    objective = Objective(f"validation/{HEADLINE[source.scenario]}", "max")
    return objective, TrainRequest.read(folder / TRAIN_FILE).storage


def _last_checkpoint(
    folder: Path, entry: TrialEntry, tasks: int, identity: Identity, url: str | None
) -> Checkpoint:
    texts = {path.name: path.read_bytes() for path in (folder / TOKENIZER_FOLDER).glob("*")}
    of = identity.stamp(entry.id, entry.values), texts
    place = trials_of(folder) / entry.id
    saved = checkpoint.load(place, tasks - 1, *of)
    if saved is None and (kept := kept_at(url, folder)) is not None:
        storage, below = kept.trial(entry.id), checkpoint.folder_of(Path(), tasks - 1).as_posix()
        with tempfile.TemporaryDirectory(prefix="vlcl-") as here:
            for name in patiently(lambda: list(storage.names(below)), storage):
                patiently(partial(storage.get_into, Path(here), name), storage)
            saved = checkpoint.load(Path(here), tasks - 1, *of)
    if saved is None:
        where = checkpoint.folder_of(place, tasks - 1)
        raise UserError(f"{where}: no whole checkpoint is there; allowed: what the run wrote there")
    return saved
