"""The models in an MLflow store."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..config import RunConfig
from ..errors import UserError
from ..record.own_code_tags import own_code_tags
from ..tracking.environment import environment_tags
from ..tracking.moved_record import local_path
from ..tracking.names import TASKS, recorded
from ..tracking.quiet_client import quiet_client
from ..tracking.recorded_run import RecordedRun
from ..tracking.store import tracking_uri, without_password
from .made_with import own_code, requirements
from .model_files import ModelFiles
from .served_model import ServedModel
from .signature import example, signature

_CONTENT = "vlcl.content"  # the tag with the digest of a model's files
FORBIDDEN = "/:.%\"'?"
"""Characters that MLflow allows in no name of a model, or reads otherwise in a model's address."""

_MODEL = "vlcl.model"  # the tag of a version with the id of its model
_LOADER = "orchestrator.serving.pyfunc"
_EXAMPLE = "serving_input_example.json"  # as MLflow calls it
_T = TypeVar("_T")


@dataclass(frozen=True)
class StoredModel:
    """A model that a store has: MLflow's id, whether it was logged now, the bytes of its files, and the file
    with an example of a request, where it lies on this machine.
    """

    id: str
    new: bool
    bytes: int
    request: Path | None


class ModelStore:
    """Logs and registers models.

    Args:
        runs: The folder that has the database, where ``MLFLOW_TRACKING_URI`` names no store.

    Attributes:
        name: The store's address without a password.
    """

    def __init__(self, runs: Path) -> None:
        self._uri = tracking_uri(runs)
        self.name = without_password(self._uri)
        self._client = self._ask(lambda: quiet_client(self._uri))

    def log(self, folder: Path, files: ModelFiles, served: ServedModel, run: RecordedRun) -> StoredModel:
        """Puts a model into the store. Equal models are stored once.

        Args:
            folder: The model's files.
            files: The same, read.
            served: The model that they make.
            run: The trial's entry.

        Raises:
            UserError: The store refuses it, or cannot be reached. The message is one line.
        """
        return self._ask(lambda: self._logged(folder, files, served, run))

    def register(self, model: str, name: str, run: str) -> int:
        """Registers a model, unless it is registered under that name.

        Args:
            model: The model.
            name: The name in the registry.
            run: The trial's entry.

        Returns:
            The number of the model's version under that name.

        Raises:
            UserError: The store has no registry, or refuses. The message is one line.
        """
        return self._ask(lambda: self._registered(model, name, run))

    def _logged(self, folder: Path, files: ModelFiles, served: ServedModel, run: RecordedRun) -> StoredModel:
        tags = {**_told(files.config, run), **environment_tags(), **own_code_tags(files.config)}
        digest = _digest(folder, tags)
        experiment = self._client.get_run(run.id).info.experiment_id
        known = self._client.search_logged_models([experiment], f"tags.`{_CONTENT}` = '{digest}'")
        for model in known:
            if model.source_run_id == run.id and str(model.status) == "READY":
                return self._stored(model, False, int(model.tags.get("vlcl.bytes", 0)))
        model = self._client.create_logged_model(experiment, _name(run), run.id, tags)
        try:
            with tempfile.TemporaryDirectory(prefix="vlcl-") as temporary:
                whole = Path(temporary) / "model"
                self._save(whole, folder, files, served, model, run)
                size = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
                self._client.log_model_artifacts(model.model_id, str(whole))
            self._client.set_logged_model_tags(model.model_id, {_CONTENT: digest, "vlcl.bytes": str(size)})
        except BaseException:
            self._client.finalize_logged_model(model.model_id, "FAILED")
            self._client.delete_logged_model(model.model_id)
            raise
        self._client.finalize_logged_model(model.model_id, "READY")
        self._beside(model.model_id, run)
        return self._stored(model, True, size)

    def _save(
        self, whole: Path, folder: Path, files: ModelFiles, served: ServedModel, model: Any, run: RecordedRun
    ) -> None:
        """Writes the model in MLflow's layout, and tries the example on it."""
        import mlflow.pyfunc
        from mlflow.models import Model

        asked = example(served.predictor, served.gallery is not None)
        served.predict(*asked) if isinstance(asked, tuple) else served.predict(asked)
        head = Model(
            artifact_path=model.artifact_location,
            run_id=run.id,
            model_uuid=model.model_id,
            model_id=model.model_id,
        )
        mlflow.pyfunc.save_model(
            str(whole),
            loader_module=_LOADER,
            data_path=str(folder),
            code_paths=own_code(files.config) or None,
            mlflow_model=head,
            signature=signature(files.source.scenario, len(served.predictor.picture[0]) != 3),
            input_example=asked,
            pip_requirements=requirements(),
            metadata=dict(model.tags),
        )

    def _beside(self, model: str, run: RecordedRun) -> None:
        """Makes the trial's page show the model, and the model's page show the few figures that sum up the
        trial.
        """
        from mlflow.entities import LoggedModelOutput, Metric

        last = int(run.metrics.get(TASKS, 0))
        self._client.log_outputs(run.id, [LoggedModelOutput(model, last)])
        of = {"model_id": model, "run_id": run.id}
        for name in run.metrics:
            if recorded(name) == name and (points := self._client.get_metric_history(run.id, name)):
                point = points[-1]
                told = Metric(name, point.value, point.timestamp, point.step, **of)
                self._client.log_batch(run.id, metrics=[told])

    def _registered(self, model: str, name: str, run: str) -> int:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            for version in self._client.search_model_versions(f"name = '{name}'"):
                if version.tags.get(_MODEL) == model:
                    return int(version.version)
        # A server finds the model by its id; a database would look for the id in the store of the process.
        known = self._uri.startswith("http")
        source = f"models:/{model}" if known else self._client.get_logged_model(model).artifact_location
        made = self._client.create_model_version(name, source, run, {_MODEL: model}, model_id=model)
        return int(made.version)

    def _stored(self, model: Any, new: bool, size: int) -> StoredModel:
        folder = local_path(model.artifact_location)
        request = None if folder is None else folder / _EXAMPLE
        return StoredModel(model.model_id, new, size, request if request and request.is_file() else None)

    def _ask(self, question: Callable[[], _T]) -> _T:
        try:
            return question()
        except UserError:
            raise
        except Exception as error:  # MLflow and the storage of its files raise many types
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(f"MLflow at {self.name}: {line.replace(self._uri, self.name)[:300]}") from error


def _told(config: RunConfig, run: RecordedRun) -> dict[str, str]:
    return {
        "method": config.method_name,
        "stream": config.stream_name,
        "sweep": run.name,
        "trial": run.trial,
    }


def _name(run: RecordedRun) -> str:
    return "".join("-" if letter in FORBIDDEN else letter for letter in f"{run.name}-{run.trial}")


def _digest(folder: Path, tags: Mapping[str, str]) -> str:
    """The sha256 of all files and settings of a model."""
    code = [tags.get(name, "") for name in ("git.commit", "code.own")]
    digest = hashlib.sha256("\n".join([*requirements(), *code]).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"\n{path.relative_to(folder)}\n".encode())
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
