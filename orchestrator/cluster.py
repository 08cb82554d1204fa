"""python -m orchestrator.cluster validate: is cluster.yaml one that Ray's launcher takes?"""

from __future__ import annotations

import sys
from pathlib import Path

from .commands.arguments import add_version, run_main
from .commands.command_parser import CommandParser
from .execution.checked_cluster import checked_cluster

_HERE = Path("cluster.yaml")
_SHIPPED = Path(__file__).with_name("cluster.yaml")


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status."""
    parser = CommandParser(
        prog="python -m orchestrator.cluster", description="Looks after the file of Ray's cluster launcher."
    )
    add_version(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("validate", help="check a cluster file, without an account or a machine")
    told = f"default: {_HERE}, or where there is none the one that comes with the package"
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help=told)
    given = parser.parse_args(arguments)
    file = given.file or (_HERE if _HERE.exists() else _SHIPPED)
    print(f"{file}: {checked_cluster(file)}")
    return 0


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
