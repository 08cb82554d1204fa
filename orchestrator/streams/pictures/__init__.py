"""Pictures of a split, wherever they lie: decoded in memory, encoded in memory, or in files."""

from .array import ArrayPictures
from .encoded import EncodedPictures
from .files import FilePictures
from .folder import FolderPictures

__all__ = ["ArrayPictures", "EncodedPictures", "FilePictures", "FolderPictures"]
