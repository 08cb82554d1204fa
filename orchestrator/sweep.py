"""python -m orchestrator.sweep METHOD: search a method's hyper-parameters over a stream."""

from __future__ import annotations

import argparse
import sys

from . import api
from .commands.arguments import Say, add_run_arguments, again_values, refuse_with_resume, run_main
from .commands.command_parser import CommandParser
from .commands.last_lines import print_last
from .errors import UserError


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.method == "list":
        for name, value in vars(given).items():
            if name not in ("method", "of") and value != parser.get_default(name):
                raise UserError(
                    f"list: takes a method's name, or nothing; leave out --{name.replace('_', '-')}"
                )
        from .commands.listing import listing

        print(listing(given.of))
        return 0
    if given.of is not None:
        raise UserError(
            f"{given.method} {given.of}: a sweep is of one method; allowed are METHOD and list METHOD"
        )
    if given.resume:
        refuse_with_resume(parser, given, "trials")
    elif given.method is None and given.recipe is None:
        parser.error("name a method, 'list', --recipe NAME, or --resume NAME")
    if given.explain is not None and given.recipe:
        raise UserError(f"--explain beside --recipe {given.recipe}: allowed is METHOD, or --dry-run")
    if given.explain is not None:
        from .commands.explain import explain

        print(explain(given.method, given.explain or None, given.stream, given.set, given.space))
        return 0
    asked = {
        "recipe": given.recipe,
        "space": given.space,
        "stream": given.stream,
        "data": given.data,
        "set": again_values(given),
        "trials": given.trials,
        "concurrent": given.concurrent,
        "margin": given.margin,
        "name": given.name,
        "storage": given.storage,
        "resume": given.resume,
        "say": Say(),
    }
    if given.dry_run:
        print(api.preview_sweep(given.method, **asked))
        return 0
    return api.sweep(given.method, **asked, last=print_last).exit_status


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m orchestrator.sweep",
        description="Searches a method's hyper-parameters over a stream, on all of the machine or cluster.",
        epilog="'list' in the place of METHOD lists methods, streams and search spaces; 'list METHOD' tells "
        "of one.",
    )
    parser.add_argument(
        "method", nargs="?", metavar="METHOD", help="a method, a name or module:Class, or 'list'"
    )
    parser.add_argument("of", nargs="?", metavar="METHOD", help="beside 'list': the method to tell of")
    add_run_arguments(parser)
    parser.add_argument(
        "--trials", type=int, metavar="N", help="trials of the search, in all (default: the search space's)"
    )
    parser.add_argument(
        "--concurrent",
        type=int,
        metavar="N",
        help="trials at once (default: a quarter of them at most, so that TPE has results to go by)",
    )
    parser.add_argument(
        "--margin",
        type=float,
        metavar="POINTS",
        help="what a smaller replay memory may cost of the objective, where replay.size is searched: the "
        "smallest within it of the best is chosen (default: 1; 0: the best)",
    )
    parser.add_argument("--resume", metavar="NAME", help="go on with a sweep that was interrupted")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run, and start nothing")
    parser.add_argument(
        "--explain",
        nargs="?",
        const="",
        metavar="KEY",
        help="tell of a key, a section, or all keys that the configuration has, and start nothing",
    )
    return parser


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
