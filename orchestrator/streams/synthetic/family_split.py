"""The families that backbones are pretrained on, and those that recognition streams are made of. No family is
both.
"""

from __future__ import annotations

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
"""Indices of invented families that pretraining is judged on. No stream has them."""

MOST_TASKS = 500
"""The most families that :func:`task_families` gives."""


def task_families(seed: int, tasks: int) -> list[int]:
    """The families of a recognition stream's tasks, in their order.

    The drawn families that pretraining does not see come first, shuffled by ``seed``. Invented ones follow.

    Args:
        seed: The stream's seed.
        tasks: How many tasks there are, 1 .. ``MOST_TASKS``.
    """
    drawn = [i for i in range(DRAWN) if i not in PRETRAINING]
    order = np.random.default_rng([seed, 0]).permutation(drawn).tolist()
    return (order + list(range(DRAWN, DRAWN + tasks)))[:tasks]
