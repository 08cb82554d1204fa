"""Checks that a session can start here, before a run has a name."""

from __future__ import annotations

from ..execution.ray_address import ray_address
from ..machine.process_limits import check_limits


def check_start() -> None:
    """Checks that the cluster to join answers, or that this process may use what a Ray of its own uses.

    Raises:
        UserError: The cluster does not answer, or this process may not. The message is one line.
    """
    if ray_address(check=True) is None:
        check_limits()
