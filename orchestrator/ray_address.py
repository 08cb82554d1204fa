"""Which Ray a session is to join."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

from .errors import UserError

_ALLOWED = "allowed: HOST:PORT of a head that runs, or unset for a Ray of this machine's own"
_PATIENCE = 10.0  # seconds in which a head must be reached


def ray_address(*, check: bool = False) -> str | None:
    """``$RAY_ADDRESS``; None where a session starts its own Ray: unset, empty or ``local``.

    ``check``: whether something has to listen there.

    :class:`~orchestrator.errors.UserError`: nothing listens there; it is no address; or it is ``auto``, for
    which Ray reads a file that any user of the machine can write, and sends the token to whom that names.
    """
    address = os.environ.get("RAY_ADDRESS", "").strip()
    if address in ("", "local"):
        return None
    if address == "auto":
        raise UserError(f"RAY_ADDRESS=auto: it goes by a file that others can write; {_ALLOWED}")
    if "://" in address:  # of Ray's client, which Ray reads itself
        return address
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, or none that there is
        host = port = None
    if not host or not port:
        raise UserError(f"RAY_ADDRESS={address}: no address; {_ALLOWED}")
    if check:
        try:
            socket.create_connection((host, port), _PATIENCE).close()
        except OSError as error:
            why = error.strerror or error
            raise UserError(f"no Ray at {address} (RAY_ADDRESS): {why}; {_ALLOWED}") from error
    return address
