"""Logs a finished trial as a model of MLflow, in the trial's own entry."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from ..commands.check_kinds import check_kinds
from ..commands.finished_trial import FinishedTrial
from ..commands.load_trial import device_of
from ..errors import UserError
from ..evaluation.trained_predictor import trained_predictor
from ..features.frozen import encoder_fingerprint
from ..storage.identity import Identity
from ..tracking.record_reader import RecordReader
from ..tracking.recorded_run import RecordedRun
from ..tracking.resend import resend
from .logged_model import LoggedModel
from .model_files import ModelFiles
from .model_store import FORBIDDEN, ModelStore
from .picture_gallery import PictureGallery
from .recorded_stream import recorded_stream
from .served_model import ServedModel


def log_trial(
    run: str | Path, trial: str | None = None, gallery: str | Path | None = None, register: str | None = None
) -> LoggedModel:
    """Logs a finished trial as a model of MLflow, see :func:`orchestrator.api.log_model`.

    Args:
        run: A run's name, or its folder.
        trial: A trial's id. None: the best one on validation data.
        gallery: In retrieval a folder with the pictures that texts find. None: each request brings pictures.
        register: A name in MLflow's registry. None: the model is not registered.

    Raises:
        UserError: As of :func:`orchestrator.api.log_model`. The message is one line.
    """
    check_kinds(run=run, trial=trial, gallery=gallery, register=register)
    _check_name(register)
    finished = FinishedTrial.find(run, trial, recorded_stream)
    if gallery is not None and finished.source.scenario != "retrieval":
        raise UserError(
            f"--gallery {gallery}: a method of {finished.source.scenario} searches none; allowed: no gallery"
        )
    recorded = _recorded(finished)
    predictor = trained_predictor(
        finished.config, finished.source, finished.tokenizer, finished.checkpoint.model, device_of(None)
    )
    files = ModelFiles(
        finished.config,
        finished.source,
        finished.checkpoint.model,
        finished.tokenizer,
        encoder_fingerprint(finished.config, predictor.method.spec),
        None if gallery is None else PictureGallery.of(gallery, predictor),
    )
    store = ModelStore(finished.run.parent)
    with tempfile.TemporaryDirectory(prefix="vlcl-") as temporary:
        folder = Path(temporary) / "trial"
        folder.mkdir()
        files.write(folder)
        served = ServedModel.load(folder)  # the files that are logged are those that were seen to answer
        logged = store.log(folder, files, served, recorded)
    version = None if register is None else store.register(logged.id, register, recorded.id)
    uri = f"models:/{logged.id}" if version is None else f"models:/{register}/{version}"
    return LoggedModel(
        finished.run.name,
        finished.id,
        logged.id,
        store.name,
        logged.new,
        logged.bytes,
        version,
        register or "",
        logged.request,
        _command(store.name, uri, logged.request),
    )


def _check_name(register: str | None) -> None:
    if register is not None and (not register.strip() or set(register) & set(FORBIDDEN)):
        raise UserError(f"--register {register}: allowed: a name without {' '.join(FORBIDDEN)}")


def _recorded(finished: FinishedTrial) -> RecordedRun:
    """The trial's entry in MLflow, which has all that the run recorded.

    Raises:
        UserError: The store cannot be reached, or has no such entry. The message is one line.
    """
    resend(finished.run)
    for entry in RecordReader(finished.run.parent).of(Identity.of(finished.run).run):
        if entry.trial == finished.id:
            return entry
    raise UserError(
        f"{finished.run}: MLflow has no entry of {finished.id}; allowed: a trial that was recorded there"
    )


def _command(store: str, uri: str, request: Path | None) -> str:
    asked = "request.json" if request is None else str(request)
    words = [
        "mlflow",
        "models",
        "predict",
        "--model-uri",
        uri,
        "--env-manager",
        "local",
        "--input-path",
        asked,
    ]
    return f"MLFLOW_TRACKING_URI={shlex.quote(store)} {shlex.join(words)}"
