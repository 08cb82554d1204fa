"""Explains why a run ended on its own."""

from __future__ import annotations

from .memory_watch import memory_line
from .ray_watch import RayLost

_FULL = "running low on memory"  # in Ray's own message, which has thousands of words


def stopped_by(error: BaseException) -> tuple[str, bool]:
    """Explains an error that ended a run.

    Returns:
        One line, and whether the line is enough, as where Ray was lost or did not answer. Any other error
        needs its traceback to be mended.
    """
    from ray.exceptions import RayError, RayTaskError

    cause: BaseException | None = error
    while cause is not None:
        # An error that a task raised is no error of Ray's.
        if isinstance(cause, RayLost | RayError) and not isinstance(cause, RayTaskError):
            line = " ".join(str(cause).split())
            return memory_line(1) if _FULL in line else line, True
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}: {' '.join(str(error).split())}", False
