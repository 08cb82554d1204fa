"""python -m orchestrator.train METHOD: walks one configuration over a stream, with the code of a sweep's
trials.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import api
from .commands.arguments import add_run_arguments, again_values, refuse_with_resume, run_main
from .commands.command_parser import CommandParser
from .commands.output import Output
from .storage.user_path import user_path


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.resume:
        refuse_with_resume(parser, given, "no_test")
    elif sum(one is not None for one in (given.method, given.config, given.recipe, given.continue_from)) != 1:
        parser.error("name a method, a --config file, a --recipe or a run to --continue, one of them")
    output = Output(given)
    asked = {
        "config": given.config,
        "recipe": given.recipe,
        "space": given.space,
        "stream": given.stream,
        "data": given.data,
        "set": again_values(given),
        "seeds": given.seeds,
        "concurrent": given.concurrent,
        "test": not given.no_test,
        "name": given.name,
        "storage": given.storage,
        "resume": given.resume,
        "continue_from": given.continue_from,
        "say": output.say,
    }
    if given.dry_run:
        print(api.preview_train(given.method, first=output.first, **asked))
        return 0
    with output:
        return output.end(api.train(given.method, **asked, last=output.last, live=output.live))


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m orchestrator.train",
        description="Walks one configuration of a method over a stream, then looks at test data once.",
    )
    parser.add_argument(
        "method",
        nargs="?",
        metavar="METHOD",
        help="a method, a name or module:Class, at its search space's start values",
    )
    parser.add_argument(
        "--config", type=_path, metavar="FILE", help="a resolved configuration, as every trial keeps one"
    )
    add_run_arguments(parser)
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help="run once for each of these seeds")
    parser.add_argument("--concurrent", type=int, metavar="N", help="seeds at once (default: as many as fit)")
    parser.add_argument(
        "--no-test", action="store_true", help="leave test data alone; --resume NAME looks at it later"
    )
    parser.add_argument("--resume", metavar="NAME", help="go on with a run that was interrupted")
    parser.add_argument(
        "--continue",
        dest="continue_from",
        metavar="RUN",
        help="teach a finished run the tasks that its stream has now beyond those it was trained on; the new "
        "run has a name of its own",
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be run, and start nothing")
    Output.add_arguments(parser)
    return parser


def _path(text: str) -> Path:
    return user_path(text, follow=False)  # a shell leaves --config=~/FILE as it is


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
