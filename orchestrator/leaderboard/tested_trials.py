"""Finds the tested trials of a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..errors import UserError
from ..storage.extreme_name import extreme_order
from ..storage.reference_name import reference_kind
from ..tracking.record_reader import RecordReader
from ..tracking.recorded_run import RecordedRun
from .tested_trial import TestedTrial
from .wanted import Wanted

_CONTINUES = "continues_run"  # the tag of a run that goes on from another, with its identity
_TESTED = "metrics.`test/average` > -1000000"  # every stream has this metric


@dataclass(frozen=True)
class TestedTrials:
    """The trials that are compared.

    Attributes:
        trials: The trials.
        left_out: A line for each trial that is wanted but not compared.
        references: The reference runs of the record. They are no rows of a leaderboard, unless runs are asked
            for by their names.
    """

    __test__ = False

    trials: tuple[TestedTrial, ...]
    left_out: tuple[str, ...]
    references: tuple[TestedTrial, ...] = ()


def tested_trials(reader: RecordReader, wanted: Wanted) -> TestedTrials:
    """Reads the tested trials of a record.

    A run of a study in an extreme order counts where it is asked for by its whole name. For a sweep only the
    trial that it chose counts. A sweep that was given more trials may have tested others.

    Args:
        reader: The record.
        wanted: Which runs are compared.

    Raises:
        UserError: The record cannot be read, has no such trial, or has no trial of a named method or run. The
            message is one line.
    """
    every = [run for run in reader.runs(f"tags.kind = 'trial' AND {_TESTED}") if run.trial]
    beside = [run for run in every if reference_kind(run.name)]
    there = [trial for trial in every if wanted.has(trial) and (wanted.runs or trial not in beside)]
    chosen = [run for run in there if extreme_order(run.name) and run.name not in wanted.runs]
    there = [trial for trial in there if trial not in chosen]
    if missed := wanted.missed(there):
        raise UserError(_none(reader.store, every, " ".join(missed) if there else wanted.text()))
    if not there:
        raise UserError(_none(reader.store, every, wanted.text()))
    parents = {run.run: run for kind in ("sweep", "train") for run in reader.runs(f"tags.kind = '{kind}'")}
    trials: list[TestedTrial] = []
    left_out = [f"left out: {run.name}: its order was chosen, and is no sample of orders" for run in chosen]
    for trial in there:
        parent, of = parents.get(trial.run), f"left out: {trial.name}/{trial.trial}"
        status = trial.tags.get("status", "unknown")
        if parent is None:
            left_out.append(f"{of}: the record has no run of it")
        elif status != "finished":
            left_out.append(f"{of}: its status is {status}, not finished")
        elif parent.tags.get("kind") == "sweep" and trial.trial != parent.tags.get("best", trial.trial):
            best = parent.tags["best"]
            left_out.append(f"{of}: its sweep was given more trials, of which {best} is chosen")
        else:
            try:
                trials.append(TestedTrial.of(trial, parent, _first(parent, parents)))
            except KeyError as error:
                left_out.append(f"left out: {error.args[0]}")
    if not trials:
        raise UserError(f"{reader.store}: no trial to compare: {'; '.join(left_out)}")
    return TestedTrials(tuple(trials), tuple(left_out), tuple(_references(beside, parents)))


def _references(beside: list[RecordedRun], parents: Mapping[str, RecordedRun]) -> Iterator[TestedTrial]:
    for trial in beside:
        parent = parents.get(trial.run)
        if parent is not None and trial.tags.get("status") == "finished":
            with suppress(KeyError):  # it lacks what tells where it belongs
                yield TestedTrial.of(trial, parent, None)


def _first(run: RecordedRun, known: Mapping[str, RecordedRun]) -> RecordedRun | None:
    """The first of the runs that a run continues, or the run itself; None where the record lacks it."""
    found: RecordedRun | None = run
    for _ in known:  # not for ever, whatever a record says
        if found is None or not (before := found.tags.get(_CONTINUES)):
            break
        found = known.get(before)
    return found


def _none(store: str, every: list[RecordedRun], wanted: str) -> str:
    if not every:
        return f"{store}: no tested run in the record; a sweep, or train, makes one"
    has = {
        key: ", ".join(sorted({run.params.get(f"{key}.name", "?") for run in every}))
        for key in ("stream", "method")
    }
    return (
        f"{wanted}: no tested run in {store}; there are the streams {has['stream']} and the methods "
        f"{has['method']}"
    )
