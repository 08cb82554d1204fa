"""MLflow's server in this process, behind a login."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

# MLflow checks whether this module is loaded, to know that it runs in a server.
import uvicorn

from ..errors import UserError
from .confined import confine_artifacts
from .gate import Gate
from .mlflow_private import open_stores, server_application, server_variables
from .store import making_tables, without_password

_STOPPING = 1  # seconds that requests under way are given at the end


class Server:
    """MLflow's own application on one store. It answers requests with the password.

    It is one process. Nothing of it is left when that process ends, however it ends, and the password is
    written nowhere.

    Args:
        uri: A database's address.
        artifacts: The URI below which new experiments keep their artifacts. On this machine's disk, artifacts
            are served from there alone.
        proxied: Whether clients send their artifacts through the server, as clients on other machines must.

    Raises:
        UserError: The store cannot be opened.
    """

    def __init__(self, uri: str, artifacts: str, proxied: bool = False) -> None:
        # The environment may have variables for another server.
        for name in [name for name in os.environ if name.startswith(("_MLFLOW_SERVER_", "MLFLOW_SERVER_"))]:
            del os.environ[name]
        # The variable says where this machine's processes send their records, not what is served here.
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        local = artifacts.startswith("file://")
        root = "mlflow-artifacts:/" if proxied else artifacts
        os.environ |= server_variables(uri, root, artifacts if proxied else None)
        confine_artifacts(Path(unquote(urlsplit(artifacts).path)) if local else None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow uses deprecated parts of other packages
            app = server_application()
        try:
            with making_tables(uri):
                open_stores(uri, root)
        except Exception as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            why = said.replace(uri, without_password(uri))[:300]
            raise UserError(f"{without_password(uri)}: cannot be opened: {why}") from error
        self._app = app

    def run(self, listener: socket.socket, password: str, page: str, ready: Callable[[], object]) -> None:
        """Answers until a signal ends it: SIGINT by a KeyboardInterrupt, SIGTERM by the end of this process.

        Args:
            listener: The socket that it answers on.
            password: The password, in ASCII.
            page: See :class:`~orchestrator.tracking.gate.Gate`.
            ready: Called once the server answers.
        """
        gate = Gate(self._app, password, page)
        config = uvicorn.Config(
            gate,
            log_level="error",
            access_log=False,
            # When it starts, MLflow's application removes folders below one in the common /tmp that it finds
            # by name alone. Another user who was there first may have made that name a link to any folder.
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_STOPPING,
        )
        _Announcing(config, ready).run([listener])


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Requests under way are cut off, as intended. uvicorn would print the stack of each.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)
