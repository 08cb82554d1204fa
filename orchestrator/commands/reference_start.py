"""Begins the run of a reference, or resumes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..config import RunConfig, flatten
from ..errors import UserError
from ..record.made_by import made_by
from ..references.derived_reference import DerivedReference
from ..references.seed_and_order import SeedAndOrder
from ..storage.free_name import is_free
from ..storage.identity import Identity
from ..storage.patience import patiently
from ..storage.run_files import CONFIG_FILE, IDENTITY_FILE, TRAIN_FILE
from ..storage.run_folder import RUNS, kept_at
from ..streams.identity import stream_content
from ..streams.source import StreamSource
from .train_request import TrainRequest
from .train_start import TrainStart


def reference_start(
    reference: DerivedReference,
    where: SeedAndOrder,
    source: StreamSource,
    say: Callable[[str], None],
    storage: str | None = None,
) -> TrainStart:
    """Begins the run of a reference, or resumes it: an ordinary run of one seed, tested once, which every
    study and sweep on the stream shares. One that is finished is opened, and nothing is left to do.

    Args:
        reference: The reference.
        where: Its seed and its order.
        source: The stream.
        say: Takes lines of progress.
        storage: The URL at which a new run is kept, or from which one is brought that is not here; None:
            ``$VLCL_STORAGE``, or nowhere. A run that is here stays where it is kept.

    Raises:
        UserError: It cannot begin: its folder has something else, or was made on other data. The message is
            one line.
    """
    name, config = reference.name(where), reference.at(where)
    how: dict[str, Any] = {"concurrent": None, "say": say, "source": source}
    if is_free((RUNS / name).resolve()):
        how["storage"] = storage
        if not _is_kept(name, storage):
            return TrainStart.new(config, [config.run.seed], name=name, **how)
        said = {key: value for key, value in flatten(config.to_dict()).items() if isinstance(value, str)}
        start = TrainStart.resumed(name, said=said, **how)
        check_reference(reference, where, source)
        return start
    folder = check_reference(reference, where, source)
    say(f"{name} is kept in {folder.parent}, made by commit {made_by(folder) or 'unknown'}")
    return TrainStart.resumed(name, said={}, storage=None, **how)


def check_reference(reference: DerivedReference, where: SeedAndOrder, source: StreamSource) -> Path:
    """Checks that the run that has the name of a reference is that reference, on the same data.

    Args:
        reference: The reference.
        where: Its seed and its order.
        source: The stream.

    Returns:
        The run's folder.

    Raises:
        UserError: It is another run. The message is one line.
    """
    name = reference.name(where)
    folder = RUNS / name
    if not (folder / TRAIN_FILE).is_file():
        raise UserError(f"{folder}: has no {TRAIN_FILE}; allowed: the reference's own run there, or nothing")
    again = f"python -m orchestrator.sweep rm {name}, by which it is made anew"
    kept, seeds = RunConfig.load_yaml(folder / CONFIG_FILE), TrainRequest.read(folder / TRAIN_FILE).seeds
    if not reference.same(kept, where) or seeds != (where.seed,):
        raise UserError(f"{folder}: has another configuration than its name says; allowed: {again}")
    there, here = Identity.of(folder).content, stream_content(source)
    if there != here:
        raise UserError(
            f"{folder}: is of another content of the stream {source.name} ({there[:12]}, not "
            f"{here[:12]}); allowed: the data that it read, or {again}"
        )
    return folder


def _is_kept(name: str, storage: str | None) -> bool:
    kept = kept_at(storage, (RUNS / name).resolve())
    if kept is None:
        return False
    return patiently(lambda: kept.storage.read(IDENTITY_FILE), kept.storage) is not None
