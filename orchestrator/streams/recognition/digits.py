"""``digits``: scikit-learn's handwritten digits, which are real pictures and need no download."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from ..checks import check_share, check_whole
from ..pictures import ArrayPictures
from ..source import StreamSource
from .class_config import ClassConfig
from .class_incremental import Examples, class_incremental

_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class _Config(ClassConfig):
    """Keys of ``digits``: those of all class-incremental streams, and sizes."""

    initial: int = 2
    increment: int | tuple[int, ...] = 2
    templates: str | tuple[str, ...] = "digits"

    image_size: int = 32
    """Side in pixels that the 8x8 pictures are enlarged to (bicubic). Range: 8 to 1024."""

    test: float = 0.2
    """Part of each class's pictures that is tested on, the same for every seed. Range: above 0, at most
    0.5."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("image_size", self.image_size, 8, 1024)
        check_share("test", self.test)


class Digits:
    """1,797 digits of 8x8 grey pixels, white on black. The classes are zero .. nine.

    They are scikit-learn's ``load_digits``: the test part of Alpaydin and Kaynak, *Optical Recognition of
    Handwritten Digits*, UCI 1998. The pictures come in one part. A fifth of each class, the same for every
    seed, is the test split. Pictures are shifted in training and never mirrored, since a mirrored digit is
    another one or none.
    """

    Config = _Config
    scenario = "recognition"
    summary = "handwritten digits of scikit-learn, two new ones a task; needs no data"

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Reads the stream. There is nothing bad to skip."""
        del skip_bad
        images, label = _read()
        array = _enlarged(images, config.image_size)
        examples = Examples(
            pictures=lambda rows: ArrayPictures(array[rows]),
            label=label,
            ids=[f"digit {i}" for i in range(len(array))],
        )
        return class_incremental(
            "digits",
            config,
            _NAMES,
            examples,
            config.test,
            image_size=config.image_size,
            augment="shift",
            content=hashlib.sha256(array).digest(),
        )


def _read() -> tuple[np.ndarray, np.ndarray]:
    """The pictures as float64 (1797, 8, 8) in 0 .. 16, and their digits as int64 (1797,).

    They are read from scikit-learn's own file: to import scikit-learn, and with it SciPy and pandas, takes as
    long as to import torch.
    """
    package = find_spec("sklearn")
    folders = [] if package is None else package.submodule_search_locations or []
    for file in (Path(folder, "datasets", "data", "digits.csv.gz") for folder in folders):
        if file.is_file():
            rows = np.loadtxt(file, delimiter=",")
            return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(int)
    # Another release may keep it elsewhere.
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images, digits.target


def _enlarged(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 (N, size, size, 3) from float (N, 8, 8) in 0 .. 16."""
    grey = np.rint(images * (255 / 16)).astype(np.uint8)
    large = [Image.fromarray(g).resize((size, size), Image.Resampling.BICUBIC) for g in grey]
    return np.repeat(np.stack(large)[..., None], 3, axis=3)
