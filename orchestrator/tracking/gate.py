"""The login in front of MLflow's server."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

USER = "vlcl"
"""Whom the password belongs to."""

LOGIN = "/login"
"""Where a link that carries the password leads."""

_ASSISTANT = "/mlflow/assistant"
# MLflow 3.17 opens its assistant over a third of the first page, once for each address that a browser knows:
# here once for each server.
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
    """An ASGI application that hands ``app`` nothing without the password (HTTP's Basic scheme, RFC 7617):
    401. That holds for every path and for web sockets, so none that MLflow adds is open.

    Nor does it hand on what a page of another address asks with the browser's stored password (403): MLflow
    lets in those of any port of this machine, which may be another user's.

    MLflow's assistant is kept away (403, as MLflow does with it from other machines): it runs commands, and
    takes its sessions from a folder in the common /tmp that any user may have made.

    :data:`LOGIN` leads on to ``page``, a path, at an address without the password in it: pages whose address
    has one may not fetch anything (https://fetch.spec.whatwg.org, the Request constructor). It first tells
    MLflow's pages that the assistant has been seen.

    ``password``: ASCII.
    """

    def __init__(self, app: Any, password: str, page: str = "/") -> None:
        self._app = app
        # A name within ``page`` may be anybody's: no letter of it ends the script.
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
        return await send({"type": "websocket.close", "code": 1008})  # before it was accepted: 403
    length = (b"content-length", str(len(body)).encode())
    fixed = [(b"content-type", kind), (b"cache-control", b"no-store"), length]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})
