"""Finds the search space that a command line asks for."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..errors import UserError
from ..storage.user_path import user_path

_ENDINGS = (".yaml", ".yml")


def named_space(method: str, file: str | Path | None) -> str:
    """Returns what :meth:`~orchestrator.search.space.Space.load` takes for METHOD and ``--space FILE``.

    Args:
        method: METHOD of the command line.
        file: FILE of ``--space``; None: the space that is shipped for the method.

    Raises:
        UserError: A file stands in the place of METHOD, or FILE is not named as YAML is.
    """
    if method.endswith(_ENDINGS):
        raise UserError(f"{method}: is no method; allowed: METHOD --space {shlex.quote(method)}")
    if file is None:
        return method
    if not str(file).endswith(_ENDINGS):
        raise UserError(f"--space {file}: allowed is a file that ends in {' or '.join(_ENDINGS)}")
    return str(user_path(file, follow=False))
