"""Names that a record takes as part of a metric's name."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NOT_ALLOWED = re.compile(r"[^\w. -]")


def metric_names(names: Sequence[str]) -> list[str]:
    """Each name with _ for whatever MLflow does not take, and without slashes, which part levels; those that
    would be alike are numbered.
    """
    found: list[str] = []
    for name in names:
        # "a/../b" is no metric's name: none may be made of dots.
        safe = _NOT_ALLOWED.sub("_", name).strip(" .") or "_"
        twins = (f"{safe}_{number}" for number in range(2, len(names) + 2))
        found.append(safe if safe not in found else next(t for t in twins if t not in found))
    return found
