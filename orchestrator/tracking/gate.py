"""The login in front of MLflow's server."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

USER = "vlcl"
"""The user to whom the password belongs."""

LOGIN = "/login"
"""The path to which a link with the password leads."""

_ASSISTANT = "/mlflow/assistant"
# MLflow 3.17 opens its assistant over a third of the first page, once for each address that a browser knows.
# Here that would be once for each server.
_OPENED = "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1"
_ENTRY = """<!doctype html><meta charset="utf-8"><title>MLflow</title>
<script>
try {{ localStorage.setItem({opened}, "true"); }} catch {{}}
location.replace(location.origin + {page});
</script>
<noscript>MLflow's pages need JavaScript.</noscript>
"""
_HOW = b"A user and a password are asked for: the link that opened the server has both.\n"


class Gate:
    """An ASGI application in front of ``app`` that asks for a password (HTTP's Basic scheme, RFC 7617).

    Without the password the answer is 401, for every path and for web sockets, so that no path that MLflow
    adds is open.

    A page of another address that uses the browser's stored password is refused (403). MLflow would let in
    pages of any port of this machine, which may be another user's.

    MLflow's assistant is refused (403, as MLflow refuses it to other machines). It runs commands, and takes
    its sessions from a folder in the common /tmp that any user may have made.

    :data:`LOGIN` leads on to ``page`` at an address without the password, because a page whose address holds
    one may not fetch anything (https://fetch.spec.whatwg.org, the Request constructor). It first tells
    MLflow's pages that the assistant has been seen.

    Args:
        app: The application behind the gate.
        password: ASCII.
        page: The path that is opened first.
    """

    def __init__(self, app: Any, password: str, page: str = "/") -> None:
        self._app = app
        # Anyone may have chosen a name within ``page``, so that no letter of it may end the script.
        opened, path = (json.dumps(text).replace("<", "\\u003c") for text in (_OPENED, page))
        self._entry = _ENTRY.format(opened=opened, page=path).encode()
        self._wanted = b"Basic " + base64.b64encode(f"{USER}:{password}".encode())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI's single callable."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            headers[name] = headers[name] + b", " + value if name in headers else value
        host = headers.get(b"host", b"")
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._wanted):
            await _answer(scope, send, 401, _HOW, (b"www-authenticate", b'Basic realm="vlcl"'))
        elif headers.get(b"origin", b"http://" + host) not in (b"http://" + host, b"https://" + host):
            await _answer(scope, send, 403, b"A page of another address asked this.\n")
        elif _ASSISTANT in scope["path"]:
            await _answer(scope, send, 403, b"MLflow's assistant is not for this server.\n")
        elif scope["type"] == "http" and scope["path"] == LOGIN:
            await _answer(scope, send, 200, self._entry, kind=b"text/html; charset=utf-8")
        else:
            await self._app(scope, receive, send)


async def _answer(
    scope: Any,
    send: Any,
    status: int,
    body: bytes,
    *headers: tuple[bytes, bytes],
    kind: bytes = b"text/plain",
) -> None:
    if scope["type"] == "websocket":
        # before the socket is accepted, which gives a 403
        return await send({"type": "websocket.close", "code": 1008})
    length = (b"content-length", str(len(body)).encode())
    fixed = [(b"content-type", kind), (b"cache-control", b"no-store"), length]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})
