"""A finished run that is to be taught more tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from methods.registry import get as get_method

from ..config import RunConfig
from ..errors import UserError
from ..record.continues import Continues
from ..record.trial_entry import TrialEntry
from ..record.trial_store import TrialStore
from ..storage.identity import Identity
from ..storage.own_folder import check_own
from ..storage.plain_name import check_plain
from ..storage.run_files import CONFIG_FILE, SWEEP_FILE, TASKS_FILE, TRAIN_FILE, trials_of
from ..storage.run_folder import RUNS
from ..streams import registry as streams
from ..streams.stream_record import StreamRecord
from .run_objective import run_objective
from .run_stream import run_stream
from .train_request import TrainRequest


@dataclass(frozen=True)
class ContinuedRun:
    """A run whose trials have walked their stream, and what a run with more tasks begins with.

    Attributes:
        folder: The run's folder.
        identity: The run's identity.
        config: The configuration that the continued trials share.
        url: Where the run is kept beside its folder; None: nowhere.
        entries: The trials that are continued, by seed: all trials of ``train``, or the one that a sweep
            chose.
        record: The record of the run's tasks.
    """

    folder: Path
    identity: Identity
    config: RunConfig
    url: str | None
    entries: dict[int, TrialEntry]
    record: StreamRecord

    @property
    def continues(self) -> Continues:
        """What the run with more tasks keeps of this one."""
        trials = {f"seed_{seed}": entry.id for seed, entry in self.entries.items()}
        return Continues(self.folder.name, self.identity.run, len(self.record.names), trials)

    @classmethod
    def find(cls, name: str) -> ContinuedRun:
        """The run in ``runs/NAME``.

        Raises:
            UserError: There is no such run, it is not the user's own, a trial of it has not walked the whole
                stream, its method cannot continue, or its tasks are not recorded. The message is one line.
        """
        folder = _folder(name)
        identity = Identity.of(folder)
        configs = sorted(trials_of(folder).glob(f"*/{CONFIG_FILE}"))
        if not configs:
            raise UserError(f"--continue {name}: the run has no trial; allowed: one that is finished")
        config = RunConfig.load_yaml(configs[0])
        _check_method(name, config.method_name)
        objective, url = run_objective(folder, streams.get(config.stream_name).scenario)
        record = _record(folder, config, identity)
        store = TrialStore(trials_of(folder), objective, len(record.names), identity.stamp)
        if (folder / SWEEP_FILE).exists():
            entry = _chosen(name, store)
            config = RunConfig.load_yaml(store.trial_folder(entry.id) / CONFIG_FILE)
            entries = {config.run.seed: entry}
        else:
            entries = _all(name, store, TrainRequest.read(folder / TRAIN_FILE).seeds)
            config = RunConfig.load_yaml(folder / CONFIG_FILE)
        return cls(folder, identity, config, url, entries, record)


def _folder(name: str) -> Path:
    check_plain(name, "--continue")
    folder = (RUNS / name).resolve()
    if not any((folder / file).exists() for file in (SWEEP_FILE, TRAIN_FILE)):
        known = sorted(p.parent.name for file in (SWEEP_FILE, TRAIN_FILE) for p in RUNS.glob(f"*/{file}"))
        raise UserError(f"--continue {name}: there is no such run in {RUNS}; there are {known or 'none'}")
    check_own(folder)
    return folder


def _check_method(name: str, method: str) -> None:
    if get_method(method).whole_stream:
        raise UserError(
            f"--continue {name}: {method} trains on all tasks at once, those to come as well; allowed: a new "
            "run over all of them"
        )


def _chosen(name: str, store: TrialStore) -> TrialEntry:
    """The trial that a sweep chose."""
    running = [one.id for one in store.trials.values() if one.status == "running"]
    if running:
        raise _unfinished(name, f"{running[0]} is under way")
    if (best := store.best()) is None:
        raise UserError(
            f"--continue {name}: no trial walked the whole stream; allowed: a run with one that did"
        )
    return best


def _all(name: str, store: TrialStore, seeds: tuple[int, ...]) -> dict[int, TrialEntry]:
    """The trials of ``train``, by seed."""
    entries = {seed: store.trials.get(f"seed_{seed}") for seed in seeds}
    out: dict[int, TrialEntry] = {}
    for seed, entry in entries.items():
        if entry is None or entry.status != "finished" or len(entry.reports) != store.tasks:
            status = "has not begun" if entry is None else entry.status
            raise _unfinished(name, f"seed_{seed} {'is under way' if status == 'running' else status}")
        out[seed] = entry
    return out


def _unfinished(name: str, what: str) -> UserError:
    return UserError(
        f"--continue {name}: the run is not finished ({what}); allowed: one whose trials have walked all "
        "tasks (--resume goes on with this one first)"
    )


def _record(folder: Path, config: RunConfig, identity: Identity) -> StreamRecord:
    if (folder / TASKS_FILE).exists():
        return StreamRecord.read(folder / TASKS_FILE)
    # An earlier version did not write it, and a storage may lack it.
    return StreamRecord.of(run_stream(config, identity, folder))
