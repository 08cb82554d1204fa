"""Writes emoji as data sets, in P9D's layout and in class folders. `emoji.py` calls it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from emoji_packages import Emoji
from PIL import Image


def write_pairs(things: Sequence[Emoji], held_out: str, side: int, folder: Path) -> None:
    """Writes ``json/``, ``train_images/`` and ``gallery_images/``, as P9D has them.

    A task is a group, a ``cate_name`` a subgroup. A title is a thing's name and keywords. The drawings of one
    vendor are test pictures. For retrieval by category each second thing of a subgroup is a query, and the
    others are the gallery, so that a query has one at least.

    Args:
        things: What is written, in the order of the tasks.
        held_out: The vendor whose drawings are tested on.
        side: Of the pictures, in pixels. They are JPEG of quality 95, on white.
        folder: Where it is written.
    """
    for name in ("json", "train_images", "gallery_images"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    train: dict[str, dict[str, dict[str, str]]] = {}
    flat: dict[str, dict[str, dict[str, str]]] = {"test": {}, "query": {}, "gallery": {}}
    seen: dict[tuple[str, str], int] = {}
    for thing in things:
        title = " ".join((thing.name, *thing.keywords))
        record = {"title": title, "cate_name": thing.subgroup}
        number = seen[thing.group, thing.subgroup] = seen.get((thing.group, thing.subgroup), -1) + 1
        for vendor, drawing in thing.drawings.items():
            item = f"{thing.code}-{vendor}"
            images = "gallery_images" if vendor == held_out else "train_images"
            _painted(drawing, side).save(folder / images / f"{item}.jpg", quality=95, subsampling=0)
            if vendor == held_out:
                found = flat["query" if number % 2 else "gallery"]
                found[item] = flat["test"][item] = {**record, "industry_name": thing.group}
            else:
                train.setdefault(thing.group, {})[item] = record
    for name, records in {"train": train, **flat}.items():
        (folder / "json" / f"{name}.json").write_text(json.dumps(records, indent=1), encoding="utf-8")


def write_classes(
    tasks: Mapping[str, Mapping[str, Sequence[Emoji]]], held_out: str, side: int, folder: Path
) -> None:
    """Writes ``train/CLASS/*.png``, ``test/CLASS/*.png`` and ``names.txt``, as ``image-folder`` reads them.

    Folders are named so that the classes of a task follow each other in the stream's natural order.

    Args:
        tasks: Group -> class -> its things.
        held_out: The vendor whose drawings are tested on.
        side: Of the pictures, in pixels.
        folder: Where it is written.
    """
    names = []
    for task, classes in enumerate(tasks.values(), 1):
        for number, (name, things) in enumerate(classes.items(), 1):
            own = f"{task:02d}.{number:03d}_{re.sub('[^a-z0-9]+', '_', name).strip('_')}"
            names.append(f"{own}\t{name}")
            for thing in things:
                for vendor, drawing in thing.drawings.items():
                    place = folder / ("test" if vendor == held_out else "train") / own
                    place.mkdir(parents=True, exist_ok=True)
                    _painted(drawing, side).save(place / f"{thing.code}-{vendor}.png")
    (folder / "names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


def by_group(things: Iterable[Emoji]) -> dict[str, list[Emoji]]:
    """Group -> its things, in the order in which they come."""
    found: dict[str, list[Emoji]] = {}
    for thing in things:
        found.setdefault(thing.group, []).append(thing)
    return found


def _painted(drawing: Image.Image, side: int) -> Image.Image:
    """The drawing on white, RGB, of ``side`` pixels."""
    paper = Image.new("RGBA", drawing.size, "white")
    paper.alpha_composite(drawing)
    return paper.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
