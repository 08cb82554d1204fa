"""``python -m orchestrator.compare [RUNS] [--stream NAME]``: tables and pictures of finished runs."""

from __future__ import annotations

import sys
from pathlib import Path

from .commands.arguments import add_version, run_main
from .commands.command_parser import CommandParser
from .errors import UserError
from .record.comparison.report import compare
from .storage.full_disk import is_full


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0; 2 with one line on stderr for a :class:`~orchestrator.errors.UserError`."""
    parser = CommandParser(
        prog="python -m orchestrator.compare",
        description="Tables and pictures of finished runs: mean and sample standard deviation over seeds and "
        "orders.",
    )
    parser.add_argument(
        "runs",
        nargs="?",
        type=Path,
        default=Path("runs"),
        metavar="RUNS",
        help="the runs folder, or one run's folder in it (default: runs)",
    )
    parser.add_argument("--stream", metavar="NAME", help="only runs on this stream")
    add_version(parser)
    options = parser.parse_args(arguments)
    try:
        print(compare(options.runs, options.stream))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1 if is_full(error) else 2
    return 0


if __name__ == "__main__":
    run_main(main)
