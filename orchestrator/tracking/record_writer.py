"""Writes records of a journal to an MLflow store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..storage.inside import inside
from .artifact_place import artifact_place
from .picture_grid import GRID, LOGGED_IMAGES, log_in_grid
from .store_runs import StoreRuns
from .view import view_state, view_tag

_METRICS_A_CALL, _PARAMS_A_CALL = 1000, 100  # MLflow's own limits of one log_batch
# the tag that names the parameters for which another value is chosen now
_PAST = "params.of_an_earlier_choice"


class RecordWriter:
    """Writes a journal's records to a store. A record can be written twice without harm.

    Args:
        client: The store's ``MlflowClient``.
        runs: The journal's runs in the store.
        experiment_id: MLflow's id of the experiment.
        key: The key of the journal.
        folder: The journal's folder.
        uri: The store's address.
    """

    def __init__(
        self, client: Any, runs: StoreRuns, experiment_id: str, key: str, folder: Path, uri: str
    ) -> None:
        self._client = client
        self._runs = runs
        self._experiment_id = experiment_id
        self._key = key
        self._folder = folder
        self._uri = uri

    def write(self, record: Mapping[str, Any]) -> None:
        """Writes one record.

        Raises:
            LookupError: The record's run or file does not exist, or the file is not in the journal's folder.
            Exception: Whatever MLflow raises.
        """
        match record["op"]:
            case "start":
                run = self._runs.begin(record["run"], record["name"], record["time"])
                self._log_params(run, record["params"])
                self._log_tags(run, record["tags"])
            case "params":
                self._choose(self._runs.of(record["run"]), record["params"])
            case "metrics":
                run = self._runs.of(record["run"])
                self._log_metrics(run, record["metrics"], record["time"], record["step"])
            case "artifact":
                self._artifact(record)
            case "text":
                self._text(record)
            case "tags":
                self._log_tags(self._runs.of(record["run"]), record["tags"])
            case "view":
                self._view(record)
            case "end":
                run = self._runs.of(record["run"])
                self._log_tags(run, record["tags"])
                self._client.set_terminated(run, record["status"], end_time=record["time"])

    def _artifact(self, record: Mapping[str, Any]) -> None:
        path = _inside(self._folder, record["path"])
        if not path.is_file():
            raise LookupError(f"{path}: no such file")
        if record["subdir"] is not None:
            _inside(self._folder, record["subdir"])
        place = self._artifacts(record["run"])
        place.log_artifact(str(path), record["subdir"])
        if (key := GRID.get((path.name, record["subdir"]))) is not None:
            run = self._runs.of(record["run"])
            log_in_grid(place, run, path, key)
            self._log_tags(run, {LOGGED_IMAGES: "True"})

    def _text(self, record: Mapping[str, Any]) -> None:
        file = _inside(self._folder, record["file"]).name
        subdir = record["file"].rpartition("/")[0] or None
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / file).write_text(record["text"], encoding="utf-8")
            self._artifacts(record["run"]).log_artifact(f"{folder}/{file}", subdir)

    def _view(self, record: Mapping[str, Any]) -> None:
        value = view_state(
            record["name"],
            self._runs.of(""),
            record["searched"],
            record["objective"],
            record["mode"],
            record["time"],
            # an older journal lacks these keys
            order=record.get("order", record["objective"]),
            kind=record.get("kind", "sweep"),
            grouped=record.get("grouped", False),
        )
        self._client.set_experiment_tag(self._experiment_id, view_tag(self._key), value)

    def _artifacts(self, name: str) -> Any:
        run = self._client.get_run(self._runs.of(name))
        return artifact_place(run.info.artifact_uri, self._uri)

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

        A search that has had more trials since may have chosen something else before. Its parameters stay.
        Tags then say which of them are outdated, and what is chosen now.
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
    """A path in the journal's own folder. Anyone may have written the journal, so that it may name no other
    file.
    """
    try:
        return inside(folder, name, links=False)
    except UserError as error:
        raise LookupError(str(error)) from error


def _chunks(items: list, size: int) -> Iterator[list]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
