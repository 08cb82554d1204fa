"""Reads emoji drawings of four vendors from npm packages. `emoji.py` lays them out as data sets."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from orchestrator.errors import UserError

_TABLE = "package/emoji.json"


@dataclass(frozen=True)
class Vendor:
    """The artist of a set of emoji, and the npm package that has it.

    Attributes:
        package, version: The package's name and version.
        pictures: The folder in its archive that has a picture an emoji, named by its code points.
        artist: Who drew them, and what they are called.
        licence: Of the drawings; the package's own code may be under another one.
        without: Unicode's subgroups whose pictures in this package are another vendor's.
    """

    package: str
    version: str
    pictures: str
    artist: str
    licence: str
    without: tuple[str, ...] = ()

    @property
    def archive(self) -> str:
        """The name that ``npm pack`` gives the archive."""
        return f"{self.package.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


VENDORS = {
    "noto": Vendor(
        "emoji-datasource-google",
        "16.0.0",
        "package/img/google/64",
        "Google, Noto Color Emoji",
        "Apache License 2.0",
    ),
    "twemoji": Vendor(
        "emoji-datasource-twitter",
        "16.0.0",
        "package/img/twitter/64",
        "Twitter and contributors, Twemoji",
        "Creative Commons Attribution 4.0",
    ),
    "fluent": Vendor(
        "@lobehub/fluent-emoji-3d",
        "1.1.0",
        "package/assets",
        "Microsoft, Fluent Emoji",
        "MIT",
        # Microsoft draws no flags of countries; the package fills them in with Noto's.
        without=("country-flag", "subdivision-flag"),
    ),
    "emojione": Vendor(
        "emojione",
        "2.2.7",
        "package/assets/png",
        "Emoji One, EmojiOne 2",
        "Creative Commons Attribution 4.0",
    ),
}


@dataclass(frozen=True)
class Emoji:
    """A thing of Unicode's list.

    Attributes:
        code: Its code points, without those that join or vary others: ``1f692``.
        name: Unicode's name, in small letters: ``fire engine``.
        keywords: Words of its short names that the name has not.
        group, subgroup: Unicode's.
        drawings: Vendor -> the drawing, RGBA, a square.
    """

    code: str
    name: str
    keywords: tuple[str, ...]
    group: str
    subgroup: str
    drawings: Mapping[str, Image.Image]


def read_packages(folder: Path) -> list[Emoji]:
    """Reads the four archives.

    Where a vendor draws two things alike, only the one that Unicode had first stays.

    Args:
        folder: The folder with each vendor's archive, as ``npm pack`` writes it.

    Returns:
        The things with at least one drawing, in Unicode's order.

    Raises:
        UserError: An archive is missing, or cannot be read, or a drawing in it.
    """
    missing = [vendor for vendor in VENDORS.values() if not (folder / vendor.archive).is_file()]
    if missing:
        names = " ".join(f"{vendor.package}@{vendor.version}" for vendor in missing)
        raise UserError(
            f"{folder}: has no {missing[0].archive}, allowed: what `npm pack {names}` writes into it"
        )
    read = {name: _archive(folder / vendor.archive, vendor) for name, vendor in VENDORS.items()}
    table = _table(read["noto"], folder / VENDORS["noto"].archive)
    everything = [_emoji(row, read) for row in table]
    age = [tuple(map(int, row["added_in"].split("."))) for row in table]
    seen: set[tuple[str, bytes]] = set()
    kept = []
    for place in sorted(range(len(table)), key=lambda place: (age[place], place)):
        pixels = {
            (vendor, hashlib.sha256(drawing.tobytes()).digest())
            for vendor, drawing in everything[place].drawings.items()
        }
        if pixels and not pixels & seen:
            kept.append(place)
            seen |= pixels
    return [everything[place] for place in sorted(kept)]


def _archive(path: Path, vendor: Vendor) -> dict[str, bytes]:
    """Code -> the picture's bytes; and the table of emoji where this archive has it."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if not member.isfile():
                    continue
                if str(name.parent) == vendor.pictures:
                    # Keycaps are there twice in one package, with and without leading zeros.
                    files.setdefault(_code(name.stem), archive.extractfile(member).read())
                elif member.name == _TABLE and vendor is VENDORS["noto"]:
                    files[_TABLE] = archive.extractfile(member).read()
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise UserError(
            f"{path}: cannot be read ({error}), allowed: an archive of {vendor.package}"
        ) from None
    if not files:
        raise UserError(f"{path}: has no pictures, allowed: some in {vendor.pictures}")
    return files


def _table(files: Mapping[str, bytes], path: Path) -> list[dict[str, Any]]:
    """The rows of the table of emoji, in Unicode's order."""
    try:
        rows = json.loads(files[_TABLE])
    except (KeyError, ValueError):
        raise UserError(f"{path}: has no table of emoji, allowed: JSON in {_TABLE}") from None
    # Components are parts of emoji, such as the five colours of skin.
    return sorted((row for row in rows if row["category"] != "Component"), key=lambda row: row["sort_order"])


def _code(written: str) -> str:
    """Code points without the two by which vendors differ: what varies one, and what joins two."""
    return "-".join(p for p in written.lower().split("-") if p not in ("fe0f", "200d")).lstrip("0")


def _emoji(row: Mapping[str, Any], read: Mapping[str, Mapping[str, bytes]]) -> Emoji:
    code, name = _code(row["unified"]), row["name"].lower()
    words = name.replace(",", " ").split()
    short = [word for short in row["short_names"] for word in re.split("[-_]", short)]
    drawings = {
        vendor: _square(files[code], f"{vendor}'s drawing of {name}")
        for vendor, files in read.items()
        if code in files and row["subcategory"] not in VENDORS[vendor].without
    }
    keywords = tuple(dict.fromkeys(w for w in short if w not in words and any(map(str.isalpha, w))))
    return Emoji(code, name, keywords, row["category"], row["subcategory"], drawings)


def _square(encoded: bytes, whose: str) -> Image.Image:
    """The picture in the middle of a square as large as its longer side."""
    try:
        with Image.open(io.BytesIO(encoded), formats=("PNG", "WEBP")) as image:
            picture = image.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{whose}: cannot be read ({error}), allowed: PNG or WebP") from None
    side = max(picture.size)
    square = Image.new("RGBA", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square
