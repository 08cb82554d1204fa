"""``cifar100``: CIFAR-100 (Krizhevsky, 2009), the published pickle files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UserError
from ..pictures import ArrayPictures
from ..source import StreamSource
from .cifar_pickle import read_cifar_pickle
from .class_config import ClassConfig
from .class_incremental import Examples, class_incremental

_FOLDER = "cifar-100-python"
_FILES = ("train", "test", "meta")
_SIDE = 32


@dataclass(frozen=True)
class _Config(ClassConfig):
    """Keys of ``cifar100``: those of all class-incremental streams, and where the data lies."""

    templates: str | tuple[str, ...] = "cifar"

    data: str = ""
    """The folder that holds ``cifar-100-python``."""

    download: bool = False
    """Whether the data set is fetched into ``data`` (169 MB, through torchvision) where it is not there."""


class Cifar100:
    """60,000 pictures of 32x32 pixels in 100 classes, of which 50,000 are for training.

    ``data`` holds ``cifar-100-python/{train,test,meta}``. The classes are the fine labels, with a space for
    each ``_`` in their names. Training pictures are mirrored at random, as in the CLAP4CLIP code. That code
    also resizes pictures to the encoder's size; here the encoder does so.
    """

    Config = _Config
    scenario = "recognition"
    summary = "CIFAR-100; needs data: the folder that holds cifar-100-python/, or stream.download=true"

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Reads the stream.

        Raises:
            UserError: Something is malformed. Nothing can be left out.
        """
        del skip_bad
        folder = _folder(config)
        meta = f"{folder}/meta"
        names = _entry(read_cifar_pickle(meta), "fine_label_names", meta)
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise UserError(f"{meta}: fine_label_names is no list of text, allowed: the names of the classes")
        digest = hashlib.sha256()
        train, test = (_examples(f"{folder}/{split}", digest) for split in ("train", "test"))
        return class_incremental(
            "cifar100",
            config,
            [n.replace("_", " ") for n in names],
            train,
            test,
            image_size=_SIDE,
            augment="flip",
            content=digest.digest(),
        )


def _folder(config: _Config) -> str:
    layout = f"{_FOLDER}/ with {', '.join(_FILES)}"
    if not config.data:
        raise UserError(f"stream cifar100: no data folder given, allowed: --data DIR with {layout}")
    folder = f"{config.data}/{_FOLDER}"
    missing = [f for f in _FILES if not os.path.exists(f"{folder}/{f}")]
    if missing and config.download:
        _download(config.data, layout)
    elif missing:
        raise UserError(
            f"{folder}/{missing[0]}: no such file, allowed: {layout}, or stream.download=true to fetch them"
        )
    return folder


def _download(root: str, layout: str) -> None:
    # torchvision's dataset class would unpickle what it fetched.
    from torchvision.datasets import CIFAR100
    from torchvision.datasets.utils import download_and_extract_archive

    try:
        download_and_extract_archive(CIFAR100.url, root, filename=CIFAR100.filename, md5=CIFAR100.tgz_md5)
    except Exception as error:  # sockets, HTTP and archives each raise their own types
        reason = " ".join(str(error).split())
        raise UserError(
            f"{CIFAR100.url}: cannot be fetched ({reason}), allowed: a network, or {layout} put into {root}"
        ) from None


def _entry(content: dict[str, Any], key: str, path: str) -> Any:
    if key not in content:
        raise UserError(f"{path}: has no {key}, allowed: a file of CIFAR-100 (not CIFAR-10)")
    return content[key]


def _examples(path: str, digest: hashlib._Hash) -> Examples:
    content = read_cifar_pickle(path)
    data, labels = _entry(content, "data", path), _entry(content, "fine_labels", path)
    row = 3 * _SIDE**2
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != row:
        raise UserError(f"{path}: data is no array of bytes (N, {row}), allowed: one row a picture")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise UserError(f"{path}: fine_labels is no list of integers, allowed: one a picture")
    if any(label.bit_length() > 31 for label in labels):
        raise UserError(f"{path}: fine_labels holds a number of more than 31 bits, allowed: 0 .. 99")
    if len(labels) != len(data):
        raise UserError(f"{path}: {len(data)} pictures and {len(labels)} labels, allowed: as many of each")
    digest.update(data)
    planes = data.reshape(-1, 3, _SIDE, _SIDE)
    split = os.path.basename(path)
    return Examples(
        pictures=lambda rows: ArrayPictures(np.ascontiguousarray(planes[rows].transpose(0, 2, 3, 1))),
        label=np.array(labels, np.int64),
        ids=[f"{split} picture {i}" for i in range(len(data))],
    )
