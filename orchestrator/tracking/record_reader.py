"""Reads the record in MLflow, without a folder of a run."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UserError
from .artifact_place import artifact_place
from .moved_record import has_tables, record_where_it_lies
from .names import measured, recorded
from .quiet_client import quiet_client
from .recorded_run import RecordedRun
from .store import check_own_database, own_database, tracking_uri, without_password
from .store_runs import KEY

_T = TypeVar("_T")
_PAGE = 1000  # runs in one request to MLflow


class RecordReader:
    """Reads a store. It writes nothing, except that a moved database is made to look for its files beside
    itself.

    Args:
        runs: The folder that has the database, where ``MLFLOW_TRACKING_URI`` names no store.

    Attributes:
        store: The store's address without a password.

    Raises:
        UserError: There is no record, or the database is not the user's own. The message is one line.
    """

    def __init__(self, runs: Path) -> None:
        uri = tracking_uri(runs)
        self.store = without_password(uri)
        self._uri = uri
        file = Path(uri.removeprefix("sqlite:///"))
        if uri.startswith("sqlite:///"):
            if not file.is_file():
                raise UserError(
                    f"{file}: there is no record; allowed: a folder with mlflow.db in it, or a store's "
                    "address in MLFLOW_TRACKING_URI"
                )
            if uri == own_database(runs):
                check_own_database(runs)
            try:
                if not has_tables(file):  # MLflow would make its own in it
                    raise UserError(
                        f"{file}: is no database of MLflow; allowed: one that runs were recorded in"
                    )
                record_where_it_lies(file)
            except sqlite3.OperationalError:
                pass  # it cannot be written, and is read as it is
            except sqlite3.Error as error:  # MLflow would try again for minutes
                raise UserError(f"{file}: is no database of MLflow ({error})") from None
        self._client = self._ask(lambda: quiet_client(uri))
        self._experiments = [one.experiment_id for one in self._ask(self._all_experiments)]

    def runs(self, condition: str) -> list[RecordedRun]:
        """The runs that commands of this project recorded, in the order in which they began.

        Args:
            condition: A condition on them in MLflow's language, such as ``tags.kind = 'trial'``.

        Raises:
            UserError: The store cannot be read. The message is one line.
        """
        runs = self._ask(lambda: list(self._search(condition)))
        # Of runs that began in the same millisecond MLflow gives any first.
        runs.sort(key=lambda run: (run.info.start_time or 0, run.data.tags[KEY]))
        return [self._run(run) for run in runs]

    def of(self, run: str) -> list[RecordedRun]:
        """A command's run and its trials, by the run's identity.

        Raises:
            UserError: The store cannot be read. The message is one line.
        """
        if not run.isalnum():  # no identity looks like this
            return []
        return self.runs(f"tags.`{KEY}` LIKE '{run}/%'")

    def history(self, run: RecordedRun, metric: str) -> dict[int, float]:
        """Tasks done -> the metric then; empty where the run has none.

        Raises:
            UserError: The store cannot be read. The message is one line.
        """
        if metric not in run.metrics:
            return {}
        points = self._ask(lambda: self._client.get_metric_history(run.id, recorded(metric)))
        # a task that was recorded again counts as it was last
        return {point.step: float(point.value) for point in sorted(points, key=lambda p: p.timestamp)}

    def text(self, run: RecordedRun, path: str) -> str:
        """The text of one of a run's files.

        Raises:
            LookupError: The record has no such file, or it cannot be read. The message is one line.
        """
        return self._file(run, path, lambda file: file.read_text(encoding="utf-8"))

    def data(self, run: RecordedRun, path: str) -> bytes:
        """The bytes of one of a run's files.

        Raises:
            LookupError: As of :meth:`text`.
        """
        return self._file(run, path, Path.read_bytes)

    def _file(self, run: RecordedRun, path: str, read: Callable[[Path], _T]) -> _T:
        with tempfile.TemporaryDirectory() as folder:
            try:
                files = artifact_place(run.artifacts, self._uri)
                return read(Path(files.download_artifacts(path, folder)))
            except Exception as error:  # noqa: BLE001 - whatever the place of artifacts raises
                raise LookupError(
                    f"{run.name}/{run.trial}: no {path} in the record ({self._line(error)})"
                ) from error

    def _all_experiments(self) -> list[Any]:
        entries: list[Any] = []
        token = None
        while token != "":
            page = self._client.search_experiments(max_results=_PAGE, page_token=token)
            entries += page
            token = page.token or ""
        return entries

    def _search(self, condition: str) -> Iterator[Any]:
        token = None
        while token != "":
            page = self._client.search_runs(self._experiments, condition, max_results=_PAGE, page_token=token)
            yield from (run for run in page if "/" in run.data.tags.get(KEY, ""))
            token = page.token or ""

    def _run(self, run: Any) -> RecordedRun:
        tags = dict(run.data.tags)
        key, _, trial = tags[KEY].partition("/")
        return RecordedRun(
            run.info.run_id,
            key,
            trial,
            tags.get("sweep", ""),
            tags,
            dict(run.data.params),
            {measured(name): float(value) for name, value in run.data.metrics.items()},
            (run.info.end_time or 0) / 1000,
            run.info.artifact_uri or "",
        )

    def _ask(self, question: Callable[[], _T]) -> _T:
        try:
            return question()
        except Exception as error:  # MLflow raises many types
            raise UserError(f"{self.store}: the record cannot be read ({self._line(error)})") from error

    def _line(self, error: Exception) -> str:
        """``error`` in one line, without the password that an address may hold."""
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return lines[0].replace(self._uri, self.store)[:200]
