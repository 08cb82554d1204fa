"""Records runs for the driver."""

from __future__ import annotations

import math
import os
import shlex
import uuid
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from ..errors import UserError
from ..schema.shown import shown_value
from ..storage.run_files import DATABASE_FILE
from ..storage.run_folder import short_path
from .colour import run_colour
from .copied_run import check_no_copy
from .delivery import Delivery
from .journal import Journal
from .journal_state import JournalState
from .long_tag import cut_tag, tag_file
from .names import SCORE
from .sender import Sender
from .store import own_database, tracking_uri
from .summary import Summary

_STATUS = {"finished": "FINISHED", "stopped": "KILLED", "interrupted": "KILLED", "failed": "FAILED"}


class Tracker:
    """Records a sweep as a parent run, each trial as a child run, and each task as a metric step.

    A call appends to ``folder/tracking.jsonl`` and returns. From the first trial on one background thread
    imports mlflow, makes the store and sends. A store that cannot be reached is tried again, with at most a
    minute between attempts. Records that are unsent when the sweep ends stay in the journal. A tracker that
    is opened again on the same folder, for a resumed sweep, continues the same runs and does not record a
    point again.

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
        self._page = {"objective": "validation/seen/r_mean", "mode": "max", "kind": "sweep"}
        self._state = JournalState()
        key = run or uuid.uuid4().hex
        for record, _ in self._journal.read():
            if record["op"] == "open":
                if run is not None and record["key"] != run:
                    raise UserError(
                        f"{self._journal.path}: is the record of another run ({record['key'][:12]}, not "
                        f"{run[:12]}); allowed: the run's own"
                    )
                key, experiment = record["key"], record["experiment"]
            self._state.take(record)
        if run is not None:
            check_no_copy(self._journal.folder, self._state.name or sweep, run)
        store = tracking_uri(self._journal.folder.parent, uri)
        self._delivery = Delivery(self._journal, store, experiment, key)
        self._sender = Sender(self._delivery)
        self._own = store == own_database(self._journal.folder.parent)
        shown = DATABASE_FILE if self._own else self._delivery.store
        self._append(op="open", key=key, experiment=experiment, store=shown)

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
            objective: The metric of a trial's score.
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

        A search names a trial's run by its number, as the terminal does. Fixed configurations are named by
        their method, seed and order.

        Args:
            trial_id: The trial's id.
            params: Dotted name -> value.
            tags: Further tags.
            searched: The names that are searched. They come first, and the comparison page shows them.
            number: The trial's number, from 0. None: trials are numbered in the order in which they begin.
        """
        given = {"kind": "trial", "of": self._page["kind"], "sweep": self._sweep, "trial": trial_id}
        given |= {"status": "running"} | dict(tags or {})
        if number is None:
            number = [*self._state.live, trial_id].index(trial_id)
        # only once, since a user may have chosen another colour
        if trial_id not in self._state.live:
            given["mlflow.runColor"] = run_colour(number)
        known = self._state.searched
        shown = [*dict.fromkeys([*(known or ()), *searched])]
        first = {name: params[name] for name in shown if name in params}
        name = f"trial {number + 1}" if self._page["kind"] == "sweep" else _named(self._tags | given)
        self._start(trial_id, name, first | dict(params), given, shown)
        if known is None or len(shown) > len(known):
            view = {"name": self._sweep, "searched": shown, "order": SCORE, "grouped": True}
            self._append(op="view", run="", **view, **self._page)

    def task(self, trial_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Records metrics of a trial. NaN and infinite values are left out.

        Args:
            trial_id: The trial's id.
            step: How many tasks are finished.
            metrics: The metrics.
        """
        known = self._state.measured(trial_id, step)
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

    def request_file(self, path: Path) -> None:
        """Records a file of the run's request, unless the journal has it with this content: a resumed run may
        be asked for more.

        Args:
            path: A small file in the sweep's folder.
        """
        relative, digest = self._relative(path), sha256(path.read_bytes()).hexdigest()
        if self._state.digest_of("", relative) != digest:
            self._append(op="artifact", run="", path=relative, subdir=None, digest=digest)

    def knows(self, trial_id: str) -> bool:
        """Whether the journal has the trial's start."""
        return trial_id in self._state.live

    def ended(self, trial_id: str) -> str | None:
        """The status of the trial's end; None where the journal has no end since the trial's last start."""
        return self._state.ended(trial_id)

    def has_file(self, trial_id: str, path: Path) -> bool:
        """Whether the journal has this file of the trial."""
        return self._state.has_file(trial_id, self._relative(path))

    def _relative(self, path: Path) -> str:
        # Links are kept as they are, since a run's trials may lie on another disk.
        file, root = (Path(os.path.abspath(one)) for one in (path, self._journal.folder))
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

    def tags(self, trial_id: str | None, tags: Mapping[str, str]) -> None:
        """Records tags. A tag that the journal has already is left out.

        Args:
            trial_id: The trial that they belong to; None: the sweep.
            tags: Name -> text.
        """
        known = self._state.tagged(trial_id or "")
        fresh = {n: text for n, text in tags.items() if known.get(n) != cut_tag(n, text)}
        if fresh:
            self._append_tags(fresh, op="tags", run=trial_id or "")

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
            self.task(trial_id, self._state.last_step(trial_id), {SCORE: score})
        tags = {"status": status}
        if status == "stopped":
            tags["stopped_at_task"] = str(self._state.last_step(trial_id))
        if reason:
            tags["reason"] = reason
        self._append_tags(tags, op="end", run=trial_id, status=_status(status))

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
        for trial_id in [trial for trial, live in self._state.live.items() if live]:
            self.trial_end(trial_id, "interrupted")
        finite = {name: float(v) for name, v in (metrics or {}).items() if math.isfinite(v)}
        if finite:
            self._append(op="metrics", run="", step=0, metrics=finite)
        given = {"status": status} | {name: str(value) for name, value in (tags or {}).items()}
        self._append_tags(given, op="end", run="", status=code)

    def close(self, timeout: float = 30.0) -> Summary:
        """Sends what is left, for at most ``timeout`` seconds. It never raises because of the store.

        Returns:
            The result of the delivery.
        """
        self._sender.close(timeout)
        error = self._sender.error
        why = self._delivery.explain(error) if error else f"not sent within {timeout:g} s"
        return Summary.of(self._delivery, why, self._send_command())

    def _send_command(self) -> str:
        command = f"python -m orchestrator.tracking send {short_path(self._journal.folder.resolve())}"
        return command if self._own else f"MLFLOW_TRACKING_URI={shlex.quote(self._delivery.store)} {command}"

    def where(self) -> str:
        """How the comparison page is opened: a command that prints a link to it, or, for a server, the page's
        address.
        """
        if self._delivery.store.startswith("http"):
            return self._delivery.store.rstrip("/") + self._delivery.page()
        return f"python -m orchestrator.tracking ui {short_path(self._journal.folder.resolve())}"

    def _start(
        self,
        run: str,
        name: str,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        shown: Collection[str] = (),
    ) -> None:
        given = self._tags | {name: str(value) for name, value in tags.items()}
        self._append_tags(given, op="start", run=run, name=name, params=_texts(params, shown))

    def _append_tags(self, tags: Mapping[str, str], run: str, **record: Any) -> None:
        """Records tags. Of one that is longer than MLflow keeps it has the beginning, and a file has all."""
        cut = {name: cut_tag(name, text) for name, text in tags.items()}
        self._append(run=run, **record, tags=cut)
        for name, text in tags.items():
            if cut[name] != text:
                self.text(run, tag_file(name), text)

    def _append(self, **record: Any) -> None:
        record["time"] = self._state.now()
        self._journal.append(record)
        self._state.take(record)
        if record.get("run"):
            self._sender.begin()
        self._sender.wake()


def _named(tags: Mapping[str, Any]) -> str:
    """A fixed configuration's name: ``mma seed=2 order=7``. An order that is no seed is left out."""
    order = str(tags.get("order", ""))
    named = [("seed", tags.get("seed", "")), ("order", order if order.isdecimal() else "")]
    return " ".join([tags.get("method", "trial"), *(f"{key}={value}" for key, value in named if value != "")])


def _status(status: str) -> str:
    if status not in _STATUS:
        raise ValueError(f"status {status!r}: one of {', '.join(_STATUS)}")
    return _STATUS[status]


def _texts(params: Mapping[str, Any], all_of: Collection[str]) -> dict[str, str]:
    """Values as they are shown. A parameter without a value is left out unless ``all_of`` names it."""
    return {n: shown_value(value) for n, value in params.items() if value is not None or n in all_of}
