"""P9D's pictures on disk."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator

from ...errors import UserError
from ..is_file import is_file
from .p9d_records import Records


def pictures_folder(split: str) -> str:
    """The folder below the data set's own that has a split's pictures."""
    return "train_images" if split == "train" else "gallery_images"


def drop_missing(
    root: str, records_of: dict[str, dict[str, Records]], bad: Callable[[str, str], None]
) -> dict[tuple[str, str], str]:
    """Leaves out the records without a picture.

    Args:
        root: The data set's folder.
        records_of: Split -> task -> records. Those without a picture are taken out.
        bad: ``bad(message, reason)`` is called for each record that is left out. It may raise.

    Returns:
        (folder, id) -> the picture's name, where the two have the same letters composed in two ways (NFC in a
        list, NFD on a disk of macOS).

    Raises:
        UserError: A folder of pictures cannot be read.
    """
    spelled: dict[tuple[str, str], str] = {}
    for folder in sorted({pictures_folder(split) for split in records_of}):
        of_folder = [s for s in records_of if pictures_folder(s) == folder]
        left = {i for s in of_folder for records in records_of[s].values() for i in records.ids}
        for stem in _stems(f"{root}/{folder}"):
            left.discard(stem)
        if not left:
            continue
        written = {
            unicodedata.normalize("NFC", stem): stem
            for stem in _stems(f"{root}/{folder}")
            if not stem.isascii()
        }
        stems = {item: written.get(unicodedata.normalize("NFC", item)) for item in left}
        spelled |= {(folder, item): stem for item, stem in stems.items() if stem}
        for split in of_folder:
            for name, records in records_of[split].items():
                records_of[split][name] = kept = Records()
                for item, title, category in zip(
                    records.ids, records.titles, records.categories, strict=True
                ):
                    if item in left and (folder, item) not in spelled:
                        message = (
                            f"{root}/json/{split}.json: record {item!r}: has no picture, "
                            f"allowed: one with {folder}/{item}.jpg"
                        )
                        bad(message, f"no picture in {folder}")
                        continue
                    kept.ids.append(item)
                    kept.titles.append(title)
                    kept.categories.append(category)
    return spelled


def _stems(folder: str) -> Iterator[str]:
    """The names, without their ending, of the pictures in a folder."""
    try:
        with os.scandir(folder) as entries:
            yield from (
                e.name.removesuffix(".jpg") for e in entries if e.name.endswith(".jpg") and is_file(e)
            )
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}), allowed: a folder") from None
