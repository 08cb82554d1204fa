"""Pictures of groups of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import UserError
from ...evaluation import tables
from ...storage.plain_name import file_name
from ...storage.trial_files import TEST_MATRIX_FILE
from .. import plots
from .finished_run import FinishedRun
from .groups import Group, best_by_method
from .sections import Section

_SCORES = {"seen/r_mean": "R_m"}  # the score of one task, by the headline; else it is accuracy
_HEADLINES = {"seen/r_mean": "R_m over all tasks so far"}


class Drawn(NamedTuple):
    """A picture and its caption. The path is the PNG's; the PDF lies beside it."""

    path: Path
    caption: str


def pictures(out: Path, section: Section, groups: Sequence[Group]) -> list[Drawn]:
    """Draws the pictures of a section.

    For each method they show the group that is best on validation among those evaluated on test data, with
    its score over the tasks and its matrix. Apart from these they show the validation score of every trial.
    Where nothing was evaluated on test data, the curves are validation's.

    Args:
        out: The folder for the pictures.
        section: The section.
        groups: Its groups.
    """
    styles = {method: n for n, method in enumerate(sorted({group.method for group in groups}))}
    tested = best_by_method(group for group in groups if group.tested())
    if tested:
        seeds = [_matrices(group.tested()) for group in tested]
        drawn = [_test(out, section, tested, [matrices for matrices, _ in seeds], styles)]
        for group, (matrices, names) in zip(tested, seeds, strict=True):
            drawn.append(_matrix(out, section, group, matrices, names))
    else:
        measured = [group for group in groups if group.score() is not None]
        drawn = [_validation(out, section, best_by_method(measured), styles)] if measured else []
    return drawn + _trials(out, section, groups, styles)


def _test(
    out: Path,
    section: Section,
    groups: Sequence[Group],
    seeds: Sequence[Sequence[np.ndarray]],
    styles: Mapping[str, int],
) -> Drawn:
    curves = [
        plots.Curve(_named(group, len(matrices)), list(map(_so_far, matrices)), styles[group.method])
        for group, matrices in zip(groups, seeds, strict=True)
    ]
    caption = f"{section.title}, test: each method's best group on validation{_commits(groups)}"
    path = out / f"{section.file}-test.png"
    plots.averages_over_tasks(path, curves, f"{_score(groups[0])}, mean of the tasks so far (%)", caption)
    return Drawn(path, caption)


def _validation(out: Path, section: Section, groups: Sequence[Group], styles: Mapping[str, int]) -> Drawn:
    metric = f"validation/{groups[0].headline}"
    curves = []
    for group in groups:
        seeds = [[task[metric] for task in run.tasks if metric in task] for run in group.runs]
        seeds = [seed for seed in seeds if seed]
        curves.append(plots.Curve(_named(group, len(seeds)), seeds, styles[group.method]))
    caption = f"{section.title}, validation: each method's best group, none tested{_commits(groups)}"
    path = out / f"{section.file}-validation.png"
    plots.averages_over_tasks(path, curves, f"{_headline(groups[0])} (%)", caption)
    return Drawn(path, caption)


def _matrix(
    out: Path, section: Section, group: Group, matrices: Sequence[np.ndarray], names: Sequence[str]
) -> Drawn:
    caption = f"{_named(group, len(matrices))}, on {section.title}:\nmean {_score(group)} on test (%)"
    path = out / f"{section.file}-matrix-{file_name(group.method)}.png"
    plots.matrix_heatmap(path, np.mean(matrices, axis=0), names, caption)
    return Drawn(path, caption)


def _trials(out: Path, section: Section, groups: Sequence[Group], styles: Mapping[str, int]) -> list[Drawn]:
    by_method = {}
    for method in (group.method for group in best_by_method(groups)):
        runs = [run for group in groups if group.method == method for run in group.runs]
        scores: dict[bool, list[float]] = {True: [], False: []}
        for run in runs:
            if (value := run.figures("validation").get(f"validation/{groups[0].headline}")) is not None:
                scores[run.test is not None].append(value)
        if scores[True] or scores[False]:
            by_method[method] = plots.Trials(scores[False], scores[True], styles[method])
    if not by_method:
        return []
    caption = f"{section.title}, validation after the last task: every finished trial"
    path = out / f"{section.file}-trials.png"
    plots.trials_by_method(path, by_method, f"{_headline(groups[0])} (%)", caption)
    return [Drawn(path, caption)]


def _named(group: Group, runs: int) -> str:
    memory = group.runs[0].memory
    kept = f", memory {memory}" if memory != "0" else ""
    return f"{group.method}{kept}, {runs} run{'s' if runs > 1 else ''}"


def _commits(groups: Sequence[Group]) -> str:
    commits = {group.runs[0].commit or "unknown" for group in groups}
    return f"; commits {', '.join(sorted(commits))}" if len(commits) > 1 else ""


def _score(group: Group) -> str:
    return _SCORES.get(group.headline, "accuracy")


def _headline(group: Group) -> str:
    return _HEADLINES.get(group.headline, "average accuracy over the tasks so far")


def _so_far(matrix: np.ndarray) -> list[float]:
    """The mean over the tasks so far, each of which counts alike, after each task of ``R`` (S, T)."""
    return [float(np.mean(row[: task + 1])) for task, row in enumerate(matrix)]


def _matrices(runs: Sequence[FinishedRun]) -> tuple[list[np.ndarray], list[str]]:
    files = [run.folder / TEST_MATRIX_FILE for run in runs]
    read = [tables.read_matrix(file) for file in files]
    names = read[0][1]
    if any(others != names for _, others in read):  # in another order the k-th task is another one
        names = [f"task {k}" for k in range(1, len(names) + 1)]
    for file, (matrix, _) in zip(files, read, strict=True):
        if matrix.shape != read[0][0].shape:
            raise UserError(f"{file}: {matrix.shape[1]} tasks, but {len(names)} in {files[0]}")
    return [matrix for matrix, _ in read], names
