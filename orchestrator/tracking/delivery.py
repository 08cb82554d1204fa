"""From the journal to an MLflow store."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator.errors import UserError
from orchestrator.inside import inside

from .journal import Journal
from .store import artifact_location, check_own_database, making_tables, own_database, without_password
from .view import page_path, view_state, view_tag

_METRICS_A_CALL, _PARAMS_A_CALL = 1000, 100  # MLflow's own limits of one log_batch
_KEY = "orchestrator.key"  # the tag by which a run is found again
_PAST = "params.of_an_earlier_choice"  # the tag that names parameters of which another value is chosen now


class Delivery:
    """Sends a journal's records, in order, and notes after each how far it came.

    Every record can be sent twice without harm: runs are found by a key tag, points carry the journal's time.
    So a crash between sending and noting duplicates nothing. ``rejected`` holds what the store refused for
    good, a line each.
    """

    def __init__(self, journal: Journal, uri: str, experiment: str, key: str) -> None:
        self.journal = journal
        self.uri = uri
        self.store = without_password(uri)
        self.sent = 0
        self.rejected: list[str] = []
        self._experiment = experiment
        self._key = key
        self._client: Any = None
        self._experiment_id = ""
        self._runs: dict[str, str] = {}

    def pump(self) -> None:
        """Send all that is unsent. Any exception means: nothing more went, try again later."""
        if not self.journal.hold():
            raise UserError(f"another process is sending {self.journal.path}")
        if self._client is None:
            self._connect()
        for record, offset in self.journal.read(self.journal.sent(self.store)):
            if record["op"] != "open":
                try:
                    self._send(record)
                    self.sent += 1
                except Exception as error:
                    if not _is_final(error):
                        raise
                    what = f"{record['op']} of {record['run'] or 'the sweep'}"
                    self.rejected.append(f"{what}: {self.explain(error)}")
            self.journal.mark_sent(self.store, offset)

    def explain(self, error: Exception) -> str:
        """One line on ``error``, without the password that an address may hold."""
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        return line.replace(self.uri, self.store)[:300]

    def page(self) -> str:
        """The path of the run's comparison page on its server; of the first one while the store has not been
        reached.
        """
        return page_path(self._experiment_id, self._key) if self._experiment_id else "/"

    def _connect(self) -> None:
        # A dead server must cost seconds, not MLflow's default of minutes; and a sweep sends nothing about
        # itself anywhere.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        from mlflow import MlflowClient

        logging.getLogger("alembic").setLevel(logging.WARNING)
        # Prints the stack of what it raises: whoever sends says what did not arrive, and why, in one line.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        runs = self.journal.folder.parent
        if self.uri == own_database(runs):
            check_own_database(runs)
        with making_tables(self.uri):
            client = MlflowClient(self.uri)
            found = client.get_experiment_by_name(self._experiment)
            if found is None:
                location = artifact_location(runs, self.uri)
                self._experiment_id = client.create_experiment(self._experiment, location)
            else:
                self._experiment_id = found.experiment_id
                if found.lifecycle_stage == "deleted":
                    client.restore_experiment(self._experiment_id)
        self._client = client

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
                self._client.log_artifact(self._run(record["run"]), str(path), record["subdir"])
            case "text":
                _inside(self.journal.folder, record["file"])
                self._client.log_text(self._run(record["run"]), record["text"], record["file"])
            case "view":
                value = view_state(
                    record["name"],
                    self._run(""),
                    record["searched"],
                    record["objective"],
                    record["mode"],
                    record["time"],
                    # An older journal's has neither.
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

        # MLflow forbids a parameter to change and refuses the whole call: a resumed run keeps what it was
        # started with.
        have = self._client.get_run(run).data.params
        fresh = [Param(name, value) for name, value in params.items() if name not in have]
        for part in _chunks(fresh, _PARAMS_A_CALL):
            self._client.log_batch(run, params=part)

    def _choose(self, run: str, params: Mapping[str, str]) -> None:
        """Logs what was chosen. Where something else was chosen before, as by a search that has had more
        trials since, its parameters stay: tags say which of them are of the past, and what is chosen now.
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
    """A journal is whoever's wrote it: it names files of its own folder alone."""
    try:
        return inside(folder, name, links=False)
    except UserError as error:
        raise LookupError(str(error)) from error


def _chunks(items: list, size: int) -> Iterator[list]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _is_final(error: Exception) -> bool:
    """Whether sending again can never help: the store understood and refused, or the file is not there."""
    if isinstance(error, (LookupError, FileNotFoundError, ImportError)):
        return True
    return getattr(error, "error_code", None) in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")
