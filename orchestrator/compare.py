"""``python -m orchestrator.compare [RUNS] [--stream NAME]``: tables and pictures of finished runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any
from urllib.parse import quote

import numpy as np

from . import plots, strict_yaml
from .cli import add_version, run_main
from .config import flatten
from .errors import UserError
from .plain_name import check_plain

_COLUMNS = {  # heading -> (metric, without its prefix)
    "average": "average",
    "forgetting": "forgetting",
    "backward": "backward_transfer",
    "forward": "forward_transfer",
    "accuracy": "seen/accuracy",
    "over time": "average_over_time",
    "unseen": "over_time/unseen/accuracy",
    "H": "over_time/harmonic_mean",
    "ECE": "seen/ece",
    "AUROC": "over_time/detection/auroc",
    "angle": "drift/angle",
    "R_m": "seen/r_mean",
    "TR@1": "seen/txt_r1",
    "IR@1": "seen/img_r1",
    "mAP@1": "seen/map1",
    "mAP@5": "seen/map5",
    "mAP@10": "seen/map10",
    "AP": "vqacl/ap",
    "Forget": "vqacl/forget",
    "A": "triplet/average_accuracy",
    "F": "triplet/forgetting",
    "novel": "novel/accuracy",
    "novel Forget": "vqacl/novel_forget",
    "task by image": "recognition/image",
    "task by text": "recognition/text",
    "task by both": "recognition/fusion",
}
_ROWS = 20  # groups that a table shows as plain text
_DRAWN = 10  # groups that a picture shows
_KEYS = 4  # hyper-parameters that a label names; with more of them apart it names the run


@dataclass(frozen=True)
class Run:
    """One trial as it lies on disk. ``config``: dotted key -> value. ``test`` is None where nobody looked at
    it.
    """

    folder: Path
    config: Mapping[str, Any]
    status: str
    tasks: Sequence[Mapping[str, float]]
    test: Mapping[str, float] | None

    @property
    def method(self) -> str:
        return str(self.config["method.name"])

    @property
    def stream(self) -> str:
        return str(self.config["stream.name"])

    def figures(self, split: str) -> Mapping[str, float]:
        """The metrics of ``test``, where it was looked at, or of ``validation`` after the last task."""
        if split == "test":
            return self.test or {}
        return {name: value for name, value in self.tasks[-1].items() if name.startswith("validation/")}


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone. ``label``: the method and what sets the group apart from its
    neighbours.
    """

    label: str
    runs: Sequence[Run]


def read_runs(folder: Path) -> list[Run]:
    """The trials under a runs folder, or under one sweep's, that have come to an end.

    :class:`~orchestrator.errors.UserError`: no such folder, no sweep in it, a file that is missing or
    malformed.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the runs folder of a sweep")
    found = sorted([*folder.glob("trials"), *folder.glob("*/trials")])
    if not found:
        raise UserError(f"{folder}: no runs in it (folders NAME/trials/ID)")
    return [_read_run(status.parent) for trials in found for status in sorted(trials.glob("*/status.json"))]


def group_runs(runs: Iterable[Run]) -> list[Group]:
    """Runs of one stream, grouped by everything in their configuration but ``run.seed``, in order of first
    sight.

    Of runs that are equal in their seed too, one counts: one that was tested before one that was not, a later
    one before an earlier.
    """
    found: dict[str, dict[int, Run]] = {}
    for run in runs:
        key = json.dumps({k: v for k, v in sorted(run.config.items()) if k != "run.seed"})
        seeds = found.setdefault(key, {})
        twin = seeds.get(run.config["run.seed"])
        if twin is None or twin.test is None or run.test is not None:
            seeds[run.config["run.seed"]] = run
    groups = [list(seeds.values()) for seeds in found.values()]
    labels = [_label(group[0], [other[0] for other in groups]) for group in groups]
    return [Group(label, group) for label, group in zip(labels, groups, strict=True)]


def table(groups: Sequence[Group], split: str, markdown: bool = False) -> str:
    """Groups x metrics, mean ± sample standard deviation over seeds, best average first.

    ``split``: ``validation``, what every finished run reported after its last task, or ``test``, of the runs
    that were chosen. Empty where no group has such figures. As plain text it ends after the best 20 groups.
    """
    rows = []
    for group in groups:
        figures = [found for run in group.runs if (found := run.figures(split))]
        if figures:
            rows.append((group.label, figures))
    columns = {
        heading: f"{split}/{name}"
        for heading, name in _COLUMNS.items()
        if any(f"{split}/{name}" in figure for _, figures in rows for figure in figures)
    }
    if not columns:
        return ""
    first = next(iter(columns.values()))
    rows.sort(key=lambda row: mean(f.get(first, 0.0) for f in row[1]), reverse=True)
    cells = [["method", "seeds", *columns]]
    for label, figures in rows if markdown else rows[:_ROWS]:
        values = [[f[key] for f in figures if key in f] for key in columns.values()]
        cells.append([label, str(len(figures)), *map(_cell, values)])
    if markdown:
        lines = [cells[0], ["---", *["---:"] * (len(columns) + 1)], *cells[1:]]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    text = [
        "  ".join(
            [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in cells
    ]
    more = len(rows) - _ROWS
    return "\n".join([*text, f"... and {more} more"] if more > 0 else text)


def compare(folder: Path, stream: str | None = None) -> str:
    """Write ``FOLDER/comparison/`` (``README.md`` with the tables, PNG pictures) and return the tables as
    plain text.

    :class:`~orchestrator.errors.UserError`: see :func:`read_runs`; no finished run; a ``stream`` that no run
    has.
    """
    runs = read_runs(folder)
    streams = sorted({run.stream for run in runs})
    if stream is not None and stream not in streams:
        raise UserError(
            f"--stream {stream}: no run of it in {folder}; there are {', '.join(streams) or 'none'}"
        )
    if not any(run.status == "finished" for run in runs):
        raise UserError(f"{folder}: no finished run yet")
    out = folder / "comparison"
    plain, marked = [], ["# Comparison"]
    for name in streams if stream is None else [stream]:
        there = [run for run in runs if run.stream == name]
        groups = group_runs(run for run in there if run.status == "finished")
        plain.append(f"{name}: {_counts(there)}")
        marked.append(f"## {name}\n\n{_counts(there)}")
        for split in ("test", "validation"):
            if text := table(groups, split):
                plain.append(f"{split}, {_EXPLAINED[split]}\n{text}")
                marked.append(f"### {split}\n\n{_EXPLAINED[split]}\n\n{table(groups, split, markdown=True)}")
        marked += [f"![]({quote(picture.name)})" for picture in _draw(out, name, groups)]
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text("\n\n".join(marked) + "\n", encoding="utf-8")
    return "\n\n".join([*plain, f"Tables in Markdown and pictures: {out}"])


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0; 2 with one line on stderr for a :class:`~orchestrator.errors.UserError`."""
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.compare",
        description="Tables and pictures of finished runs: mean and standard deviation over seeds.",
    )
    parser.add_argument(
        "runs",
        nargs="?",
        type=Path,
        default=Path("runs"),
        metavar="RUNS",
        help="the runs folder, or one sweep's folder in it (default: runs)",
    )
    parser.add_argument("--stream", metavar="NAME", help="only runs on this stream")
    add_version(parser)
    options = parser.parse_args(arguments)
    try:
        print(compare(options.runs, options.stream))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


_EXPLAINED = {
    "test": "percent after the last task, mean ± standard deviation (seeds), of runs chosen on validation:",
    "validation": "percent after the last task, mean ± standard deviation (seeds), of every finished run:",
}


def _label(run: Run, others: Sequence[Run]) -> str:
    keys = dict.fromkeys(key for other in others for key in other.config)
    apart = [
        key
        for key in keys
        if key not in ("run.seed", "method.name")
        and any(
            other.config.get(key) != run.config.get(key)
            for other in others
            if other.method == run.method or key.startswith("stream.")
        )
    ]
    if len(apart) > _KEYS:
        return f"{run.method} {run.folder.parent.parent.name}/{run.folder.name}"
    given = [f"{key.removeprefix('method.')}={_short(run.config[key])}" for key in apart if key in run.config]
    return " ".join([run.method, *given])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
    return f"{mean(values):.2f}{spread}"


def _counts(runs: Sequence[Run]) -> str:
    counts = Counter(run.status for run in runs)
    return ", ".join(f"{count} {status}" for status, count in counts.most_common())


def _draw(out: Path, stream: str, groups: Sequence[Group]) -> list[Path]:
    """The average over tasks of the best groups, and the mean test matrix of each group that was tested."""
    metric = "validation/average"
    curves = {g.label: [[task[metric] for task in r.tasks if metric in task] for r in g.runs] for g in groups}
    drawn = {label: seeds for label, seeds in curves.items() if all(seeds)}
    best = sorted(drawn, key=lambda label: mean(seed[-1] for seed in drawn[label]), reverse=True)[:_DRAWN]
    pictures = []
    if best:
        pictures.append(out / f"{stream}-average.png")
        shown = {label: drawn[label] for label in best}
        plots.averages_over_tasks(pictures[-1], shown, "validation average (%)", stream)
    tested = [(g, [r.folder / "test" / "matrix.csv" for r in g.runs if r.test]) for g in groups]
    for number, (group, files) in enumerate([(g, files) for g, files in tested if files][:_DRAWN], 1):
        read = [plots.read_matrix(file) for file in files]
        names = read[0][1]
        for file, (matrix, _) in zip(files, read, strict=True):
            if matrix.shape != read[0][0].shape:
                raise UserError(f"{file}: {matrix.shape[1]} tasks, but {len(names)} in {files[0]}")
        pictures.append(out / f"{stream}-matrix-{number}.png")
        title = f"{group.label}, test, {len(files)} seed{'s' if len(files) > 1 else ''}"
        plots.matrix_heatmap(pictures[-1], np.mean([matrix for matrix, _ in read], axis=0), names, title)
    return pictures


def _read_run(folder: Path) -> Run:
    path = folder / "status.json"
    found = _json(path)
    status = found.get("status") if isinstance(found, dict) else None
    if not isinstance(status, str):
        raise UserError(f'{path}: expected {{"status": TEXT}}, found {json.dumps(found):.80}')
    config, _ = strict_yaml.read(folder / "config.yaml")
    flat = flatten(config) if isinstance(config, dict) else {}
    for key in ("method.name", "stream.name", "run.seed"):
        if key not in flat:
            raise UserError(f"{folder / 'config.yaml'}: has no {key}")
    # Pictures are named by it.
    check_plain(str(flat["stream.name"]), f"{folder / 'config.yaml'}: stream.name")
    tasks = _tasks(folder / "tasks.jsonl") if status == "finished" else []
    path = folder / "test" / "metrics.json"
    test = _numbers(path, _json(path)) if status == "finished" and path.exists() else None
    return Run(folder, flat, status, tasks, test)


def _json(path: Path) -> Any:
    return _parsed(_text(path), str(path))


def _tasks(path: Path) -> list[Mapping[str, float]]:
    rows = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        where = f"{path}:{number}"
        rows.append(_numbers(where, _parsed(line, where)))
        if rows[-1].get("task") != number:
            raise UserError(f'{where}: expected "task": {number}, found {rows[-1].get("task")}')
    if not rows:
        raise UserError(f"{path}: no finished task, though the run is finished")
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{where}: not JSON ({error})") from None


def _numbers(where: object, found: Any) -> Mapping[str, float]:
    if not isinstance(found, dict):
        raise UserError(f"{where}: expected an object of numbers, found {json.dumps(found):.80}")
    return {name: float(value) for name, value in found.items() if isinstance(value, (int, float))}


if __name__ == "__main__":
    run_main(main)
