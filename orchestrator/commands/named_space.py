"""Which search space a command line asks for."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..errors import UserError
from ..storage.user_path import user_path


def named_space(method: str, file: str | Path | None) -> str:
    """What :meth:`~orchestrator.search.space.Space.load` takes for METHOD and ``--space FILE``.

    Args:
        method: METHOD of the command line.
        file: FILE of ``--space``; None: the space that is shipped for the method.

    Raises:
        UserError: A file stands in the place of METHOD.
    """
    if method.endswith((".yaml", ".yml")):
        raise UserError(f"{method}: is no method; allowed: METHOD --space {shlex.quote(method)}")
    return str(user_path(file, follow=False)) if file else method
