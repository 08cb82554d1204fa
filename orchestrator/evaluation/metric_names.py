"""Makes names that a record accepts as part of a metric's name."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NOT_ALLOWED = re.compile(r"[^\w. -]")


def metric_names(names: Sequence[str]) -> list[str]:
    """Replaces in each name whatever MLflow does not accept by ``_``.

    A slash is replaced as well, since slashes separate the levels of a metric's name. Where several names
    would become alike, all but the first get a number.
    """
    safe_names: list[str] = []
    for name in names:
        # "a/../b" is no metric's name, so no name may consist of dots.
        safe = _NOT_ALLOWED.sub("_", name).strip(" .") or "_"
        twins = (f"{safe}_{number}" for number in range(2, len(names) + 2))
        safe_names.append(safe if safe not in safe_names else next(t for t in twins if t not in safe_names))
    return safe_names
