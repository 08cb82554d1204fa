"""MLflow's own server as one process: ``python mlflow_servers.py STORE ARTIFACTS PORT``.

Each line that it reads starts one, whose number it prints. It is a fork of this process, which has imported
what a server needs, since that takes seconds.
"""

import os
import signal
import sys

import uvicorn

from orchestrator.tracking.mlflow_private import server_application, server_variables


def _serve_on(port):
    os.environ |= server_variables(sys.argv[1], "mlflow-artifacts:/", sys.argv[2])
    application = server_application()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # one that is killed is waited for by nobody
    for _ in sys.stdin:
        if server := os.fork():
            print(server, flush=True)
        else:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            uvicorn.run(application, port=port, lifespan="off", log_level="critical")
            os._exit(0)


if __name__ == "__main__":
    _serve_on(int(sys.argv[3]))
