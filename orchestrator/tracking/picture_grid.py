"""Puts a run's picture into MLflow's image grid, which sets it beside those of other runs."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Any

from ..storage.run_files import IMPORTANCE_FOLDER
from ..storage.trial_files import MATRIX_PICTURE, TEST_FOLDER

GRID: dict[tuple[str, str | None], str] = {
    (MATRIX_PICTURE, None): "pictures/validation matrix",
    (MATRIX_PICTURE, TEST_FOLDER): "pictures/test matrix",
    ("importance.png", IMPORTANCE_FOLDER): "pictures/importance",
}
"""A picture's file and its folder among the run's files -> its key in the grid. What stands before ``/``
names the section of MLflow's page."""

LOGGED_IMAGES = "mlflow.loggedImages"
"""The tag by which MLflow's page looks for a run's pictures."""

_FOLDER = "images"


def log_in_grid(place: Any, run: str, picture: Path, key: str) -> None:
    """Logs a picture as ``MlflowClient.log_image`` does, whole and as a thumbnail. That would add another one
    where a record is written twice; here the picture takes the place of the earlier one.

    Args:
        place: MLflow's repository of the run's artifacts.
        run: MLflow's id of the run.
        picture: The PNG.
        key: Its key, one of :data:`GRID`.
    """
    from mlflow.tracking.multimedia import compress_image_size
    from PIL import Image

    # MLflow's page reads key, step and time from the name; a "/" in a key is written as "~".
    stable = uuid.uuid5(uuid.NAMESPACE_OID, f"{run} {key}")
    name = f"{key.replace('/', '~')}+step+0+timestamp+0+{stable}"
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder) / f"{name}.png", Path(folder) / f"{name}+compressed.webp"
        whole.write_bytes(picture.read_bytes())
        with Image.open(picture) as image:
            compress_image_size(image.convert("RGB")).save(small)
        for file in (whole, small):
            place.log_artifact(str(file), _FOLDER)
