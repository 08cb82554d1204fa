"""Pictures of a split, wherever they lie: decoded in memory, encoded in memory, in files, or as features."""

from .array import ArrayPictures
from .encoded import EncodedPictures
from .files import FilePictures
from .folder import FolderPictures
from .missing import MissingPictures
from .motion import MotionPictures
from .regions import RegionPictures

__all__ = [
    "ArrayPictures",
    "EncodedPictures",
    "FilePictures",
    "FolderPictures",
    "MissingPictures",
    "MotionPictures",
    "RegionPictures",
]
