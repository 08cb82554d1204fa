"""The pictures that a served method of retrieval searches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import UserError
from ..evaluation.predictor import Predictor
from ..storage.user_path import user_path

_NAMES, _ROWS = "gallery.json", "gallery.safetensors"
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff", ".ppm")


@dataclass(frozen=True, eq=False)
class PictureGallery:
    """Pictures, embedded by a method.

    Attributes:
        names: The names of N pictures.
        rows: float32 (N, D), their unit rows.
    """

    names: tuple[str, ...]
    rows: Tensor

    @classmethod
    def of(cls, folder: str | Path, predictor: Predictor) -> PictureGallery:
        """Embeds the pictures in a folder and in the folders below it. Each is named by its path from there,
        and they are sorted.

        Args:
            folder: The folder. Only files with the endings of pictures count.
            predictor: Embeds the pictures.

        Raises:
            UserError: There is no such folder, it has no picture, or a picture cannot be read. The message is
                one line.
        """
        root = user_path(folder)
        if not root.is_dir():
            raise UserError(f"--gallery {folder}: there is no such folder; allowed: one with pictures")
        files = [path for path in root.rglob("*") if path.suffix.lower() in _ENDINGS and path.is_file()]
        names = sorted(path.relative_to(root).as_posix() for path in files)
        if not names:
            raise UserError(
                f"--gallery {folder}: has no picture; allowed: a folder with files {', '.join(_ENDINGS)}"
            )
        rows = predictor.embed_pictures([root / name for name in names])
        return cls(tuple(names), rows.float().cpu())

    @classmethod
    def given(cls, pictures: list[Any], predictor: Predictor) -> PictureGallery:
        """Embeds pictures that a request brings. Their names are their numbers, from 0."""
        rows = predictor.embed_pictures(pictures)
        return cls(tuple(map(str, range(len(pictures)))), rows.float().cpu())

    def best(self, texts: Tensor, most: int) -> tuple[list[list[str]], list[list[float]]]:
        """The names of the pictures that match each of M texts best, best first, and their cosines.

        Args:
            texts: (M, D), unit rows.
            most: The most pictures for each text.
        """
        scores = texts.float().cpu() @ self.rows.T
        order = torch.sort(scores, dim=1, descending=True, stable=True)
        indices, found = order.indices[:, :most].tolist(), order.values[:, :most].tolist()
        return [[self.names[index] for index in row] for row in indices], found

    def write(self, folder: Path) -> None:
        """Writes the gallery's two files."""
        (folder / _NAMES).write_text(json.dumps(self.names, ensure_ascii=False), encoding="utf-8")
        save_file({"rows": self.rows.contiguous()}, folder / _ROWS)

    @classmethod
    def read(cls, folder: Path) -> PictureGallery | None:
        """Reads what :meth:`write` wrote; None where there is no gallery."""
        if not (folder / _NAMES).exists():
            return None
        names = json.loads((folder / _NAMES).read_text(encoding="utf-8"))
        return cls(tuple(names), load_file(folder / _ROWS)["rows"])
