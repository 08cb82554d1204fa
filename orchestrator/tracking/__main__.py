"""``python -m orchestrator.tracking``: shows, delivers and serves the record in MLflow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..commands.arguments import add_version, run_main
from ..commands.command_parser import CommandParser
from ..errors import UserError
from ..serving.log_and_say import log_and_say as log
from ..storage.full_disk import is_full
from .background import serve
from .resend import resend
from .ui import ui as show


def main(arguments: list[str] | None = None) -> int:
    """Runs the command.

    Returns:
        The exit status: 0; 1 where a record was refused or the disk is full; 2, with one line on stderr, for
            another :class:`~orchestrator.errors.UserError`; 130 for Ctrl-C.
    """
    parser = CommandParser(prog="python -m orchestrator.tracking", description=__doc__)
    add_version(parser)
    commands = parser.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send", help="send a sweep's unsent records (MLFLOW_TRACKING_URI honoured)")
    send.add_argument("folder", type=Path, metavar="FOLDER", help="the sweep's folder, such as runs/NAME")
    ui = commands.add_parser("ui", help="show the record in a browser: prints a link, until Ctrl-C")
    which = "a run's, such as runs/NAME, or that of all runs; default: runs"
    ui.add_argument("folder", type=Path, nargs="?", default=Path("runs"), metavar="FOLDER", help=which)
    ui.add_argument(
        "--port", type=int, default=0, help="of 127.0.0.1, to listen on; default: one that is free"
    )
    model = commands.add_parser("model", help="log a finished trial as a model that MLflow serves")
    model.add_argument("run", metavar="RUN", help="the run's name, or its folder")
    model.add_argument("--trial", metavar="ID", help="its trial; default: the best on validation data")
    searched = "retrieval: the pictures that texts find; default: each request brings pictures"
    model.add_argument("--gallery", metavar="FOLDER", help=searched)
    model.add_argument("--register", metavar="NAME", help="make it a version of NAME in MLflow's registry")
    server = commands.add_parser("serve", help="keep a cluster's server running, as cluster.yaml does")
    server.add_argument(
        "folder", type=Path, metavar="FOLDER", help="with the password; gets database and log"
    )
    server.add_argument("--port", type=int, required=True, help="of 127.0.0.1, to listen on")
    server.add_argument("--artifacts", required=True, metavar="URL", help="where artifacts are kept")
    options = parser.parse_args(arguments)
    os.umask(os.umask(0o022) | 0o022)  # as run_main does: only the user may change what the command writes
    try:
        if options.command == "ui":
            return show(options.folder, options.port)
        if options.command == "serve":
            return serve(options.folder, options.port, options.artifacts)
        if options.command == "model":
            return log(options.run, options.trial, options.gallery, options.register)
        delivery = resend(options.folder)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1 if is_full(error) else 2
    except KeyboardInterrupt:
        return 130
    for line in delivery.said:
        print(f"{delivery.store}: {line}")
    print(f"{delivery.sent} records sent to {delivery.store}")
    for line in delivery.rejected:
        print(f"refused: {line}", file=sys.stderr)
    return 1 if delivery.rejected else 0


if __name__ == "__main__":
    run_main(main)
