"""``python -m orchestrator.simulate SWEEP ...``: measures what stopping rules save and cost over recorded
sweeps.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..commands.arguments import add_version, run_main
from ..commands.command_parser import CommandParser
from ..errors import UserError
from ..search.scheduler import TaskScheduler
from ..search.scheduler_choice import SchedulerChoice
from ..storage.plain_name import check_plain
from ..storage.run_folder import RUNS
from .pareto_replay import ParetoReplay
from .recorded_sweep import RecordedSweep
from .replay import Replay
from .scheduler_option import scheduler_option
from .simulated_sweep import METRIC

_RULES = ("asha", "median", "none")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line. The exit status is 0, or 2 with one line on stderr for a
    :class:`~orchestrator.errors.UserError`.
    """
    given = _parser().parse_args(arguments)
    for name in ("trials", "lanes", "draws"):
        if getattr(given, name) < 1:
            raise UserError(f"--{name} {getattr(given, name)}: allowed are whole numbers from 1")
    rules = {text: scheduler_option(text) for text in given.scheduler or _RULES}
    for name in given.sweeps:
        check_plain(name, "a sweep")
    recorded = [RecordedSweep.read(RUNS / name, _metrics(given.objectives)) for name in given.sweeps]
    several = {one.objective is not None for one in recorded}
    if len(several) > 1:
        raise UserError("some of the sweeps have several objectives; allowed: --objectives, the same for all")
    if several == {True}:
        if given.scheduler is None:
            rules = {text: scheduler_option(text) for text in _RULES if text != "median"}
        for choice in rules.values():
            choice.check_several("simulate")
    print(
        f"{given.draws} simulated sweeps of {given.trials} trials on {given.lanes} lanes, drawn from "
        "recorded trials that walked the whole stream\n"
    )
    table = _several if several == {True} else _one
    table(recorded, rules, {"trials": given.trials, "lanes": given.lanes, "sweeps": given.draws})
    if left := [f"{one.name} {one.left_out}" for one in recorded if one.left_out]:
        print(
            f"\nLeft out, as they did not walk the whole stream: {', '.join(left)} trials. A sweep with "
            "--scheduler none has no such trials but those that fail."
        )
    return 0


def _one(
    recorded: Sequence[RecordedSweep], rules: Mapping[str, SchedulerChoice], how: dict[str, int]
) -> None:
    """Prints the table of sweeps with one objective."""
    print("| sweep | trials | scheduler | best stopped, % | regret | training saved, % | time saved, % |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for one in recorded:
        for text, choice in rules.items():
            found = Replay.of(one, partial(_scheduler, choice, one.choices), **how)
            print(
                f"| {one.name} | {len(one.curves)} | {text} | {found.best_stopped:.1f} | "
                f"{found.regret:.2f} | {found.training_saved:.1f} | {found.time_saved:.1f} |",
                flush=True,
            )


def _several(
    recorded: Sequence[RecordedSweep], rules: Mapping[str, SchedulerChoice], how: dict[str, int]
) -> None:
    """Prints the table of sweeps with several objectives."""
    print(
        "| sweep | trials | scheduler | hypervolume, % | in the worst tenth | tasks trained, % "
        "| time saved, % |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for one in recorded:
        for text, choice in rules.items():
            found = ParetoReplay.of(one, partial(_several_scheduler, choice), **how)
            print(
                f"| {one.name} | {len(one.curves)} | {text} | {found.kept:.1f} | {found.least:.1f} | "
                f"{found.trained:.1f} | {found.time_saved:.1f} |",
                flush=True,
            )


def _several_scheduler(choice: SchedulerChoice, recorded: RecordedSweep) -> TaskScheduler:
    goal, tasks = recorded.objective, recorded.curves.shape[1]
    assert goal is not None
    return TaskScheduler(goal.metric, goal.mode, tasks, choice=choice, objective=goal)


def _metrics(given: Sequence[str] | None) -> Sequence[str]:
    found = list(given or ())
    if len(set(found)) < len(found) or len(found) == 1:
        raise UserError(f"--objectives {' '.join(found)}: allowed are two metrics or more, each once")
    return found


def _scheduler(choice: SchedulerChoice, sizes: tuple[Any, ...], mode: str, tasks: int) -> TaskScheduler:
    return TaskScheduler(METRIC, mode, tasks, choice=choice, sizes=sizes)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m orchestrator.simulate",
        description="Replays the recorded curves of sweeps in simulated time under stopping rules: how much "
        "is saved, how often the trial that would have been best is stopped, and what is lost by that. Of "
        "several objectives: how much of the hypervolume is left.",
    )
    parser.add_argument("sweeps", nargs="+", metavar="SWEEP", help="the name of a sweep under runs")
    parser.add_argument(
        "--scheduler",
        nargs="+",
        metavar="NAME",
        help="asha, median or none, with options as median:margin=2,min_trials=4 (default: all that can "
        "compare trials in what is searched for)",
    )
    parser.add_argument(
        "--objectives",
        nargs="+",
        metavar="METRIC",
        help="two or more objectives, each by its better end, as validation/average replay/bytes (default: "
        "what the sweep searched for)",
    )
    parser.add_argument(
        "--trials", type=int, default=16, metavar="N", help="trials of a simulated sweep (16)"
    )
    parser.add_argument("--lanes", type=int, default=2, metavar="N", help="trials at once (2)")
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="simulated sweeps (1000)")
    add_version(parser)
    return parser


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
