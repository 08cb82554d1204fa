"""``python -m orchestrator.tracking send FOLDER``: deliver what MLflow could not be told at the time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from orchestrator.errors import UserError

from .tracker import resend


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0; 2 with one line on stderr for a :class:`~orchestrator.errors.UserError`."""
    parser = argparse.ArgumentParser(prog="python -m orchestrator.tracking", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send", help="send a sweep's unsent records (MLFLOW_TRACKING_URI honoured)")
    send.add_argument("folder", type=Path, metavar="FOLDER", help="the sweep's folder, such as runs/NAME")
    options = parser.parse_args(arguments)
    try:
        delivery = resend(options.folder)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{delivery.sent} records sent to {delivery.store}")
    for line in delivery.rejected:
        print(f"refused: {line}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
