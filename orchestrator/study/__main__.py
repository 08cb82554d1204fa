"""python -m orchestrator.study FILE: methods tuned alike, run over pairs of seed and order, and compared."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from ..commands.arguments import add_version, run_main
from ..commands.command_parser import CommandParser
from ..commands.last_lines import print_last
from ..commands.output import Output
from ..commands.requested_budget import requested_budget
from ..commands.say import Say
from ..config import parse_set
from ..errors import UserError
from ..storage.reference_name import REFERENCES
from ..storage.user_path import user_path
from .study_book import StudyBook
from .study_json import study_json
from .study_request import PAIRS, StudyRequest
from .study_start import StudyStart

_Say = Callable[[str], None]


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    given.references = True if given.references == [] else given.references
    if given.report is not None:
        return _report(parser, given)
    output = Output(given)
    say: _Say = _dropped if output.say is None else output.say
    start = _new(parser, given, say) if given.resume is None else _resumed(parser, given, say)
    if given.dry_run:
        print(start.preview())
        return 0
    ends: list[tuple[StudyBook, int, str]] = []
    with output:
        live = output.live if output.say is not None and output.say.live.seen else None
        status = start.run(output.last, live, lambda *end: ends.append(end))
    if given.json:
        print(study_json(start.study, *ends[0]), flush=True)
    return status


def _dropped(line: str) -> None:
    """Takes a line of progress that nobody wants."""


def _new(parser: CommandParser, given: argparse.Namespace, say: _Say) -> StudyStart:
    options = {
        "question": given.question,
        "methods": given.methods,
        "streams": given.stream,
        "memory": given.memory,
        "trials": given.trials,
        "time": given.time,
        "gpu_hours": given.gpu_hours,
        "protocol": None if given.protocol is None else " ".join(given.protocol),
        "scheduler": given.scheduler,
        "best": given.best,
        "pairs": given.pairs,
        "orders": given.orders,
        "references": given.references,
        "set": parse_set(given.set) or None,
    }
    said = {key: value for key, value in options.items() if value is not None}
    if given.file is None:
        if not given.methods:
            parser.error("name a file, --methods, or --resume NAME")
        return StudyStart.new(StudyRequest.of(said, "study"), given.name, say)
    if said:
        raise UserError(
            f"{given.file} beside {', '.join(said)}: allowed is one of the two, a file or options"
        )
    return StudyStart.new(StudyRequest.read(user_path(given.file, follow=False)), given.name, say)


def _report(parser: CommandParser, given: argparse.Namespace) -> int:
    for name, value in vars(given).items():
        if name != "report" and value != parser.get_default(name):
            raise UserError(f"--report {given.report}: starts nothing; leave out {name.replace('_', '-')}")
    try:
        print_last(StudyStart.recorded(given.report, Say()).report())
    except OSError as error:
        raise UserError(
            f"{error.filename or given.report}: cannot be written ({error.strerror or error}); allowed: a "
            "study's folder with room"
        ) from error
    return 0


def _resumed(parser: CommandParser, given: argparse.Namespace, say: _Say) -> StudyStart:
    for name in ("file", "question", "stream", "memory", "protocol", "scheduler", "set", "name"):
        if getattr(given, name) != parser.get_default(name):
            raise UserError(f"--resume {given.resume}: goes on with what was asked; leave out {name}")
    methods = given.methods or []
    budget = requested_budget(given.trials, given.time, given.gpu_hours)
    grow = {"methods": methods, "pairs": given.pairs, "trials": given.trials, "budget": budget}
    grow |= {"best": given.best, "orders": given.orders}
    return StudyStart.resumed(given.resume, say, **grow, references=given.references)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m orchestrator.study",
        description="Searches each method alike on validation data, runs what was chosen over pairs of seed "
        "and order, and compares the methods on test data.",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="a study's file (study.yaml)")
    add_version(parser)
    parser.add_argument("--question", metavar="TEXT", help="the question, for the result's heading")
    parser.add_argument(
        "--methods",
        nargs="+",
        metavar="METHOD",
        help="the methods; the first is compared with each other one; with --resume further ones, +METHOD",
    )
    parser.add_argument("--stream", nargs="+", metavar="NAME", help="the streams (default: the methods' own)")
    parser.add_argument(
        "--memory", type=int, metavar="N", help="replay memory of every method that has one, in samples"
    )
    parser.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="trials of each search (default: its space's); with --resume in all",
    )
    parser.add_argument(
        "--time",
        metavar="TIME",
        help="in the place of --trials, what training and evaluation of all trials of a search may take "
        "together: 30m, 2h or 1.5h; with --resume in all",
    )
    parser.add_argument(
        "--gpu-hours",
        type=float,
        metavar="N",
        help="the same in GPU-hours: each trial's hours times the GPUs that it holds; with --resume in all",
    )
    parser.add_argument(
        "--protocol",
        nargs="+",
        metavar="NAME",
        help="by which data a search chooses: end-of-stream (the default), first-tasks K, transfer "
        "stream.KEY=VALUE ..., or per-task",
    )
    parser.add_argument(
        "--scheduler",
        metavar="NAME",
        help="the rule that stops poor trials of each search: none (the default), asha or median",
    )
    parser.add_argument(
        "--best",
        type=int,
        metavar="K",
        help="run the K best trials of each search with every pair, and choose one of them by validation "
        "data (default 1); with --resume in all",
    )
    parser.add_argument(
        "--pairs",
        type=int,
        metavar="N",
        help=f"pairs of seed and order (default {PAIRS}); with --resume in all",
    )
    parser.add_argument(
        "--orders",
        choices=["extreme"],
        help="run what was chosen in the order that should be the worst and in the one that should be the "
        "best too, beside the pairs",
    )
    parser.add_argument(
        "--references",
        nargs="*",
        metavar="KIND",
        help=f"reference runs beside the methods: {', '.join(REFERENCES)} (default: all but the last); with "
        "--resume further ones",
    )
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="for all")
    parser.add_argument("--name", metavar="NAME", help="name of the study and of its folder under runs/")
    parser.add_argument("--resume", metavar="NAME", help="go on with a study, or let it grow")
    parser.add_argument(
        "--report", metavar="NAME", help="write a study's result again from what is recorded; start nothing"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be run, and start nothing")
    Output.add_arguments(parser)
    return parser


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
