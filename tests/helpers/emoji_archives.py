"""Archives as `npm pack` writes those that `benchmarks/emoji.py` reads, with a pixel or two a drawing."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

_GOOGLE = "emoji-datasource-google-16.0.0", "package/img/google/64", "png"
_VENDORS = {
    "noto": _GOOGLE,
    "twemoji": ("emoji-datasource-twitter-16.0.0", "package/img/twitter/64", "png"),
    "fluent": ("lobehub-fluent-emoji-3d-1.1.0", "package/assets", "webp"),
    "emojione": ("emojione-2.2.7", "package/assets/png", "png"),
}


def row(
    code: str, name: str, group: str, subgroup: str, order: int, added: str = "1.0", short: Sequence[str] = ()
) -> dict:
    """A row of the table of emoji."""
    return {
        "unified": code.upper(),
        "name": name.upper(),
        "short_names": [name.lower().replace(" ", "_"), *short],
        "category": group,
        "subcategory": subgroup,
        "sort_order": order,
        "added_in": added,
    }


def write_archives(
    folder: Path, rows: Sequence[dict], drawings: Mapping[str, Mapping[str, Image.Image]]
) -> None:
    """Writes the four archives.

    Args:
        folder: Where they are written.
        rows: The table of emoji.
        drawings: Vendor -> name of the file, without its ending -> the drawing.
    """
    for vendor, (archive, pictures, ending) in _VENDORS.items():
        with tarfile.open(folder / f"{archive}.tgz", "w:gz") as file:
            if pictures == _GOOGLE[1]:
                _add(file, "package/emoji.json", json.dumps(rows).encode())
            _add(file, "package/README.md", b"no picture")
            for name, drawing in drawings[vendor].items():
                found = io.BytesIO()
                drawing.save(found, "WEBP" if ending == "webp" else "PNG", lossless=True)
                _add(file, f"{pictures}/{name}.{ending}", found.getvalue())


def write_small_archives(folder: Path) -> None:
    """Two groups: 80 things in one subgroup, and ten in five. All vendors drew all of them."""
    rows = [row(f"{0x1F300 + k:x}", f"thing {k}", "Objects", "tool", k) for k in range(80)]
    rows += [row(f"{0x1F900 + k:x}", f"food {k}", "Food & Drink", f"food-{k % 5}", 80 + k) for k in range(10)]
    colours = {
        vendor: {
            r["unified"].lower(): Image.new("RGBA", (1, 1), (r["sort_order"], 40 * number, 0, 255))
            for r in rows
        }
        for number, vendor in enumerate(_VENDORS)
    }
    write_archives(folder, rows, colours)


def _add(file: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    file.addfile(member, io.BytesIO(content))
