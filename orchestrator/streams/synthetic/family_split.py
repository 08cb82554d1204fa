"""Divides the families into those of pretraining and those of recognition streams."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Literal

import numpy as np

from .drawings import DRAWINGS
from .families import DRAWN

_DRAWN_FOR_PRETRAINING = ("shapes", "sky", "letters", "signs")
_INVENTED_FROM, _INVENTED = 600, 30

PRETRAINING = (
    *(list(DRAWINGS).index(name) for name in _DRAWN_FOR_PRETRAINING),
    *range(_INVENTED_FROM, _INVENTED_FROM + _INVENTED),
)
"""Indices of the families that pretraining sees: a few drawn ones and many invented ones."""

UNSEEN = tuple(range(700, 720))
"""Indices of invented families on which pretraining is judged. No stream has them."""

Families = Literal["known", "new", "mixed"]
"""The families of a recognition stream: those of pretraining, others, or both in turn."""

_MOST_NEW = 500

MOST_TASKS: dict[Families, int] = {"known": len(PRETRAINING), "new": _MOST_NEW, "mixed": 2 * len(PRETRAINING)}
"""The most families that :func:`task_families` gives of each kind."""


def task_families(seed: int, tasks: int, families: Families) -> list[int]:
    """The families of a recognition stream's tasks, in their order.

    The first tasks are the same however many there are.

    Args:
        seed: The stream's seed.
        tasks: How many tasks there are, 1 .. ``MOST_TASKS[families]``.
        families: ``known`` gives the families of pretraining, shuffled by ``seed``. ``new`` gives families
            that pretraining does not see: the drawn ones, shuffled by ``seed``, and then invented ones.
            ``mixed`` takes one of each in turn, a known one first.
    """
    return _ORDERS[families](seed)[:tasks]


def _known(seed: int) -> list[int]:
    return np.random.default_rng([seed, 3]).permutation(PRETRAINING).tolist()


def _new(seed: int) -> list[int]:
    drawn = [i for i in range(DRAWN) if i not in PRETRAINING]
    order = np.random.default_rng([seed, 0]).permutation(drawn).tolist()
    return (order + list(range(DRAWN, DRAWN + _MOST_NEW)))[:_MOST_NEW]


def _mixed(seed: int) -> list[int]:
    return list(chain.from_iterable(zip(_known(seed), _new(seed), strict=False)))


_ORDERS: dict[Families, Callable[[int], list[int]]] = {"known": _known, "new": _new, "mixed": _mixed}
