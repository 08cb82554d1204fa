"""Asks the user at the terminal a question."""

from __future__ import annotations

import sys

from ..errors import UserError


def asked_on_terminal(question: str) -> bool:
    """Whether the user says yes. Anything but ``y`` or ``yes`` is a no.

    Raises:
        UserError: There is no terminal. The message is one line.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise UserError(f"{question} Nobody can be asked here; allowed: --yes")
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
