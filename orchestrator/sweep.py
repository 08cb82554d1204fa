"""python -m orchestrator.sweep METHOD: search a method's hyper-parameters over a stream."""

from __future__ import annotations

import argparse
import sys

from . import api
from .commands.arguments import add_run_arguments, again_values, refuse_with_resume, run_main
from .commands.command_parser import CommandParser
from .commands.output import Output
from .errors import UserError
from .storage.reference_name import REFERENCES
from .storage.run_folder import RUNS

_WORDS = {
    "methods": ("a method's name, or nothing", 0, 1, ()),
    "list": ("nothing: show NAME tells of a run, methods METHOD of a method", 0, 0, ()),
    "show": ("a run's name", 1, 1, ()),
    "rm": ("names of runs", 1, sys.maxsize, ("yes", "checkpoints")),
}
"""Words that may stand in the place of METHOD: the arguments after each, how many at least and at most, and
its options.
"""


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status.

    Raises:
        UserError: The arguments cannot be served. The message is one line.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.method in _WORDS:
        return _word(parser, given)
    if given.of:
        both = " ".join([given.method, *given.of])
        raise UserError(f"{both}: a sweep is of one method; allowed are METHOD, show NAME and rm NAME")
    if given.yes or given.checkpoints:
        raise UserError(f"--{'yes' if given.yes else 'checkpoints'}: allowed beside rm NAME alone")
    if given.resume:
        refuse_with_resume(parser, given, "trials", "time", "gpu_hours", "references")
    elif given.method is None and given.recipe is None:
        parser.error("name a method, --recipe NAME, --resume NAME, or one of methods, list, show, rm")
    output = Output(given)
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
        "time": given.time,
        "gpu_hours": given.gpu_hours,
        "concurrent": given.concurrent,
        "margin": given.margin,
        "first_tasks": given.first_tasks,
        "per_task": given.per_task,
        "sampler": given.sampler,
        "scheduler": given.scheduler,
        "warm_start": given.warm_start,
        "references": True if given.references == [] else given.references,
        "name": given.name,
        "storage": given.storage,
        "resume": given.resume,
        "say": output.say,
    }
    if given.dry_run:
        print(api.preview_sweep(given.method, first=output.first, **asked))
        return 0
    with output:
        return output.end(api.sweep(given.method, **asked, last=output.last, live=output.live))


def _word(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    """Runs the command of a word in the place of METHOD: lists methods or runs, or removes runs."""
    word, names = given.method, given.of
    of, few, many, own = _WORDS[word]
    for name, value in vars(given).items():
        if name not in ("method", "of", *own) and value != parser.get_default(name):
            raise UserError(f"{word}: takes {of}; leave out --{name.replace('_', '-')}")
    if not few <= len(names) <= many:
        raise UserError(f"{' '.join([word, *names])}: allowed is {word} with {of}")
    if word == "methods":
        from .commands.listing import listing

        print(listing(*names))
    elif word == "list":
        from .housekeeping.list_runs import list_runs

        print(list_runs(RUNS))
    elif word == "show":
        from .housekeeping.show_run import show_run

        print(show_run(RUNS, names[0]))
    else:
        _remove(given)
    return 0


def _remove(given: argparse.Namespace) -> None:
    from .housekeeping.asked_on_terminal import asked_on_terminal
    from .housekeeping.free_checkpoints import free_checkpoints
    from .housekeeping.remove_runs import remove_runs

    remove = free_checkpoints if given.checkpoints else remove_runs
    agree = (lambda question: True) if given.yes else asked_on_terminal
    remove(RUNS, given.of, agree, print)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m orchestrator.sweep",
        description="Searches a method's hyper-parameters over a stream, on all of the machine or cluster.",
        epilog="In the place of METHOD, 'methods' lists methods, streams and search spaces, 'methods METHOD' "
        "tells of one; 'list' lists the runs on the disk, 'show NAME' tells of one, 'rm NAME ...' removes "
        "runs.",
    )
    parser.add_argument(
        "method",
        nargs="?",
        metavar="METHOD",
        help="a method, a name or module:Class, or one of 'methods', 'list', 'show', 'rm'",
    )
    parser.add_argument(
        "of",
        nargs="*",
        default=[],
        metavar="NAME",
        help="beside 'methods': the method to tell of; beside 'show' and 'rm': names of runs",
    )
    parser.add_argument(
        "--yes", action="store_true", help="beside 'rm': ask nothing, as is needed where there is no terminal"
    )
    parser.add_argument(
        "--checkpoints",
        action="store_true",
        help="beside 'rm': delete checkpoints alone, those that neither --resume nor a look at test needs",
    )
    add_run_arguments(parser)
    parser.add_argument(
        "--trials", type=int, metavar="N", help="trials of the search, in all (default: the search space's)"
    )
    parser.add_argument(
        "--time",
        metavar="TIME",
        help="in the place of --trials, what training and evaluation of all trials may take together: 30m, "
        "2h or 1.5h; trials are begun until it is used up",
    )
    parser.add_argument(
        "--gpu-hours",
        type=float,
        metavar="N",
        help="the same in GPU-hours: each trial's hours times the GPUs that it holds",
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
    parser.add_argument(
        "--first-tasks",
        type=int,
        metavar="K",
        help="choose by the first K tasks, where trials end; the search sees no later task and no test data "
        "(default: all tasks)",
    )
    parser.add_argument(
        "--per-task",
        action="store_true",
        help="in the place of a search, one trial that chooses at each task by that task alone: the learning "
        "rate, then the strength against forgetting (De Lange et al.)",
    )
    parser.add_argument(
        "--sampler",
        metavar="NAME",
        help="who proposes trials: tpe, random, gp, nsga2, qmc or grid (default: the search space's, or tpe)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="NAME",
        help="which rule stops trials: asha, median or none (default: the search space's, or asha)",
    )
    parser.add_argument(
        "--warm-start",
        nargs="+",
        metavar="NAME",
        help="begin at what these sweeps chose, or at a recipe's values, as far as they fit: these are the "
        "first trials (default: the search space's start)",
    )
    parser.add_argument(
        "--references",
        nargs="*",
        metavar="KIND",
        help=f"reference runs beside the best trial, of the same seed and order: {', '.join(REFERENCES)} "
        "(default: all but the last); with --resume further ones",
    )
    parser.add_argument("--resume", metavar="NAME", help="go on with a sweep that was interrupted")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run, and start nothing")
    Output.add_arguments(parser)
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
