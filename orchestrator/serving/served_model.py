"""Serves a trial's method in MLflow: rows of a table in, rows of a table out."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..errors import UserError
from ..evaluation.predictions import AnswerPrediction, ClassPrediction
from ..evaluation.predictor import Predictor
from ..evaluation.trained_predictor import trained_predictor
from ..features.frozen import encoder_fingerprint
from .model_files import ModelFiles
from .picture_gallery import PictureGallery
from .request import Request

if TYPE_CHECKING:
    import pandas as pd


class ServedModel:
    """Answers requests one after another.

    Attributes:
        predictor: The trial's method.
        gallery: See :class:`~.model_files.ModelFiles`.
    """

    def __init__(self, predictor: Predictor, gallery: PictureGallery | None = None) -> None:
        self.predictor = predictor
        self.gallery = gallery
        self._one_at_a_time = threading.Lock()  # deterministic algorithms are a setting of the process

    @classmethod
    def load(cls, folder: str | Path) -> ServedModel:
        """Loads the model whose files lie in a folder. It computes on a GPU where there is one.

        Raises:
            UserError: The files are no model of this project, or the frozen encoder has other weights here.
                The message is one line.
        """
        files = ModelFiles.read(Path(folder))
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        made = trained_predictor(files.config, files.source, files.tokenizer, files.weights, device)
        if files.encoder != encoder_fingerprint(files.config, made.method.spec):
            raise UserError(
                "method.backbone: the frozen encoder's weights here are not those that the method was "
                "trained with; allowed: the same, where the configuration names them"
            )
        return cls(made, files.gallery)

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Answers each row.

        Args:
            model_input: In recognition ``picture``, bytes of a picture's file; in visual question answering
                ``picture`` and ``question``, in retrieval ``text``. Where the stream has features of regions,
                ``regions`` in the place of ``picture``: bytes of a NumPy file of float32 (R, F + 4).
            params: See :class:`~.request.Request`.

        Returns:
            One row for each. In recognition ``class`` and its ``probability``; in retrieval ``pictures``,
            best first, and their ``scores``; in visual question answering ``answer`` and ``score``.

        Raises:
            MlflowException: The request cannot be answered. The message is one line, which a server sends
                with status 400.
        """
        import pandas as pd

        try:
            with self._one_at_a_time:
                return pd.DataFrame(self._answer(Request(model_input, params or {}, self.predictor)))
        except UserError as error:
            from mlflow.exceptions import MlflowException

            raise MlflowException.invalid_parameter_value(str(error)) from None

    def _answer(self, asked: Request) -> dict[str, list[Any]]:
        ask = self.predictor
        if ask.scenario == "retrieval":
            texts, gallery, most = asked.texts("text"), self._searched(asked), asked.most()
            names, scores = gallery.best(ask.embed_texts(texts), most) if texts else ([], [])
            return {"pictures": names, "scores": scores}
        prediction = ask.predict(asked.pictures(), asked.texts("question") if ask.scenario == "vqa" else None)
        if isinstance(prediction, ClassPrediction):
            return {"class": prediction.labels, "probability": prediction.probabilities.max(1).tolist()}
        assert isinstance(prediction, AnswerPrediction)
        return {"answer": prediction.answers, "score": prediction.scores.tolist()}

    def _searched(self, asked: Request) -> PictureGallery:
        if given := asked.gallery():
            return PictureGallery.given(given, self.predictor)
        if self.gallery is None:
            raise UserError(
                "pictures: none are given, and the model was logged without a gallery; allowed: a list of "
                "pictures' files in base64, as the parameter pictures"
            )
        return self.gallery
