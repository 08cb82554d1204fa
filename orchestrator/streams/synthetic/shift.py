"""Decides what is new in a task of scenes: things, the style of drawing, or both; and which things tasks
share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from .families import family
from .styles import STYLES, Style

Shift = Literal["families", "styles", "domains"]
"""``families``: a task shows a family of things of its own. ``styles``: all tasks show the things of all
families, each task in a style of its own. ``domains``: both a family and a style are the task's own.
"""

GROUPS = 4
"""Groups of things in a scene."""


def task_looks(seed: int, shift: Shift, families: Sequence[int]) -> list[tuple[str, Style]]:
    """The name and the style of each task, in the natural order.

    Args:
        seed: The stream's seed.
        shift: What is new in a task.
        families: Each task's family. There are at most ``len(STYLES)`` of them, except with ``families``.
    """
    names = [family(index).name for index in families]
    if shift == "families":
        return [(name, "plain") for name in names]
    drawn = np.random.default_rng([seed, 2]).permutation(len(STYLES)).tolist()
    styles = [STYLES[number] for _, number in zip(names, drawn, strict=False)]
    if shift == "styles":
        return [(style, style) for style in styles]
    return [(f"{style} {name}", style) for name, style in zip(names, styles, strict=True)]


def group_families(
    rng: np.random.Generator, scenes: int, own: int, families: Sequence[int], shift: Shift, shared: float
) -> np.ndarray:
    """The family of each group of a split's scenes, int (scenes, 4).

    The shares are exact. The number of groups from other families is the whole number nearest to ``shared``
    of all groups, and each other family has as many as the next, or one more. With ``styles`` all families
    have equal shares of all groups.

    Args:
        rng: The generator. It is left alone where all groups are of the task's own family.
        scenes: How many scenes there are.
        own: The task's own family.
        families: The families of all tasks.
        shift: What is new in a task.
        shared: The share of groups that come from other tasks' families, 0 .. 0.5.
    """
    groups = np.full(GROUPS * scenes, own)
    if shift == "styles":
        groups = np.resize(rng.permutation(families), len(groups))
    elif shared:
        others = [index for index in families if index != own]
        count = round(shared * len(groups))
        groups[:count] = np.resize(rng.permutation(others), count)
    else:
        return groups.reshape(scenes, GROUPS)
    rng.shuffle(groups)
    return groups.reshape(scenes, GROUPS)
