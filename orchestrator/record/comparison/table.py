"""Tables of groups of runs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from textwrap import wrap

from .groups import Group, by_score, order_of
from .labels import differences, is_cut, labels

COLUMNS = {
    "R_m": "seen/r_mean",
    "average": "average",
    "forgetting": "forgetting",
    "task-aware forgetting": "task_aware_forgetting",
    "CTP BWT": "ctp/bwt",
    "H": "over_time/harmonic_mean",
    "A": "triplet/average_accuracy",
    "F": "triplet/forgetting",
    "AP": "vqacl/ap",
    "Forget": "vqacl/forget",
    "novel": "novel/accuracy",
    "novel Forget": "vqacl/novel_forget",
    "ECE": "seen/ece",
    "AUROC": "over_time/detection/auroc",
    "angle (°)": "drift/angle",
    "unseen": "over_time/unseen/accuracy",
    "backward": "backward_transfer",
    "forward": "forward_transfer",
    "forward, zero-shot": "forward_transfer_zero_shot",
    "forward, independent": "forward_transfer_independent",
    "forgetting, independent": "forgetting_independent",
    "intransigence": "intransigence",
    "intransigence, once": "intransigence_once",
    "over time": "average_over_time",
    "unweighted": "unweighted_average",
    "accuracy": "seen/accuracy",
    "mAP@1": "seen/map1",
    "TR@1": "seen/txt_r1",
    "IR@1": "seen/img_r1",
    "mAP@5": "seen/map5",
    "mAP@10": "seen/map10",
    "mAP@1 as released": "seen/map1_reference",
    "mAP@5 as released": "seen/map5_reference",
    "mAP@10 as released": "seen/map10_reference",
    "CTP BWT mAP@1": "ctp/bwt_map1",
    "CTP BWT mAP@1 as released": "ctp/bwt_map1_reference",
    "task by image": "recognition/image",
    "task by text": "recognition/text",
    "task by both": "recognition/fusion",
}
"""Heading -> metric, without its split. The metrics that rows are ranked by come first, then the most telling
ones.
"""

_ROWS = 20  # groups that a table shows as plain text
# column -> the settings that it shows
_BESIDE = {"memory": ("replay.size", "replay.budget"), "commit": ("commit",)}
WIDTH = 100
"""The width of plain text, in letters."""


def table(groups: Sequence[Group], split: str, markdown: bool = False, explained: int = 5) -> str:
    """A table with a row for each group and a column for each metric.

    A cell has the mean ± the sample standard deviation over the runs of all seeds and orders. The best group
    comes first, by the metric that groups are ranked by (``R_m`` in retrieval, else ``average``). A group
    that lacks it comes last. ``n`` is the number of runs, ``seeds`` the number of their seeds, and ``orders``
    the number of orders of their stream. A cell with fewer than ``n`` runs says so.

    Args:
        groups: The groups.
        split: ``validation``, which every finished run reported after its last task, or ``test``, for the
            runs that were evaluated on it.
        markdown: Whether the table is in Markdown. Plain text has the best 20 groups in lines of at most 100
            letters, and says what it left out.
        explained: How many rows with a shortened name have their settings below the table.

    Returns:
        The table; empty where no group has such metrics.
    """
    rows = sorted((g for g in groups if any(_figures(g, split))), key=lambda g: by_score(g, split))
    columns = _columns(rows, split)
    if not columns:
        return ""
    fixed = _fixed(rows, split)
    beside = [key for head in fixed for key in _BESIDE.get(head, ())]
    named = labels([group.runs[0] for group in rows], [group.number for group in rows], beside)
    fixed = {"method": named, **fixed}
    heads, told = list(fixed), list(zip(*fixed.values(), strict=True))
    cells = [[_cell(group, split, name) for name in columns.values()] for group in rows]
    if markdown:
        lines = [[*heads, *columns], ["---"] + ["---:"] * (len(heads) + len(columns) - 1)]
        lines += [[*line, *more] for line, more in zip(told, cells, strict=True)]
        return "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)
    shown = [[*heads, *columns]] + [[*f, *c] for f, c in zip(told[:_ROWS], cells[:_ROWS], strict=True)]
    rest = [f"... and {len(rows) - _ROWS} more rows in README.md"] if len(rows) > _ROWS else []
    return "\n".join([*_plain(shown, len(heads)), *rest, *_more(rows[:_ROWS], named, explained)])


def _figures(group: Group, split: str) -> list[dict[str, float]]:
    return [dict(run.figures(split)) for run in group.measured(split)]


def _columns(rows: Sequence[Group], split: str) -> dict[str, str]:
    there = {name for group in rows for figures in _figures(group, split) for name in figures}
    return {head: f"{split}/{name}" for head, name in COLUMNS.items() if f"{split}/{name}" in there}


def _fixed(rows: Sequence[Group], split: str) -> dict[str, list[str]]:
    """The columns that are no metrics: the settings that tell rows apart, and the numbers of runs, seeds,
    orders.
    """
    every = [run for group in rows for run in group.runs]
    columns = {}
    if any(run.memory != "0" for run in every):
        columns["memory"] = [group.runs[0].memory for group in rows]
    if len({run.commit for run in every}) > 1:
        columns["commit"] = [group.runs[0].commit or "-" for group in rows]
    if split == "test" and len({_origin(group) for group in rows}) > 1:
        columns["from"] = [_origin(group) for group in rows]
    measured = [group.measured(split) for group in rows]
    columns["n"] = [str(len(runs)) for runs in measured]
    columns["seeds"] = [str(len({str(run.seed) for run in runs})) for runs in measured]
    columns["orders"] = [str(len({order_of(run) for run in runs})) for runs in measured]
    return columns


def _origin(group: Group) -> str:
    return "+".join(sorted({run.kind or "?" for run in group.tested()}))


def _cell(group: Group, split: str, name: str) -> str:
    figures = _figures(group, split)
    values = [metrics[name] for metrics in figures if name in metrics]
    if not values:
        return "-"
    spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
    of = f" (n={len(values)})" if len(values) < len(figures) else ""
    # A number that rounds to 0 has no sign: -3.553e-15 would otherwise be -0.00.
    return f"{round(mean(values), 2) + 0.0:.2f}{spread}{of}"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _plain(lines: Sequence[Sequence[str]], fixed: int) -> list[str]:
    """The first ``fixed`` columns, and as many more as fit in a line, but at least one. The others are only
    named.
    """
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    shown = len(widths)
    while shown > fixed + 1 and sum(widths[:shown]) + 2 * (shown - 1) > WIDTH:
        shown -= 1
    rendered = []
    for line in lines:
        cells = [line[0].ljust(widths[0]), *(line[i].rjust(widths[i]) for i in range(1, shown))]
        rendered.append("  ".join(cells).rstrip())
    if shown < len(widths):
        rendered += wrap(f"in README.md as well: {', '.join(lines[0][shown:])}", WIDTH)
    return rendered


def _more(rows: Sequence[Group], named: Sequence[str], most: int) -> list[str]:
    """The settings that shortened names leave out, for the first ``most`` of them."""
    apart = differences([group.runs[0] for group in rows])
    cut = [(g, values) for g, label, values in zip(rows, named, apart, strict=False) if is_cut(label)]
    more = []
    for group, values in cut[:most]:
        said = " ".join(f"{key.removeprefix('method.')}={value}" for key, value in values.items())
        others = f" and {len(group.runs) - 1} more" if len(group.runs) > 1 else ""
        line = f"#{group.number} is {group.runs[0].name}{others}: {said}"
        more += wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False)
    return [*more, "what the other numbers stand for: README.md"] if len(cut) > most else more
