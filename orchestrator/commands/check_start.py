"""Whether a session can start here, said before a run has a name."""

from __future__ import annotations

from ..execution.ray_address import ray_address
from ..machine.process_limits import check_limits


def check_start() -> None:
    """:class:`~orchestrator.errors.UserError`: the cluster that is to be joined is not there, or this process
    may not take what a Ray of its own takes.
    """
    if ray_address(check=True) is None:
        check_limits()
