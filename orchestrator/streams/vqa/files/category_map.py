"""Reads the object that a picture of COCO shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ....errors import UserError
from ...json_file import read_json, shown
from .coco import COCO

_COUNT = len(COCO)


def read_category_map(
    path: str, ids: Literal["remapped", "raw"], bad: Callable[[str, str], None]
) -> dict[str, int]:
    """Reads ``ImgId_cate_map.json``.

    The published file holds COCO's own ids, 1 .. 90, while VQACL's groups number objects 0 .. 79.

    Args:
        path: The file.
        ids: ``remapped`` numbers objects in the order of COCO's ids. ``raw`` takes the ids as they are, as in
            the released code, so that 80 .. 90 are in no group and the others in the group that their number
            happens to belong to.
        bad: ``bad(message, reason)`` is called for an entry that is no id of COCO's, which is left out. It
            may raise.

    Returns:
        Picture -> object, 0 .. 79; -1 for an object that is in no group.

    Raises:
        UserError: The file cannot be read or has another shape.
    """
    layout = "an object, picture to COCO's category id"
    top = read_json(path, layout)
    if not isinstance(top, dict):
        raise UserError(f"{path}: holds {shown(top)}, allowed: {layout}")
    index_of = {number: i for i, number in enumerate(COCO)}
    out = {}
    for picture, number in top.items():
        if type(number) is not int or number not in index_of:
            message = f"{path}: picture {picture!r} has category {shown(number)}, allowed: an id of COCO's"
            bad(message, "category is no id of COCO's")
            continue
        out[picture] = index_of[number] if ids == "remapped" else (number if number < _COUNT else -1)
    return out


def category_names(ids: Literal["remapped", "raw"]) -> list[str]:
    """The names of objects 0 .. 79. With ``raw`` ids some numbers belong to no object, and are called
    ``unused 12``.
    """
    if ids == "remapped":
        return list(COCO.values())
    return [COCO.get(number, f"unused {number}") for number in range(_COUNT)]
