"""Writes any stream in P9D's layout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..source import SplitSource, StreamSource

_CHUNK = 256


def write_p9d(source: StreamSource, folder: str | Path) -> None:
    """Writes ``json/*.json``, ``train_images/`` and ``gallery_images/`` (JPEG, quality 95) under ``folder``.

    Validation records join the training file, since P9D has no validation split. Pictures are read and
    written a few at a time.

    Args:
        source: The stream. Its records' ids must differ between its splits and be file names.
        folder: Where it is written.
    """
    folder = Path(folder)
    for name in ("json", "train_images", "gallery_images"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with open(folder / "json" / "train.json", "w", encoding="utf-8") as file:
        for t, task in enumerate(source.tasks):
            file.write(("{" if t == 0 else ",\n") + json.dumps(task.name, ensure_ascii=False) + ": {\n")
            records = (
                record
                for name in ("train", "validation")
                for record in _write_split(source, task.splits[name], folder / "train_images", {})
            )
            _write_lines(file, records)
            file.write("}")
        file.write("}\n")
    present = [n for n in ("test", "query", "gallery") if any(n in t.splits for t in source.tasks)]
    for name in present:
        with open(folder / "json" / f"{name}.json", "w", encoding="utf-8") as file:
            records = (
                record
                for task in source.tasks
                if name in task.splits
                for record in _write_split(
                    source, task.splits[name], folder / "gallery_images", {"industry_name": task.name}
                )
            )
            file.write("{")
            _write_lines(file, records)
            file.write("}\n")


def _write_lines(file, records: Iterator[str]) -> None:
    for number, record in enumerate(records):
        file.write((",\n" if number else "") + record)


def _write_split(
    source: StreamSource, split: SplitSource, images: Path, more: dict[str, str]
) -> Iterator[str]:
    for start in range(0, len(split.label), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(split.label)))
        for row, picture in zip(rows.tolist(), split.pictures.read(rows), strict=True):
            name = split.ids[row]
            Image.fromarray(picture).save(images / f"{name}.jpg", quality=95, subsampling=0)
            record = {"title": split.captions[row], "cate_name": source.categories[split.label[row]], **more}
            yield f"{json.dumps(name)}: {json.dumps(record, ensure_ascii=False)}"
