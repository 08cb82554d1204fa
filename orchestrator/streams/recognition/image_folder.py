"""``image-folder``: pictures in class folders, or listed with their labels as ImageNet-R is."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import UserError
from ..bad_records import BadRecords
from ..checks import check_share, check_whole
from ..file_content import file_content
from ..pictures import FolderPictures
from ..same_pictures import same_pictures
from ..source import StreamSource
from .check_class_names import check_class_names
from .class_config import ClassConfig
from .class_folders import class_folders
from .class_incremental import Examples, class_incremental
from .class_names import read_class_names
from .joined_classes import joined_classes
from .listed_pictures import PictureList, listed_pictures


@dataclass(frozen=True)
class _Config(ClassConfig):
    """Keys of ``image-folder``: those of all class-incremental streams, and where pictures and names lie."""

    data: str = ""
    """The folder that holds ``train`` and ``test``, or the classes' folders."""

    image_size: int = 224
    """Side in pixels: the short side is resized to it (bicubic) and the centre kept. Range: 16 to 4096.
    Released code: 224 (CLAP4CLIP)."""

    train_list: str = ""
    """A file, in ``data`` or with a whole path, with a line "path label" for each training picture. It goes
    with ``test_list``: both or neither."""

    test_list: str = ""
    """The same for test pictures."""

    names: str = ""
    """A file of class names, in ``data`` or with a whole path: JSON or YAML, folder to name, or a line a
    class, folder, tab, name. Without it a folder's name is its class's, ``_`` a space."""

    test: float = 0.2
    """Part of each class's pictures that is tested on where the data has no test split, the same for every
    seed. Range: above 0, at most 0.5."""

    batches: tuple[tuple[str, ...], ...] = ()
    """Class folders that came later, batch by batch. Each batch is one more task, behind those that
    ``initial``, ``increment`` and ``order`` make of the other folders. Its splits are drawn within it, so
    that nothing before it changes. ``train --continue`` adds a batch of the folders that are new."""

    def __post_init__(self) -> None:
        super().__post_init__()
        listed = [folder for batch in self.batches for folder in batch]
        if not all(self.batches):
            raise ValueError("batches: one is empty, allowed: a class folder in each")
        if twice := [folder for folder in listed if listed.count(folder) > 1]:
            raise ValueError(f"batches: {twice[0]!r} is listed twice, allowed: each folder once")
        check_whole("image_size", self.image_size, 16, 4096)
        check_share("test", self.test)
        if bool(self.train_list) != bool(self.test_list):
            missing = "test_list" if self.train_list else "train_list"
            raise ValueError(f"{missing}: '', allowed: a file, as the other list is given")


class ImageFolder:
    """Pictures of any size, in class folders or in files that are listed with their labels.

    Class folders are ``data/{train,test}/CLASS/*.jpg`` or ``data/CLASS/*.jpg`` (or .png, .webp ...). Lists
    are as the CLAP4CLIP code splits ImageNet-R (``train/n01443537/art_0.jpg 0``). Folders below a class's
    folder belong to the class. Names that begin with a dot are skipped. With lists, the pictures of a label
    lie in one folder. Pictures are read from disk when they are needed. Here it is checked that a file
    exists; whether it can be decoded shows when it is read. Training pictures are mirrored at random, as in
    the CLAP4CLIP code.
    """

    Config = _Config
    scenario = "recognition"
    summary = (
        "class folders or listed pictures; needs data: the folder that holds train/ and test/, or classes"
    )

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Reads the stream. With ``skip_bad``, malformed lines and missing pictures are left out and counted
        by reason.

        Raises:
            UserError: Something is malformed.
        """
        root = config.data
        if not root:
            raise UserError(
                "stream image-folder: no data folder given, allowed: --data DIR with class folders"
            )
        if not os.path.isdir(root):
            raise UserError(f"{root}: no such folder, allowed: one with class folders")
        bad = BadRecords(skip_bad)
        with bad.explaining():
            return _stream(config, bad)

    @staticmethod
    def grown(config: _Config, known: Sequence[str], skip_bad: bool) -> _Config:
        """The configuration with one more batch: the class folders whose names are not ``known``. It is
        unchanged where there are none.

        Args:
            config: The stream.
            known: Class names.
            skip_bad: As of :meth:`load`.
        """
        bad = BadRecords(skip_bad)
        with bad.explaining():
            folders, _ = _found(config, bad)
            listed = {_composed(folder) for batch in config.batches for folder in batch}
            named = zip(folders, _names(config, folders), strict=True)
            new = [f for f, name in named if name not in set(known) and _composed(f) not in listed]
        return replace(config, batches=(*config.batches, tuple(new))) if new else config


def _stream(config: _Config, bad: BadRecords) -> StreamSource:
    folders, parts = _found(config, bad)
    names = _names(config, folders)
    later = {folder for batch in config.batches for folder in batch}
    _check_batches(config, folders, names)
    joined: list[StreamSource] = []
    for batch in ([f for f in folders if _composed(f) not in set(map(_composed, later))], *config.batches):
        joined.append(_part(config, folders, names, parts, batch, bad, first=not joined))
    source = joined_classes(joined)
    return replace(source, remarks=(*bad.remarks, *same_pictures(source.tasks)), crop=True)


def _part(
    config: _Config,
    folders: Sequence[str],
    names: Sequence[str],
    parts: Sequence[PictureList],
    batch: Sequence[str],
    bad: BadRecords,
    *,
    first: bool,
) -> StreamSource:
    """The stream of some class folders alone. The ``first`` ones are divided into tasks as the keys say;
    other ones are one task.
    """
    index_of = {_composed(folder): number for number, folder in enumerate(folders)}
    kept = [index_of[_composed(folder)] for folder in batch]
    own = [_of_classes(part, kept) for part in parts]
    if not first:
        config = replace(config, order="natural", initial=len(kept), increment=1, batches=())
    train, *test = (_examples(config, part) for part in own)
    return class_incremental(
        "image-folder",
        config,
        [names[number] for number in kept],
        train,
        test[0] if test else config.test,
        image_size=config.image_size,
        augment="flip",
        content=file_content(f"{config.data}/{path}" for part in own for path in part.paths),
        origins=[f"folder {folders[number]!r}" for number in kept],
        skipped=bad.counts,
    )


def _of_classes(part: PictureList, kept: Sequence[int]) -> PictureList:
    """The pictures of some classes, which are numbered as ``kept`` lists them."""
    new = {label: number for number, label in enumerate(kept)}
    rows = [(path, new[label]) for path, label in zip(part.paths, part.labels, strict=True) if label in new]
    return PictureList([path for path, _ in rows], [label for _, label in rows])


def _found(config: _Config, bad: BadRecords) -> tuple[list[str], list[PictureList]]:
    """The class folders in the data set's own order, and the pictures of each part."""
    return _listed(config, bad) if config.train_list else class_folders(config.data, bad)


def _check_batches(config: _Config, folders: Sequence[str], names: Sequence[str]) -> None:
    """Checks the batches' folders, and all names together."""
    there = {_composed(folder) for folder in folders}
    listed = [folder for batch in config.batches for folder in batch]
    if missing := [folder for folder in listed if _composed(folder) not in there]:
        raise UserError(f"stream.batches: {missing[0]!r}, allowed: class folders of {config.data}")
    if listed and len(listed) == len(folders):
        raise UserError("stream.batches: they list all class folders, allowed: others, for the tasks before")
    check_class_names("image-folder", names, [f"folder {folder!r}" for folder in folders])


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _listed(config: _Config, bad: BadRecords) -> tuple[list[str], list[PictureList]]:
    """The class folders in the order of the labels, and the pictures of each part."""
    lists = [os.path.join(config.data, path) for path in (config.train_list, config.test_list)]
    parts = [listed_pictures(config.data, path, bad) for path in lists]
    rows = [
        (path, picture, unicodedata.normalize("NFC", os.path.basename(os.path.dirname(picture))), label)
        for path, part in zip(lists, parts, strict=True)
        for picture, label in zip(part.paths, part.labels, strict=True)
    ]
    count = len({folder for _, _, folder, _ in rows})
    folder_of: dict[int, str] = {}
    label_of: dict[str, int] = {}
    seen: set[str] = set()
    for path, picture, folder, label in rows:
        if not 0 <= label < count:
            raise UserError(
                f"{path}: {picture} has label {label}, allowed: 0 .. {count - 1}, one for each of the "
                f"{count} class folders"
            )
        if label_of.setdefault(folder, label) != label:
            raise UserError(f"{path}: {picture} has label {label}, allowed: {label_of[folder]}, its folder's")
        if folder_of.setdefault(label, folder) != folder:
            raise UserError(
                f"{path}: {picture} has label {label}, which is that of {folder_of[label]}, allowed: one "
                "folder a label"
            )
        if picture in seen:
            raise UserError(f"{path}: {picture} is listed twice, allowed: once in both lists together")
        seen.add(picture)
    if not rows:
        raise UserError(f"{lists[0]}: lists no picture, allowed: PATH LABEL lines")
    return [folder_of[label] for label in range(len(folder_of))], parts


def _examples(config: _Config, part: PictureList) -> Examples:
    return Examples(
        pictures=lambda rows: FolderPictures(config.data, [part.paths[r] for r in rows], config.image_size),
        label=np.array(part.labels, np.int64),
        ids=part.paths,
    )


def _names(config: _Config, folders: list[str]) -> list[str]:
    if not config.names:
        return [folder.replace("_", " ") for folder in folders]
    path = os.path.join(config.data, config.names)
    names = read_class_names(path)
    composed = {folder: unicodedata.normalize("NFC", folder) for folder in folders}
    missing = [folder for folder in folders if composed[folder] not in names]
    if missing:
        raise UserError(f"{path}: has no name for the folder {missing[0]!r}, allowed: one for each class")
    return [names[composed[folder]] for folder in folders]
