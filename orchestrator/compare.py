"""``python -m orchestrator.compare [RUNS]``: tables and pictures of finished runs, or leaderboards from the
record in MLflow alone.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from .commands.arguments import add_version, run_main
from .commands.command_parser import CommandParser
from .errors import UserError
from .leaderboard.alike import CONDITIONS
from .leaderboard.leaderboard import leaderboard
from .leaderboard.leaderboard_files import COMPARED, FORMATS, write_leaderboard
from .leaderboard.wanted import Wanted
from .record.comparison.report import compare
from .storage.full_disk import is_full
from .storage.user_path import user_path

_OF_RECORDS = ("methods", "named", "where", "metric", "allow", "format", "out")  # options that ask for one


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line. The exit status is 0, or 2 with one line on stderr for a
    :class:`~orchestrator.errors.UserError`.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.record or any(getattr(options, name) for name in _OF_RECORDS):
            _leaderboard(options, sys.argv[1:] if arguments is None else arguments)
        else:
            print(compare(options.runs, options.stream))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1 if is_full(error) else 2
    return 0


def _leaderboard(options: argparse.Namespace, arguments: list[str]) -> None:
    where = dict(map(_key_value, options.where))
    wanted = Wanted(options.stream or "", tuple(options.methods), tuple(options.named), where)
    shape = options.format or "md"
    result = leaderboard(
        options.runs,
        wanted,
        metrics=options.metric,
        allowed=CONDITIONS if "all" in options.allow else options.allow,
        page=shape in COMPARED or options.out is not None,
        command=shlex.join(["python", "-m", "orchestrator.compare", *arguments]),
    )
    print(FORMATS[shape](result), end="")
    if options.out is not None:
        files = write_leaderboard(result, options.out)
        print(f"written: {', '.join(map(str, files))}", file=sys.stderr)


def _key_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise UserError(f"--where {text}: allowed is KEY=VALUE, such as replay.size=200")
    return key, value


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m orchestrator.compare",
        description="Tables and pictures of finished runs: mean and sample standard deviation over seeds and "
        "orders. With any option but --stream, a leaderboard from the record in MLflow alone.",
    )
    parser.add_argument(
        "runs",
        nargs="?",
        type=Path,
        default=Path("runs"),
        metavar="RUNS",
        help="the runs folder, or one run's folder in it; of a leaderboard, the folder with mlflow.db, where "
        "MLFLOW_TRACKING_URI names no store (default: runs)",
    )
    parser.add_argument("--stream", metavar="NAME", help="only runs on this stream")
    parser.add_argument(
        "--record",
        action="store_true",
        help="a leaderboard from the record in MLflow, as with any option below",
    )
    each: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    parser.add_argument("--methods", metavar="METHOD", help="only these methods", **each)
    parser.add_argument(
        "--runs", dest="named", metavar="NAME", help="only runs of these names; * is any letters", **each
    )
    parser.add_argument(
        "--where", metavar="KEY=VALUE", help="only runs whose configuration has these values", **each
    )
    parser.add_argument(
        "--metric",
        metavar="NAME",
        help="metrics to show, the first of which ranks: logged ones, ones that follow from the matrix or "
        "from kept predictions, or module:function",
        **each,
    )
    parser.add_argument(
        "--allow",
        choices=[*CONDITIONS, "all"],
        metavar="CONDITION",
        help=f"what rows need not have alike: {', '.join(CONDITIONS)}, or all",
        **each,
    )
    parser.add_argument(
        "--format", choices=list(FORMATS), help=f"what is printed: {', '.join(FORMATS)} (default: md)"
    )
    parser.add_argument(
        "--out",
        type=lambda text: user_path(text, follow=False),
        metavar="FOLDER",
        help="also write all formats, and each run's figures as CSV, into this folder",
    )
    add_version(parser)
    return parser


if __name__ == "__main__":
    run_main(main)
