"""Pictures of runs, as PNG and PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..evaluation.tables import Table
from ..streams.shown_task import shown_task
from .plot_style import WIDEST, line_style, picture, short_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS = 2000  # points of a curve that are drawn at most
_TICKS = 12  # tasks that an axis names at most


class Curve(NamedTuple):
    """A score over the tasks done.

    Attributes:
        label: The curve's name.
        seeds: One curve for each seed, with a value for each finished task, in percent.
        style: The number of the curve's line style, from 0.
    """

    label: str
    seeds: Sequence[Sequence[float]]
    style: int = 0


class Trials(NamedTuple):
    """The scores of a method's trials, in percent.

    Attributes:
        searched: The scores of trials that were not evaluated on test data.
        tested: The scores of trials that were.
        style: As in :class:`Curve`.
    """

    searched: Sequence[float]
    tested: Sequence[float]
    style: int = 0


def matrix_heatmap(path: Path, matrix: ArrayLike, names: Sequence[str], title: str = "") -> None:
    """Draws a matrix with its values: a row after each task, and a column for each task.

    Args:
        path: The PNG.
        matrix: ``R`` (S, T), in percent.
        names: The names of the T tasks.
        title: The title.
    """
    labels = _numbered(names)
    table = Table(np.asarray(matrix, dtype=float), labels, labels)
    table_heatmap(path, table, xlabel="score on task", ylabel="after training on", title=title)


def table_heatmap(path: Path, table: Table, *, xlabel: str, ylabel: str, title: str = "") -> None:
    """Draws a table, with its values where a cell has room for one.

    Args:
        path: The PNG.
        table: The table, in percent.
        xlabel: The label of the columns.
        ylabel: The label of the rows.
        title: The title.
    """
    values = table.values
    rows, columns = values.shape
    width = min(WIDEST, max(3.4, 1.9 + 0.5 * columns))
    with picture(path, width, min(9.0, 1.7 + 0.3 * rows), title) as (figure, axes):
        image = axes.imshow(values, cmap="viridis", vmin=0, vmax=100, aspect="auto")
        figure.colorbar(image, ax=axes, label="%", fraction=0.05, pad=0.02)
        names = [short_name(name) for name in table.columns]
        axes.set_xticks(range(columns), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(rows), [short_name(name) for name in table.rows[:rows]])
        axes.set(xlabel=xlabel, ylabel=ylabel)
        room = (width - 1.9) / columns
        digits, size = (1, 7) if room > 0.38 else (0, 6) if room > 0.2 else (None, 0)
        for r, c in np.argwhere(~np.isnan(values)) if digits is not None else ():
            shade = "white" if values[r, c] < 60 else "black"
            text = f"{round(values[r, c], digits) + 0.0:.{digits}f}"
            axes.text(c, r, text, ha="center", va="center", color=shade, fontsize=size)


def loss_curves(
    path: Path, terms: Mapping[str, ArrayLike], ends: Sequence[int], names: Sequence[str], title: str = ""
) -> None:
    """Draws each loss term over the steps, in a panel of its own, with the tasks' boundaries.

    Args:
        path: The PNG.
        terms: Name -> (steps,), NaN where a task does not have the term.
        ends: The step at which each task ended.
        names: The tasks' names.
        title: The title.
    """
    with picture(path, WIDEST, 1.0 + 1.1 * len(terms), title, rows=len(terms)) as (figure, panels):
        for axes, (term, values) in zip(panels, terms.items(), strict=True):
            curve = np.asarray(values, dtype=float)
            stride = max(1, -(-len(curve) // _POINTS))
            axes.plot(np.arange(len(curve))[::stride], curve[::stride], linewidth=0.8, color="#0072B2")
            axes.set_ylabel(short_name(term, 15))
            for end in ends[:-1]:
                axes.axvline(end, color="0.5", linewidth=0.6, linestyle="--")
        spans = list(zip([0, *ends], ends, _numbered(names), strict=False))
        for start, end, name in spans if len(spans) <= _TICKS else ():
            # There are as many letters as the task's part of the axis has room for.
            shown = short_name(name, max(2, int(85 * (end - start) / ends[-1])))
            panels[0].annotate(
                shown, ((start + end) / 2, 1.03), xycoords=("data", "axes fraction"), ha="center", fontsize=7
            )
        panels[-1].set_xlabel("step")
        figure.align_ylabels(panels)


def averages_over_tasks(path: Path, curves: Sequence[Curve], ylabel: str, title: str = "") -> None:
    """Draws a score over the tasks done, with a line for each curve.

    The line is the mean over the seeds, as far as all of them go. The band is their sample standard
    deviation.

    Args:
        path: The PNG.
        curves: The curves.
        ylabel: The label of the score.
        title: The title.
    """
    with picture(path, 5.4, 3.0 + 0.08 * len(curves), title) as (figure, axes):
        longest = 1
        for curve in curves:
            length = min(len(seed) for seed in curve.seeds)
            values = np.array([seed[:length] for seed in curve.seeds], dtype=float)
            tasks, mean = np.arange(1, length + 1), values.mean(axis=0)
            style = line_style(curve.style)
            axes.plot(tasks, mean, label=curve.label, **style)
            if len(values) > 1:
                spread = values.std(axis=0, ddof=1)
                axes.fill_between(tasks, mean - spread, mean + spread, color=style["color"], alpha=0.18, lw=0)
            longest = max(longest, length)
        axes.set(xlabel="tasks done", ylabel=ylabel)
        _tasks_axis(axes, longest)
        _legend(figure, axes)


def trials_by_method(path: Path, methods: Mapping[str, Trials], xlabel: str, title: str = "") -> None:
    """Draws the score of every trial, with a row for each method.

    A circle is hollow for a trial that was only searched. It is filled, and drawn above those, for a trial
    that was also evaluated on test data.

    Args:
        path: The PNG.
        methods: The trials of each method.
        xlabel: The label of the score.
        title: The title.
    """
    with picture(path, 5.4, 1.4 + 0.34 * len(methods), title) as (figure, axes):
        hollow = {"marker": "o", "linestyle": "none", "fillstyle": "none", "alpha": 0.8}
        filled = {"marker": "o", "linestyle": "none", "markersize": 4.5, "markeredgecolor": "white"}
        filled["markeredgewidth"] = 0.4
        for row, trials in enumerate(methods.values()):
            colour = line_style(trials.style)["color"]
            axes.plot(trials.searched, [row + 0.16] * len(trials.searched), color=colour, **hollow)
            axes.plot(trials.tested, [row - 0.16] * len(trials.tested), color=colour, **filled)
        axes.plot([], [], color="0.2", label="searched", **hollow)
        axes.plot([], [], color="0.2", label="looked at on test as well", **filled)
        axes.set_yticks(range(len(methods)), list(methods))
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.set_xlabel(xlabel)
        axes.grid(axis="x")
        _legend(figure, axes)


def drift_over_tasks(path: Path, angles: ArrayLike, names: Sequence[str], title: str = "") -> None:
    """Draws how far pictures drift from the texts of their classes, with a line for each task, over the tasks
    done.

    Args:
        path: The PNG.
        angles: (S, T), degrees: row t is after task t; NaN where nothing was measured.
        names: The names of the T tasks.
        title: The title.
    """
    values = np.asarray(angles, dtype=float)
    with picture(path, 5.4, 3.6, title) as (figure, axes):
        done = np.arange(1, len(values) + 1)
        shades = _shades(len(values))
        for k, name in enumerate(_numbered(names)[: len(values)]):
            style = {**line_style(k), "color": shades[k]}
            axes.plot(done, values[:, k], label=short_name(name), **style)
        axes.set(xlabel="tasks done", ylabel="angle between texts and pictures (°)")
        _tasks_axis(axes, len(values))
        _legend(figure, axes)


def _tasks_axis(axes: Any, tasks: int) -> None:
    stride = -(-tasks // _TICKS)
    axes.set_xticks(range(1, tasks + 1, stride))
    axes.grid()


def _legend(figure: Figure, axes: Any) -> None:
    """Puts the legend below the axes, in columns, since beside them it would take their width. A single curve
    has a legend too, because nothing else names it.
    """
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        columns = max(1, min(4, 90 // (max(map(len, labels)) + 8)))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=3.2)


def _shades(count: int) -> Sequence[Any]:
    """The colours of the tasks, in order."""
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(0, 0.9, count))


def _numbered(names: Sequence[str]) -> list[str]:
    return [f"{number} {shown_task(name)}" for number, name in enumerate(names, 1)]
