"""The address of the Ray that a session joins."""

from __future__ import annotations

import os
import socket
import threading
import time
from urllib.parse import urlsplit

from ..errors import UserError

_ALLOWED = (
    "allowed: HOST:PORT of a head that runs, or unset for a Ray of this machine's own; "
    "see docs/howto/cluster.md#which-address-a-sweep-joins"
)
# A head's answers, at its own port and at the port of Ray's client.
_ASKED = {"": "/ray.rpc.NodeInfoGcsService/GetClusterId", "ray": "/ray.rpc.RayletDriver/ClusterInfo"}
_PATIENCE = 10.0  # seconds in which a head must answer


def ray_address(*, check: bool = False) -> str | None:
    """``$RAY_ADDRESS``; None where a session starts its own Ray, because it is unset, empty or ``local``.

    Args:
        check: Whether a Ray has to answer there, in ten seconds.

    Raises:
        UserError: No Ray answers; it is no address; or it is ``auto``. For ``auto`` Ray reads a file that any
            user of the machine can write, and sends the token to the address in it.
    """
    address = os.environ.get("RAY_ADDRESS", "").strip()
    if address in ("", "local"):
        return None
    if address == "auto":
        raise UserError(f"RAY_ADDRESS=auto: it goes by a file that others can write; {_ALLOWED}")
    scheme, _, host_and_port = address.rpartition("://")
    if scheme not in ("", "ray"):  # Ray reads this itself
        return address
    try:
        parts = urlsplit(f"//{host_and_port}")
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, or too large a one
        host = port = None
    if not host or not port:
        raise UserError(f"RAY_ADDRESS={address}: no address; {_ALLOWED}")
    if check and (why := _why_not(host, port, _ASKED[scheme])):
        raise UserError(f"no Ray at {address} (RAY_ADDRESS): {why}; {_ALLOWED}")
    return address


def _why_not(host: str, port: int, asked: str) -> str:
    """Why no Ray answers there when it is ``asked``; empty where one does."""
    answer = [f"no answer in {_PATIENCE:.0f} s"]

    def look() -> None:
        answer[:] = [_refusal(host, port, asked)]

    # The look-up of a name may take any time, and the process does not wait for it.
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(_PATIENCE)
    return answer[0]


def _refusal(host: str, port: int, asked: str) -> str:
    until = time.monotonic() + _PATIENCE
    try:
        socket.create_connection((host, port), _PATIENCE).close()
    except OSError as error:
        return str(error.strerror or error)
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        return ""
    import grpc

    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with grpc.insecure_channel(where, options=[("grpc.enable_http_proxy", 0)]) as channel:
        ask = channel.unary_unary(asked)
        try:
            ask(b"", timeout=max(0.1, until - time.monotonic()))
        except grpc.RpcError as error:
            # A head that asks for a token refuses to answer, but it is a head.
            silent = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            if error.code() in (*silent, grpc.StatusCode.UNIMPLEMENTED):
                return "what listens there is no head of Ray"
    return ""
