"""Opens the socket on which MLflow's server listens."""

from __future__ import annotations

import errno
import os
import socket

from ..errors import UserError


def loopback_listener(port: int) -> socket.socket:
    """Opens a socket that listens on 127.0.0.1 alone.

    Args:
        port: The port; 0: any free one.

    Raises:
        UserError: ``port`` is taken, is no port, or is not for this user.
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
