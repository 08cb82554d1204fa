"""What --dry-run prints: everything that is decided before anything starts."""

from __future__ import annotations

from collections.abc import Sequence

from ..config import RunConfig
from ..errors import one_line
from ..execution.ray_address import ray_address
from ..features.seen_in_pretraining import seen_in_pretraining
from ..machine.cpus import usable_cpus
from ..record.memory_worth import MEMORY_SIZE
from ..schema import strict_yaml
from ..search.search_protocol import SearchProtocol
from ..search.space import Space
from ..search.start_point import starts_said
from ..search.what_trials_find import what_trials_find
from ..streams.shown_task import shown_task
from ..streams.size_remarks import size_remarks
from ..streams.source import StreamSource
from .sweep_extent import SweepExtent

_WHOLE = SearchProtocol()


def preview(
    space: Space,
    source: StreamSource,
    extent: SweepExtent,
    concurrent: int | None,
    *,
    test: bool = True,
    protocol: SearchProtocol = _WHOLE,
) -> str:
    """The text for a sweep: its space, resolved configuration, tasks and resources.

    Args:
        space: The search space.
        source: The stream.
        extent: How far it goes.
        concurrent: How many of them run at the same time; None: at most a quarter.
        test: Whether the best trial is tested.
        protocol: By which data the search chooses.
    """
    plan = space.plan(None if extent.budget else extent.trials, concurrent)
    goals = ", ".join(goal.said for goal in space.objective.all)
    largest = space.largest_memory(len(source.categories))
    lines = [
        f"Search: {extent.said} for {goals} ({space.path})",
        f"  {plan.proposals}",
        *([f"  {finds}"] if (finds := what_trials_find(space, plan.trials)) and not plan.given else []),
        *([f"  it begins at {begins}"] if (begins := starts_said(space.starts)) else []),
        f"  {space.scheduler.said}{_after(space.scheduler.stops_after(len(source.tasks)))}",
        *_choice(space),
        *([f"  it chooses by validation data {protocol.said} ({protocol.text})"] if protocol.said else []),
        *([] if test else ["  test data is left alone, as the sweep was asked to"]),
        "",
        *(f"  {line}" for line in space.describe()),
        "",
        *_common(space.config, source, plan.at_once, largest),
    ]
    return "\n".join(lines)


def preview_train(
    config: RunConfig, source: StreamSource, seeds: Sequence[int], concurrent: int | None, *, test: bool
) -> str:
    """The text for fixed configurations: their seeds, resolved configuration, tasks and resources.

    Args:
        config: The configuration.
        source: The stream.
        seeds: The seeds.
        concurrent: How many seeds run at the same time; None: as many as fit.
        test: Whether test data is looked at.
    """
    largest = config.replay.most(len(source.categories))
    at_once = "as many trials at once as fit" if concurrent is None else f"{concurrent} trials at once"
    lines = [f"Runs: seed {', '.join(map(str, seeds))}"]
    if not test:
        lines.append("  test data is left alone; --resume NAME looks at it later")
    return "\n".join([*lines, "", *_common(config, source, at_once, largest)])


def _after(tasks: Sequence[int]) -> str:
    """After which tasks a trial may be stopped."""
    return f", here after task {' or '.join(map(str, tasks))}" if tasks else ""


def _choice(space: Space) -> list[str]:
    """How the search chooses, where it does not simply take the best trial."""
    margin = space.objective.margin
    if space.objective.others:
        return ["  the knee of the Pareto set is suggested, and looked at with test data"]
    if not space.searches(MEMORY_SIZE) or not margin:
        return []
    return [f"  the smallest {MEMORY_SIZE} within {margin:g} of the best is chosen (--margin)"]


def _common(config: RunConfig, source: StreamSource, at_once: str, largest: int) -> list[str]:
    """The part that both texts have. ``largest`` is how many records the memory holds at most."""
    sizes = [{name: len(split.label) for name, split in task.splits.items()} for task in source.tasks]
    columns = list(dict.fromkeys(name for size in sizes for name in size))
    groups = [] if source.tables is None else source.tables.groups
    rows = [["task", "name", *columns, *(["trained on, in this order"] if groups else [])]]
    for number, (task, size) in enumerate(zip(source.tasks, sizes, strict=True), 1):
        inner = [", ".join(groups[g] for g in task.groups)] if groups else []
        name = shown_task(task.name)
        rows.append([str(number), name, *(str(size.get(column, "-")) for column in columns), *inner])
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    remarks = *source.remarks, *seen_in_pretraining(config, source), *size_remarks(source, largest)
    table = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [
        "Configuration",
        *(f"  {line}" for line in strict_yaml.dump(config.to_dict()).splitlines()),
        "",
        f"Stream {source.name}: {len(source.tasks)} tasks of {source.scenario}, {_pictures(source)}",
        *(f"  {line}" for line in table),
        *(f"  left out: {count} x {why}" for why, count in source.skipped.items()),
        *(f"  {one_line(line)}" for line in remarks),
        "",
        "Resources",
        *(f"  {line}" for line in _resources(config, at_once)),
    ]


def _pictures(source: StreamSource) -> str:
    regions = source.tables and source.tables.regions
    return f"{regions[0]} regions of {regions[1]} features" if regions else f"{source.image_size} px"


def _resources(config: RunConfig, at_once: str) -> list[str]:
    run = config.run
    gpus = (
        "one GPU a worker where there are any"
        if run.gpus_per_trial is None
        else f"{run.gpus_per_trial:g} GPU"
    )
    address = ray_address()
    where = f"the Ray cluster at {address}" if address else f"this machine ({usable_cpus()} CPUs)"
    return [
        f"a trial: {run.workers} worker(s), {run.cpus_per_worker} CPU each, {gpus}",
        f"{at_once}, on {where}",
    ]
