"""Describes a served model's inputs and outputs in MLflow's terms, with an example."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from methods.method import Scenario

from ..evaluation.predictor import Predictor
from .request import MOST

_TEXTS = ("a picture", "?", "")  # one of them is read whole by every tokenizer


def signature(scenario: Scenario, regions: bool) -> Any:
    """MLflow's ``ModelSignature`` of a scenario.

    Args:
        scenario: The scenario.
        regions: Whether pictures come as features of regions.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array, DataType

    picture = ColSpec(DataType.binary, "regions" if regions else "picture")
    cut = ParamSpec("cut", DataType.boolean, False)
    if scenario == "recognition":
        found = ColSpec(DataType.string, "class"), ColSpec(DataType.double, "probability")
        return ModelSignature(Schema([picture]), Schema(list(found)))
    if scenario == "vqa":
        said = ColSpec(DataType.string, "answer"), ColSpec(DataType.double, "score")
        asked = Schema([picture, ColSpec(DataType.string, "question")])
        return ModelSignature(asked, Schema(list(said)), ParamSchema([cut]))
    ranked = ColSpec(Array(DataType.string), "pictures"), ColSpec(Array(DataType.double), "scores")
    given = ParamSpec("pictures", DataType.string, [], shape=(-1,)), ParamSpec("top", DataType.long, MOST)
    asked = Schema([ColSpec(DataType.string, "text")])
    return ModelSignature(asked, Schema(list(ranked)), ParamSchema([cut, *given]))


def example(predictor: Predictor, gallery: bool) -> Any:
    """A request of one row: a table, or a table and parameters. Its picture is grey.

    Args:
        predictor: The method.
        gallery: Whether the model has a gallery of its own, so that a request brings no pictures.
    """
    import pandas as pd

    shape, kind = predictor.picture
    text = next(text for text in _TEXTS if predictor.first_cut([text]) is None)
    if predictor.scenario == "retrieval":
        table = pd.DataFrame({"text": [text]})
        return table if gallery else (table, {"pictures": [base64.b64encode(_grey(shape)).decode()]})
    if len(shape) == 3:
        row = {"picture": [_grey(shape)]}
    else:
        file = io.BytesIO()
        np.save(file, np.zeros(shape, kind))
        row = {"regions": [file.getvalue()]}
    return pd.DataFrame({**row, "question": [text]} if predictor.scenario == "vqa" else row)


def _grey(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full(shape, 128, np.uint8)).save(file, "PNG")
    return file.getvalue()
