"""What the driver calls to record runs."""

from __future__ import annotations

import math
import os
import shlex
import threading
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import UserError
from ..schema.shown import shown_value
from ..storage.full_disk import is_full
from ..storage.identity import Identity
from ..storage.own_folder import check_own
from .colour import run_colour
from .delivery import Delivery
from .journal import Journal
from .names import SCORE
from .store import OWN_DATABASE, own_database, tracking_uri

_STATUS = {"finished": "FINISHED", "stopped": "KILLED", "interrupted": "KILLED", "failed": "FAILED"}
_LONGEST_WAIT = 60.0
_SEED = "run.seed"
_AHEAD = 2 * 86_400_000  # milliseconds that a clock may have been ahead before it was set right


@dataclass(frozen=True)
class Summary:
    """What became of the record.

    Attributes:
        sent: Records that were sent.
        unsent: Records that were not sent yet.
        rejected: Records that the store refused.
        message: For the user; empty when everything arrived.
    """

    sent: int
    unsent: int
    rejected: int
    message: str


class Tracker:
    """Records a sweep as a parent run, each trial as a child run, and each task as a metric step.

    A call appends to ``folder/tracking.jsonl`` and returns. From the first trial on one background thread
    imports mlflow, makes the store and sends. A store that cannot be reached is tried again, with at most a
    minute between attempts. What is left when the sweep ends stays in the journal. A tracker that is opened
    again on the same folder, for a resumed sweep, continues the same runs and does not record a point again.

    Args:
        folder: The sweep's folder, ``RUNS/NAME``.
        uri: See :func:`~orchestrator.tracking.store.tracking_uri`.
        experiment: The name of MLflow's experiment.
        sweep: The sweep's name.
        run: The run's identity, by which the store knows it. None: an identity that the journal has or is
            given.

    Raises:
        UserError: The address is impossible; the journal is another run's, or belongs to a run that lies
            beside this folder as well; or the journal cannot be written.
    """

    def __init__(
        self, folder: Path, uri: str | None, experiment: str, sweep: str, run: str | None = None
    ) -> None:
        self._journal = Journal(Path(folder))
        self._sweep = sweep
        self._tags: dict[str, str] = {}
        self._latest = 0
        self._live: dict[str, bool] = {}
        self._searched: dict[str, None] | None = None
        self._page = {"objective": "validation/seen/r_mean", "mode": "max", "kind": "sweep"}
        self._reported: dict[str, dict[int, set[str]]] = {}
        self._ends: dict[str, str] = {}
        self._files: dict[str, set[str]] = {}
        key, name = run or uuid.uuid4().hex, sweep
        for record, _ in self._journal.read():
            if record["op"] == "open":
                if run is not None and record["key"] != run:
                    raise UserError(
                        f"{self._journal.path}: is the record of another run ({record['key'][:12]}, not "
                        f"{run[:12]}); allowed: the run's own"
                    )
                key, experiment = record["key"], record["experiment"]
            elif record["op"] == "start" and not record["run"]:
                name = record["name"]
            self._note(record)
        if run is not None:
            _check_no_copy(self._journal.folder, name, run)
        store = tracking_uri(self._journal.folder.parent, uri)
        self._delivery = Delivery(self._journal, store, experiment, key)
        self._error: Exception | None = None
        self._closing = self._left = False
        self._changed = threading.Condition()
        self._own = store == own_database(self._journal.folder.parent)
        shown = OWN_DATABASE if self._own else self._delivery.store
        self._append(op="open", key=key, experiment=experiment, store=shown)
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)

    def start(
        self,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        objective: str = "validation/seen/r_mean",
        mode: Literal["max", "min"] = "max",
        kind: Literal["sweep", "train"] = "sweep",
        own_tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Records that the run begins or is resumed.

        Args:
            params: Dotted name -> value, for what all trials share.
            tags: Tags of the run and of every trial, see :func:`environment_tags`.
            objective: The metric that a trial's score is.
            mode: Which end of it is better.
            kind: ``sweep`` for a search, ``train`` for fixed configurations. The comparison page shows them
                in different ways.
            own_tags: Tags of the run alone.
        """
        self._tags = {name: str(value) for name, value in tags.items()}
        self._page = {"objective": objective, "mode": mode, "kind": kind}
        self._start("", self._sweep, params, {"kind": kind, "sweep": self._sweep, **(own_tags or {})})

    def trial_start(
        self,
        trial_id: str,
        params: Mapping[str, Any],
        tags: Mapping[str, Any] | None = None,
        searched: Collection[str] = (),
        number: int | None = None,
    ) -> None:
        """Records that a trial begins, or continues after a restart.

        The trial's run is named by its number, as the terminal names it, and by its seed where trials differ
        in nothing else.

        Args:
            trial_id: The trial's id.
            params: Dotted name -> value.
            tags: Further tags.
            searched: The names that are searched. They come first, and the comparison page shows them.
            number: The trial's number, from 0. None: trials are numbered in the order in which they begin.
        """
        given = {"kind": "trial", "sweep": self._sweep, "trial": trial_id, "status": "running"}
        given |= tags or {}
        if number is None:
            number = [*self._live, trial_id].index(trial_id)
        if trial_id not in self._live:  # only once: whoever looks at it may have chosen another colour since
            given["mlflow.runColor"] = run_colour(number)
        seed = f" seed={params[_SEED]}" if list(searched) == [_SEED] else ""
        shown = [*dict.fromkeys([*(self._searched or ()), *searched])]
        first = {name: params[name] for name in shown if name in params}
        self._start(trial_id, f"trial {number + 1}{seed}", first | dict(params), given, shown)
        if self._searched is None or len(shown) > len(self._searched):
            self._append(op="view", run="", name=self._sweep, searched=shown, order=SCORE, **self._page)

    def task(self, trial_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Records metrics of a trial. NaN and infinite values are left out.

        Args:
            trial_id: The trial's id.
            step: How many tasks are finished.
            metrics: The metrics.
        """
        known = self._reported.get(trial_id, {}).get(step, ())
        finite = {name: float(v) for name, v in metrics.items() if name not in known and math.isfinite(v)}
        if finite:
            self._append(op="metrics", run=trial_id, step=step, metrics=finite)

    def artifact(self, trial_id: str | None, path: Path, subdir: str | None = None) -> None:
        """Records a file.

        Args:
            trial_id: The trial that the file belongs to; None: the sweep.
            path: A file in the sweep's folder. It must stay where it is until it is sent.
            subdir: The folder of artifacts that shows it; None: the topmost one.
        """
        self._append(op="artifact", run=trial_id or "", path=self._relative(path), subdir=subdir)

    def knows(self, trial_id: str) -> bool:
        """Whether the journal has the trial's start."""
        return trial_id in self._live

    def ended(self, trial_id: str) -> str | None:
        """The status with which the journal has the trial's end; None where it has no end since the last
        start.
        """
        return self._ends.get(trial_id)

    def has_file(self, trial_id: str, path: Path) -> bool:
        """Whether the journal has this file of the trial."""
        return self._relative(path) in self._files.get(trial_id, ())

    def _relative(self, path: Path) -> str:
        # Links are kept as they are, since a run's trials may lie on another disk.
        file, root = (Path(os.path.abspath(place)) for place in (path, self._journal.folder))
        if not file.is_relative_to(root):
            raise UserError(f"{file}: is not in {root}; allowed: files of the run's own folder")
        return file.relative_to(root).as_posix()

    def text(self, trial_id: str | None, file: str, text: str) -> None:
        """Records a small text, which the journal itself holds.

        Args:
            trial_id: The trial that the text belongs to; None: the sweep.
            file: The artifact as which it is shown.
            text: The text.
        """
        self._append(op="text", run=trial_id or "", file=file, text=text)

    def trial_end(
        self, trial_id: str, status: str, reason: str | None = None, score: float | None = None
    ) -> None:
        """Records a trial's end.

        A stopped trial is KILLED in MLflow and carries ``stopped_at_task``, but no score, since its last
        values belong to another task.

        Args:
            trial_id: The trial's id.
            status: ``finished``, ``stopped`` (by the scheduler), ``interrupted`` or ``failed``.
            reason: Why the trial failed.
            score: The objective of a trial that walked the whole stream.
        """
        if score is not None:
            self.task(trial_id, max(self._reported.get(trial_id, {0: set()})), {SCORE: score})
        tags = {"status": status}
        if status == "stopped":
            tags["stopped_at_task"] = str(max(self._reported.get(trial_id, {0: set()})))
        if reason:
            tags["reason"] = reason
        self._append(op="end", run=trial_id, status=_status(status), tags=tags)

    def finish(
        self,
        status: str,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Records that the run ends. Trials still under way are recorded as interrupted.

        Args:
            status: As for :meth:`trial_end`.
            metrics: The best trial's metrics, or means over seeds.
            tags: Further tags.
            params: The rest of the configuration, once it is chosen.
        """
        code = _status(status)
        if params:
            self._append(op="params", run="", params=_texts(params, params))
        for trial_id in [trial for trial, live in self._live.items() if live]:
            self.trial_end(trial_id, "interrupted")
        finite = {name: float(v) for name, v in (metrics or {}).items() if math.isfinite(v)}
        if finite:
            self._append(op="metrics", run="", step=0, metrics=finite)
        given = {"status": status} | {name: str(value) for name, value in (tags or {}).items()}
        self._append(op="end", run="", status=code, tags=given)

    def close(self, timeout: float = 30.0) -> Summary:
        """Sends what is left, for at most ``timeout`` seconds. It never raises because of the store.

        Returns:
            What became of the record.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._begin()
        self._thread.join(timeout)
        with self._changed:
            self._left = True
            self._changed.notify_all()
        delivery = self._delivery
        unsent = self._journal.unsent(delivery.store)
        lines = [f"MLflow at {delivery.store}: {line}" for line in delivery.said]
        if unsent:
            why = delivery.explain(self._error) if self._error else f"not sent within {timeout:g} s"
            lines.append(
                f"MLflow at {delivery.store}: {unsent} records are not there yet ({why}). "
                f"They are kept; send them with: {self._send_command()}"
            )
        if refused := delivery.rejected:
            lines.append(
                f"MLflow did not take {len(refused)} record(s), the first: {refused[0]}. "
                f"They are kept; try again with: {self._send_command()}"
            )
        return Summary(delivery.sent, unsent, len(refused), "\n".join(lines))

    def _send_command(self) -> str:
        command = f"python -m orchestrator.tracking send {shlex.quote(_short(self._journal.folder))}"
        return command if self._own else f"MLFLOW_TRACKING_URI={shlex.quote(self._delivery.store)} {command}"

    def where(self) -> str:
        """What opens the comparison page: a command that prints a link to it, or, for a server, the page's
        address.
        """
        if self._delivery.store.startswith("http"):
            return self._delivery.store.rstrip("/") + self._delivery.page()
        return f"python -m orchestrator.tracking ui {shlex.quote(_short(self._journal.folder))}"

    def _start(
        self,
        run: str,
        name: str,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        shown: Collection[str] = (),
    ) -> None:
        self._append(
            op="start",
            run=run,
            name=name,
            params=_texts(params, shown),
            tags=self._tags | {name: str(value) for name, value in tags.items()},
        )

    def _append(self, **record: Any) -> None:
        # With a clock that is set back, runs would end before they began.
        record["time"] = max(self._latest, int(time.time() * 1000))
        self._journal.append(record)
        self._note(record)
        if record.get("run"):
            self._begin()
        with self._changed:
            self._changed.notify_all()

    def _begin(self) -> None:
        with self._changed:
            if self._thread.ident is None:
                self._thread.start()

    def _note(self, record: Mapping[str, Any]) -> None:
        written = record.get("time")
        # a journal may come from anywhere
        if type(written) is int and written <= time.time() * 1000 + _AHEAD:
            self._latest = max(self._latest, written)
        if record["op"] == "metrics":
            steps = self._reported.setdefault(record["run"], {})
            steps.setdefault(record["step"], set()).update(record["metrics"])
        elif record["op"] in ("start", "end") and record["run"]:
            self._live[record["run"]] = record["op"] == "start"
            if record["op"] == "end":
                self._ends[record["run"]] = record["tags"]["status"]
            else:
                self._ends.pop(record["run"], None)
        elif record["op"] == "artifact":
            self._files.setdefault(record["run"], set()).add(record["path"])
        elif record["op"] == "view":
            self._searched = (self._searched or {}) | dict.fromkeys(record["searched"])

    def _work(self) -> None:
        wait = 1.0
        while True:
            try:
                closing = self._closing
                self._delivery.pump()
                if closing:
                    self._delivery.retry()
                self._error, wait = None, 1.0
            except Exception as error:
                self._error = error
            with self._changed:
                if self._error is not None:
                    # A store that was there before may just be coming back. A disk does not empty itself.
                    hopeless = not self._delivery.sent or self._delivery.lost or is_full(self._error)
                    if self._left or (self._closing and hopeless):
                        break
                    self._changed.wait_for(lambda: self._left if self._closing else self._closing, wait)
                    wait = 2.0 if self._closing else min(2 * wait, _LONGEST_WAIT)
                    continue
                if not self._journal.unsent(self._delivery.store):
                    if closing:
                        break
                    if not self._closing:
                        self._changed.wait()
        self._journal.release()


def resend(folder: Path) -> Delivery:
    """Sends what the journal of the caller's own run holds and its store has not received.

    The store is ``MLFLOW_TRACKING_URI`` where it is set, else the database beside the folder. An address in
    the journal is never followed: files, and the caller's token, would go wherever the journal's author
    chose.

    Args:
        folder: The run's folder.

    Returns:
        The delivery, once it has ended.

    Raises:
        UserError: There is no journal; the folder is somebody else's; the journal was begun for another store
            than the database and no address is given; or the store cannot be reached.
    """
    folder = Path(os.path.abspath(folder))
    if folder.exists():
        check_own(folder)
    journal = Journal(folder)
    opened = [record for record, _ in journal.read() if record["op"] == "open"]
    if not opened:
        raise UserError(f"{journal.path}: no record of a sweep; give a folder such as runs/NAME")
    uri, last = tracking_uri(folder.parent), opened[-1]["store"]
    if not os.environ.get("MLFLOW_TRACKING_URI") and last not in (OWN_DATABASE, uri) and not _was_own(last):
        raise UserError(
            f"{journal.path}: was last sent to {str(last)[:200]!r}; allowed: that address, or another, in "
            "MLFLOW_TRACKING_URI"
        )
    delivery = Delivery(journal, uri, opened[0]["experiment"], opened[0]["key"])
    try:
        delivery.pump()
        delivery.retry()
    except UserError:
        raise
    except Exception as error:
        why = f"{delivery.explain(error)} ({journal.unsent(delivery.store)} records unsent)"
        raise UserError(f"MLflow at {delivery.store}: {why}") from error
    finally:
        journal.release()
    return delivery


def _check_no_copy(folder: Path, name: str, run: str) -> None:
    """Refuses a copy: the run in ``folder`` was last worked on as ``name``, which lies beside it. Both would
    write to the same entries of the store.
    """
    if name == folder.name or "/" in name:
        return
    try:
        other = Identity.of(folder.parent / name).run
    except UserError:  # there is no such run
        return
    if other == run:
        raise UserError(
            f"{folder}: is a copy of {folder.parent / name}, the same run; allowed: --resume {name}, or that "
            "one elsewhere"
        )


def _was_own(store: Any) -> bool:
    """Whether ``store`` is the address of a runs folder's database, in the form that earlier versions wrote,
    and that database does not exist any more.
    """
    path = str(store).removeprefix("sqlite:///")
    return path.startswith("/") and path.endswith(f"/{OWN_DATABASE}") and not os.path.lexists(path)


def _status(status: str) -> str:
    if status not in _STATUS:
        raise ValueError(f"status {status!r}: one of {', '.join(_STATUS)}")
    return _STATUS[status]


def _texts(params: Mapping[str, Any], all_of: Collection[str]) -> dict[str, str]:
    """Values as they are shown. A parameter without a value is left out unless ``all_of`` names it."""
    return {n: shown_value(value) for n, value in params.items() if value is not None or n in all_of}


def _short(path: Path) -> str:
    full, here = path.resolve(), Path.cwd()
    return str(full.relative_to(here) if full.is_relative_to(here) else full)
