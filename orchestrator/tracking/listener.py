"""The socket that MLflow's server listens on."""

from __future__ import annotations

import errno
import os
import socket

from ..errors import UserError


def loopback_listener(port: int) -> socket.socket:
    """Listens on 127.0.0.1 alone. ``port``: 0 for any that is free.

    :class:`~orchestrator.errors.UserError`: ``port`` is taken, not a port or not for this user.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        number = getattr(error, "errno", None)
        why = "another program has it" if number == errno.EADDRINUSE else os.strerror(number or errno.ERANGE)
        raise UserError(f"--port {port}: {why}; allowed: a free one up to 65535, 0 for any") from None
    return listener
