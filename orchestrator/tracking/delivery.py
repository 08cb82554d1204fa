"""Sending the journal to an MLflow store."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..storage.full_disk import is_full
from ..storage.inside import inside
from .artifact_place import artifact_place
from .journal import Journal
from .moved_record import record_where_it_lies
from .store import (
    artifact_location,
    check_own_database,
    database_of,
    making_tables,
    own_database,
    without_password,
)
from .view import page_path, view_state, view_tag

_METRICS_A_CALL, _PARAMS_A_CALL = 1000, 100  # MLflow's own limits of one log_batch
_KEY = "orchestrator.key"  # the tag by which a run is found again
# the tag that names the parameters of which another value is chosen now
_PAST = "params.of_an_earlier_choice"
# Without this tag MLflow shows a run's page among the evaluations of language models.
_KIND = {"mlflow.experimentKind": "custom_model_development"}
_FINAL = ("INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST")
_SENT = "orchestrator.sent"  # a tag of a sweep's run: up to which byte of the journal the store has it


class Delivery:
    """Sends a journal's records in order, and notes after each one how far the store has come.

    Every record can be sent twice without harm: runs are found by a key tag, and points carry the journal's
    time. So a crash between sending and noting duplicates nothing. How far the store has come is noted beside
    the journal and in the store itself. A store that lacks what the journal says it has is sent the records
    again, from the point where it lacks them. A record that a store refuses is set aside, and the rest goes
    on.

    Attributes:
        journal: The journal.
        uri: The store's address, which may hold a password.
        store: The store's address without a password.
        sent: How many records were sent.
        said: One line for each thing in the store that had changed since it was sent.
        lost: Whether this process can deliver nothing any more.
    """

    def __init__(self, journal: Journal, uri: str, experiment: str, key: str) -> None:
        self.journal = journal
        self.uri = uri
        self.store = without_password(uri)
        self.sent = 0
        self.said: list[str] = []
        self.lost = False
        self._why: dict[int, str] = {}
        self._experiment = experiment
        self._key = key
        self._client: Any = None
        self._database: tuple[int, int] | None = None
        self._experiment_id = ""
        self._runs: dict[str, str] = {}

    @property
    def rejected(self) -> list[str]:
        """One line for each record that the store refused."""
        aside = self.journal.aside(self.store)
        return [self._why.get(begin, "a record that was refused before") for begin in aside]

    def pump(self) -> None:
        """Sends all that is unsent.

        An exception of any kind means that no more was sent, and that it may be tried again later.
        """
        if not self.journal.hold():
            raise UserError(f"another process is sending {self.journal.path}")
        looked = self._client is None
        if self._client is None:
            self._connect()
        elif database_of(self.uri) != self._database:
            # A database that was open still takes records, which nobody will ever see.
            self.journal.mark_sent(self.store, 0, ())
            self.lost = True
            raise UserError(f"{self.store} was removed or replaced while it was written to")
        first = begin = self.journal.sent(self.store)
        while (found := next(self.journal.read(begin), None)) is not None:
            record, end = found
            refused = record["op"] != "open" and self._refused(record, begin)
            if refused and not looked:
                looked = True
                if self._compare():  # somebody removed from the store what the record needs
                    begin = self.journal.sent(self.store)
                    continue
            aside = self.journal.aside(self.store) + ([begin] if refused else [])
            self.journal.mark_sent(self.store, end, aside)
            begin = end
        if begin != first:
            self._note(begin)

    def retry(self) -> None:
        """Sends what the store refused once more, after :meth:`pump`. It raises the same exceptions."""
        for begin in self.journal.aside(self.store):
            unsent = next(self.journal.read(begin), None)
            if unsent is None or not self._refused(unsent[0], begin):
                left = [other for other in self.journal.aside(self.store) if other != begin]
                self.journal.mark_sent(self.store, self.journal.sent(self.store), left)

    def _refused(self, record: Mapping[str, Any], begin: int) -> bool:
        """Sends a record and returns whether the store refused it, so that the records after it need not
        wait.
        """
        try:
            self._send(record)
        except Exception as error:
            # Nothing depends on a file: it may come later than the rest, or never.
            file = record["op"] in ("artifact", "text") and not is_full(error)
            if not (file or _is_final(error)):
                raise
            what = f"{record['op']} of {record['run'] or 'the sweep'}"
            self._why[begin] = f"{what}: {self.explain(error)}"
            return True
        self.sent += 1
        return False

    def explain(self, error: Exception) -> str:
        """``error`` in one line, without the password that an address may hold."""
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        return line.replace(self.uri, self.store)[:300]

    def page(self) -> str:
        """The path of the run's comparison page on its server; the path of the first page until the store was
        reached.
        """
        return page_path(self._experiment_id, self._key) if self._experiment_id else "/"

    def _connect(self) -> None:
        # A dead server must cost seconds, where MLflow's defaults cost minutes; and a sweep reports its use
        # to nobody.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        from mlflow import MlflowClient

        logging.getLogger("alembic").setLevel(logging.WARNING)
        # This logger prints the stack of what it raises. Whoever sends says in one line what did not arrive,
        # and why.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        runs = self.journal.folder.parent
        if self.uri == own_database(runs):
            check_own_database(runs)
        with making_tables(self.uri):
            client = MlflowClient(self.uri)
            client.get_experiment_by_name(self._experiment)  # which makes the tables
            if self.uri.startswith("sqlite:///"):
                record_where_it_lies(Path(self.uri.removeprefix("sqlite:///")))
            self._client = client
            try:
                self._compare()
            except BaseException:
                self._client = None
                raise
        self._database = database_of(self.uri)

    def _compare(self) -> bool:
        """Finds the experiment, and how far the store really has come. Restores what was deleted. Returns
        whether anything in the store had changed.
        """
        experiment = self._client.get_experiment_by_name(self._experiment)
        changed = experiment is not None and experiment.lifecycle_stage == "deleted"
        if experiment is None:
            location = artifact_location(self.journal.folder.parent, self.uri)
            self._experiment_id = self._client.create_experiment(self._experiment, location, _KIND)
        else:
            self._experiment_id = experiment.experiment_id
        if changed:
            self._client.restore_experiment(self._experiment_id)
            self.said.append(f"the experiment {self._experiment!r} had been deleted there; it was restored")
        self._runs.clear()
        there = self._there()
        deleted = [run for run in there.values() if run.info.lifecycle_stage == "deleted"]
        for run in deleted:
            self._client.restore_run(run.info.run_id)
        if deleted:
            self.said.append(f"{len(deleted)} run(s) had been deleted there; they were restored")
        return self._believe(there) or changed or bool(deleted)

    def _believe(self, there: Mapping[str, Any]) -> bool:
        """Goes back in the journal to where the store has lost something, by the runs ``there`` that it has.
        Returns whether it has lost anything.
        """
        sent, aside = self.journal.sent(self.store), self.journal.aside(self.store)
        started, begin = set(), 0
        for record, end in self.journal.read():
            if record["op"] == "start" and end <= sent and begin not in aside:
                started.add(self._tag(record["run"]))
            begin = end
        if not started:
            return False
        has, parent = 0, there.get(self._tag(""))
        if started <= there.keys() and parent is not None:
            told = parent.data.tags.get(_SENT, "")
            noted = int(told) if told.isdigit() else 0
            # What it was sent after the last note counts as long as it still has that note.
            has = sent if noted >= self.journal.noted(self.store) else noted
        if has == sent:
            return False
        self.journal.mark_sent(self.store, has, [begin for begin in aside if begin < has])
        self.said.append("it lacked part of what it had been sent; that was sent again")
        return True

    def _there(self) -> dict[str, Any]:
        """The runs of this journal that the store has, by their key. Deleted runs are among them."""
        from mlflow.entities import ViewType

        runs: dict[str, Any] = {}
        token = None
        while token != "":
            page = self._client.search_runs(
                [self._experiment_id],
                f"tags.`{_KEY}` LIKE '{self._tag('%')}'",
                ViewType.ALL,
                max_results=1000,
                page_token=token,
            )
            runs |= {run.data.tags[_KEY]: run for run in page}
            token = page.token or ""
        return {key: run for key, run in runs.items() if key.startswith(self._tag(""))}

    def _note(self, sent: int) -> None:
        """Notes in the store itself how far it has come."""
        try:
            self._client.set_tag(self._run(""), _SENT, str(sent))
        except Exception as error:
            if not _is_final(error):
                raise
        else:
            self.journal.mark_noted(self.store, sent)

    def _send(self, record: Mapping[str, Any]) -> None:
        match record["op"]:
            case "start":
                self._start(record)
            case "params":
                self._choose(self._run(record["run"]), record["params"])
            case "metrics":
                self._log_metrics(self._run(record["run"]), record["metrics"], record["time"], record["step"])
            case "artifact":
                path = _inside(self.journal.folder, record["path"])
                if not path.is_file():
                    raise LookupError(f"{path}: no such file")
                if record["subdir"] is not None:
                    _inside(self.journal.folder, record["subdir"])
                self._artifacts(record["run"]).log_artifact(str(path), record["subdir"])
            case "text":
                file = _inside(self.journal.folder, record["file"]).name
                subdir = record["file"].rpartition("/")[0] or None
                with tempfile.TemporaryDirectory() as place:
                    (Path(place) / file).write_text(record["text"], encoding="utf-8")
                    self._artifacts(record["run"]).log_artifact(f"{place}/{file}", subdir)
            case "view":
                value = view_state(
                    record["name"],
                    self._run(""),
                    record["searched"],
                    record["objective"],
                    record["mode"],
                    record["time"],
                    # an older journal has neither key
                    order=record.get("order", record["objective"]),
                    kind=record.get("kind", "sweep"),
                )
                self._client.set_experiment_tag(self._experiment_id, view_tag(self._key), value)
            case "end":
                run = self._run(record["run"])
                self._log_tags(run, record["tags"])
                self._client.set_terminated(run, record["status"], end_time=record["time"])

    def _start(self, record: Mapping[str, Any]) -> None:
        run = self._find(record["run"])
        if run is None:
            tags = {_KEY: self._tag(record["run"])}
            if record["run"]:
                tags["mlflow.parentRunId"] = self._run("")
            created = self._client.create_run(
                self._experiment_id, start_time=record["time"], tags=tags, run_name=record["name"]
            )
            run = created.info.run_id
        else:
            self._client.update_run(run, status="RUNNING")
        self._runs[record["run"]] = run
        self._log_params(run, record["params"])
        self._log_tags(run, record["tags"])

    def _artifacts(self, name: str) -> Any:
        run = self._client.get_run(self._run(name))
        return artifact_place(run.info.artifact_uri, self.uri)

    def _run(self, name: str) -> str:
        if name not in self._runs:
            run = self._find(name)
            if run is None:
                raise LookupError(f"{name or 'the sweep'} has no run in {self.store}")
            self._runs[name] = run
        return self._runs[name]

    def _find(self, name: str) -> str | None:
        hits = self._client.search_runs(
            [self._experiment_id], f"tags.`{_KEY}` = '{self._tag(name)}'", max_results=1
        )
        return hits[0].info.run_id if hits else None

    def _tag(self, name: str) -> str:
        return f"{self._key}/{name}".replace("'", "_")

    def _log_params(self, run: str, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        # MLflow forbids that a parameter changes, and refuses the whole call: a resumed run keeps what it was
        # started with.
        have = self._client.get_run(run).data.params
        fresh = [Param(name, value) for name, value in params.items() if name not in have]
        for part in _chunks(fresh, _PARAMS_A_CALL):
            self._client.log_batch(run, params=part)

    def _choose(self, run: str, params: Mapping[str, str]) -> None:
        """Logs what was chosen.

        Something else may have been chosen before, by a search that has had more trials since. Its parameters
        stay. Tags then say which of them are outdated, and what is chosen now.
        """
        self._log_params(run, params)
        known = self._client.get_run(run).data
        past = [name for name, value in params.items() if known.params[name] != value]
        if past or _PAST in known.tags:
            chosen = {f"chosen.{name}": value for name, value in params.items()}
            self._log_tags(run, chosen | {_PAST: ", ".join(past)})

    def _log_metrics(self, run: str, metrics: Mapping[str, float], time: int, step: int) -> None:
        from mlflow.entities import Metric

        points = [Metric(name, value, time, step) for name, value in metrics.items()]
        for part in _chunks(points, _METRICS_A_CALL):
            self._client.log_batch(run, metrics=part)

    def _log_tags(self, run: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        for part in _chunks([RunTag(name, value) for name, value in tags.items()], _PARAMS_A_CALL):
            self._client.log_batch(run, tags=part)


def _inside(folder: Path, name: str) -> Path:
    """A path in the journal's own folder. Anybody may have written the journal, so that it may name no other
    file.
    """
    try:
        return inside(folder, name, links=False)
    except UserError as error:
        raise LookupError(str(error)) from error


def _chunks(items: list, size: int) -> Iterator[list]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _is_final(error: Exception) -> bool:
    """Whether sending again can never help, because the store understood and refused, or the file does not
    exist.
    """
    if isinstance(error, (LookupError, FileNotFoundError, ImportError)):
        return True
    return getattr(error, "error_code", None) in _FINAL
