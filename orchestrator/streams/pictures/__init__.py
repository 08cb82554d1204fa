"""Pictures of a split, wherever they lie: decoded in memory, encoded in memory, or in files."""

from .array import ArrayPictures
from .encoded import EncodedPictures
from .files import FilePictures

__all__ = ["ArrayPictures", "EncodedPictures", "FilePictures"]
