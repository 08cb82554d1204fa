"""What ended a run that nobody told to end."""

from __future__ import annotations

from .memory_watch import memory_line
from .ray_watch import RayLost

_FULL = "running low on memory"  # in Ray's own words, of which there are thousands


def stopped_by(error: BaseException) -> tuple[str, bool]:
    """One line on it, and whether that is all there is to say: Ray was lost, or did not answer. Of what else
    there may be the traceback is for whoever mends it.
    """
    from ray.exceptions import RayError, RayTaskError

    found: BaseException | None = error
    while found is not None:
        # What a task raised is no error of Ray's.
        if isinstance(found, RayLost | RayError) and not isinstance(found, RayTaskError):
            line = " ".join(str(found).split())
            return memory_line(1) if _FULL in line else line, True
        found = found.__cause__ or found.__context__
    return f"{type(error).__name__}: {' '.join(str(error).split())}", False
