"""The runs of one journal in an MLflow store."""

from __future__ import annotations

from typing import Any

KEY = "orchestrator.key"
"""The tag by which a run is found again."""


class StoreRuns:
    """The runs of one journal in a store, by the names that the journal gives them: a trial's id, or "" for
    the sweep. A run is found again by a tag.

    Args:
        client: The store's ``MlflowClient``.
        experiment_id: MLflow's id of the experiment.
        key: The key of the journal.
        store: The store's address without a password.
    """

    def __init__(self, client: Any, experiment_id: str, key: str, store: str) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._key = key
        self._store = store
        self._known: dict[str, str] = {}

    def tag(self, name: str) -> str:
        """The value of the tag by which the run of ``name`` is found."""
        return f"{self._key}/{name}".replace("'", "_")

    def there(self) -> dict[str, Any]:
        """The runs of this journal that the store has, by their tag. Deleted runs are among them."""
        from mlflow.entities import ViewType

        runs: dict[str, Any] = {}
        token = None
        while token != "":
            page = self._client.search_runs(
                [self._experiment_id],
                f"tags.`{KEY}` LIKE '{self.tag('%')}'",
                ViewType.ALL,
                max_results=1000,
                page_token=token,
            )
            runs |= {run.data.tags[KEY]: run for run in page}
            token = page.token or ""
        return {key: run for key, run in runs.items() if key.startswith(self.tag(""))}

    def of(self, name: str) -> str:
        """MLflow's id of the run of ``name``.

        Raises:
            LookupError: The store has no such run.
        """
        if name not in self._known:
            run = self._find(name)
            if run is None:
                raise LookupError(f"{name or 'the sweep'} has no run in {self._store}")
            self._known[name] = run
        return self._known[name]

    def begin(self, name: str, title: str, time: int) -> str:
        """Makes the run of ``name``, or takes it up where the store has it.

        Args:
            name: The journal's name of the run.
            title: The name that MLflow shows, where the run is made.
            time: When a run that is made began, in milliseconds since 1970.

        Returns:
            MLflow's id of the run.
        """
        run = self._find(name)
        if run is None:
            tags = {KEY: self.tag(name)}
            if name:
                tags["mlflow.parentRunId"] = self.of("")
            created = self._client.create_run(self._experiment_id, start_time=time, tags=tags, run_name=title)
            run = created.info.run_id
        else:
            self._client.update_run(run, status="RUNNING")
        self._known[name] = run
        return run

    def _find(self, name: str) -> str | None:
        hits = self._client.search_runs(
            [self._experiment_id], f"tags.`{KEY}` = '{self.tag(name)}'", max_results=1
        )
        return hits[0].info.run_id if hits else None
