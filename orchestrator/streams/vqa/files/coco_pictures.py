"""COCO's pictures, as pixels or as features of regions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Literal

from ....errors import UserError
from ...called import called
from ...file_content import file_content
from ...is_file import is_file
from ...pictures import FilePictures, RegionPictures
from ...source import Pictures
from .features import region_names

_PARTS = ("train2014", "val2014")
_FEATURES = "COCO/features"
_IMAGES = "COCO/images"


class CocoPictures:
    """COCO's pictures under ``root``.

    They are ``COCO/features/{train,val}2014_obj36.h5``, or ``COCO/images/{train,val}2014/*.jpg``, resized to
    a square of side ``size``. A picture's name is ``COCO_train2014_000000000009``. The files of each of the
    two parts are listed once, when one of its pictures is asked for.
    """

    def __init__(self, root: str, kind: Literal["regions", "pixels"], size: int) -> None:
        self._root = root
        self._kind = kind
        self._size = size
        self._there: dict[str, dict[str, None]] = {}
        self._shapes: dict[str, tuple[int, int]] = {}

    @property
    def regions(self) -> tuple[int, int] | None:
        """(R, F) of the parts that were listed so far; None for pixels."""
        return next(iter(self._shapes.values()), None)

    def fault(self, name: str) -> tuple[str, str] | None:
        """Why there is no picture ``name``, and the reason under which it is counted; None where there is
        one.

        Raises:
            UserError: A file or folder cannot be read.
        """
        part = _part(name)
        if part not in self._there:
            self._there[part] = self._list(part)
        if name in self._there[part]:
            return None
        others = called(self._there[part])
        if self._kind == "regions":
            group, reason = f"group {name} in {_features(part)}", f"no features in {_FEATURES}"
            return f"picture {name} has no features, allowed: one with a {group}, {others}", reason
        return (
            f"picture {name} is not there, allowed: one with {_IMAGES}/{part}/{name}.jpg, {others}",
            f"no picture in {_IMAGES}",
        )

    def pictures(self, names: Sequence[str]) -> Pictures:
        """The pictures with these names, in that order."""
        if self._kind == "pixels":
            paths = [f"{_part(name)}/{name}" for name in names]
            return FilePictures(f"{self._root}/{_IMAGES}", paths, self._size)
        files = [f"{self._root}/{_features(part)}" for part in _PARTS]
        return RegionPictures(files, [_PARTS.index(_part(name)) for name in names], names, self.regions)

    def content(self, names: Iterable[str]) -> bytes:
        """A digest of the pictures with these names, or of the files of features."""
        if self._kind == "regions":
            return file_content(f"{self._root}/{_features(part)}" for part in sorted(self._shapes))
        folder = f"{self._root}/{_IMAGES}"
        return file_content(f"{folder}/{_part(name)}/{name}.jpg" for name in dict.fromkeys(names))

    def _list(self, part: str) -> dict[str, None]:
        """The names of a part's pictures, in order."""
        if self._kind == "regions":
            path = f"{self._root}/{_features(part)}"
            names, shape = region_names(path)
            for other, found in self._shapes.items():
                if found != shape:
                    raise UserError(f"{path}: features {shape}, allowed: {found}, as in {_features(other)}")
            self._shapes[part] = shape
            return dict.fromkeys(sorted(names))
        folder = f"{self._root}/{_IMAGES}/{part}"
        try:
            with os.scandir(folder) as entries:
                names = (
                    e.name.removesuffix(".jpg") for e in entries if e.name.endswith(".jpg") and is_file(e)
                )
                return dict.fromkeys(sorted(names))
        except OSError as error:
            raise UserError(f"{folder}: cannot be read ({error.strerror}), allowed: a folder") from None


def _part(name: str) -> str:
    return _PARTS[0] if name.startswith("COCO_train") else _PARTS[1]


def _features(part: str) -> str:
    return f"{_FEATURES}/{part}_obj36.h5"
