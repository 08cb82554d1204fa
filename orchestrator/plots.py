"""Pictures of runs (PNG), and the tables that they show as CSV. matplotlib is imported when one is drawn."""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from orchestrator.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Task names may be in any language; the first fonts of these that are there are used, a glyph at a time.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "SimHei",
)
_POINTS = 2000  # a curve is drawn with at most so many


class Table(NamedTuple):
    """Percentages (R, C), NaN where not measured, with a name for each row and column."""

    values: np.ndarray
    rows: Sequence[str]
    columns: Sequence[str]


def write_matrix(path: Path, matrix: ArrayLike, names: Sequence[str]) -> None:
    """Write ``R`` (S, T) as CSV: a column a task, a row a finished task, empty = not measured."""
    write_table(path, Table(np.asarray(matrix, dtype=float), names, names), "after")


def write_table(path: Path, table: Table, corner: str) -> None:
    """Write a table as CSV, empty = not measured; ``corner``: what its rows are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([corner, *table.columns])
        for name, row in zip(table.rows, table.values, strict=False):
            writer.writerow([name, *("" if math.isnan(value) else repr(float(value)) for value in row)])


def read_matrix(path: Path) -> tuple[np.ndarray, list[str]]:
    """``R`` (S, T), float64, NaN where not measured, and the T task names, as :func:`write_matrix` wrote
    them. Errors as :func:`read_table`.
    """
    table = read_table(path, "after")
    return table.values, list(table.columns)


def read_table(path: Path, corner: str) -> Table:
    """What :func:`write_table` wrote.

    :class:`~orchestrator.errors.UserError`: no such file, a row of the wrong length, a field that is no
    number.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not rows or rows[0][0] != corner:
        raise UserError(f"{path}: line 1 must be '{corner}' and the names of the columns")
    names = rows[0][1:]
    values = np.full((len(rows) - 1, len(names)), np.nan)
    for r, row in enumerate(rows[1:]):
        if len(row) != len(names) + 1:
            raise UserError(f"{path}: row {row[0]!r} has {len(row) - 1} values for {len(names)} columns")
        for c, value in enumerate(row[1:]):
            try:
                values[r, c] = float(value) if value else math.nan
            except ValueError:
                raise UserError(
                    f"{path}: row {row[0]!r}, column {names[c]!r}: {value!r} is no number"
                ) from None
    return Table(values, [row[0] for row in rows[1:]], names)


def matrix_heatmap(path: Path, matrix: ArrayLike, names: Sequence[str], title: str = "") -> None:
    """Draw ``R`` (S, T), percent, with its values: a row after each task, a column a task."""
    labels = _numbered(names)
    table = Table(np.asarray(matrix, dtype=float), labels, labels)
    table_heatmap(path, table, xlabel="score on task", ylabel="after training on", title=title)


def table_heatmap(path: Path, table: Table, *, xlabel: str, ylabel: str, title: str = "") -> None:
    """Draw a table with its values."""
    values = table.values
    rows, columns = values.shape
    figure, axes = _figure(1.6 + 0.75 * columns, 1.4 + 0.5 * rows)
    image = axes.imshow(values, cmap="viridis", vmin=0, vmax=100, aspect="auto")
    figure.colorbar(image, ax=axes, label="%")
    axes.set_xticks(range(columns), table.columns, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(rows), table.rows[:rows])
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    for r, c in np.argwhere(~np.isnan(values)):
        shade = "white" if values[r, c] < 60 else "black"
        axes.text(c, r, f"{values[r, c]:.1f}", ha="center", va="center", color=shade, fontsize=9)
    _save(figure, path)


def loss_curves(
    path: Path, terms: Mapping[str, ArrayLike], ends: Sequence[int], names: Sequence[str], title: str = ""
) -> None:
    """Draw each loss term over the steps, a panel a term, with the tasks' boundaries.

    ``terms``: name -> (steps,), NaN where a task does not have the term. ``ends``: the step at which each
    task ended.
    """
    figure, panels = _figure(9, 1.0 + 1.5 * len(terms), rows=len(terms))
    for axes, (term, values) in zip(panels, terms.items(), strict=True):
        curve = np.asarray(values, dtype=float)
        stride = max(1, -(-len(curve) // _POINTS))
        axes.plot(np.arange(len(curve))[::stride], curve[::stride], linewidth=0.9)
        axes.set_ylabel(term)
        for end in ends[:-1]:
            axes.axvline(end, color="0.6", linewidth=0.8, linestyle="--")
    for start, end, name in zip([0, *ends], ends, _numbered(names), strict=False):
        panels[0].annotate(
            name, ((start + end) / 2, 1.02), xycoords=("data", "axes fraction"), ha="center", fontsize=8
        )
    panels[-1].set_xlabel("step")
    figure.suptitle(title)
    _save(figure, path)


def averages_over_tasks(
    path: Path, curves: Mapping[str, Sequence[Sequence[float]]], ylabel: str, title: str = ""
) -> None:
    """Draw a score over the tasks done. ``curves``: label -> its seeds' curves, each a value a finished task.

    The line is the seeds' mean as far as all of them go, the band their standard deviation.
    """
    figure, axes = _figure(7.5, 4.5)
    longest = 1
    for label, seeds in curves.items():
        length = min(len(seed) for seed in seeds)
        values = np.array([seed[:length] for seed in seeds], dtype=float)
        tasks, mean = np.arange(1, length + 1), values.mean(axis=0)
        (line,) = axes.plot(tasks, mean, marker="o", markersize=4, label=label)
        if len(values) > 1:
            spread = values.std(axis=0, ddof=1)
            axes.fill_between(tasks, mean - spread, mean + spread, color=line.get_color(), alpha=0.15)
        longest = max(longest, length)
    axes.set_xticks(range(1, longest + 1))
    axes.set(xlabel="tasks done", ylabel=ylabel, title=title)
    axes.grid(alpha=0.3)
    if len(curves) > 1:
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    _save(figure, path)


def drift_over_tasks(path: Path, angles: ArrayLike, names: Sequence[str], title: str = "") -> None:
    """Draw how far images drift from the texts of their classes, a line a task, over the tasks done.

    ``angles`` (S, T), degrees: row t after task t, NaN where not measured; ``names``: the T tasks'.
    """
    values = np.asarray(angles, dtype=float)
    figure, axes = _figure(7.5, 4.5)
    done = np.arange(1, len(values) + 1)
    shades = _colours(len(values))
    for k, name in enumerate(_numbered(names)[: len(values)]):
        axes.plot(done, values[:, k], marker="o", markersize=4, color=shades[k], label=name)
    axes.set_xticks(done)
    axes.set(xlabel="tasks done", ylabel="angle between texts and images (degrees)", title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    _save(figure, path)


def _colours(count: int) -> Sequence[Any]:
    """Colours of tasks in order: more of them than the usual ten differ."""
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(0, 0.9, count))


def _numbered(names: Sequence[str]) -> list[str]:
    return [f"{number} {name}" for number, name in enumerate(names, 1)]


def _figure(width: float, height: float, rows: int | None = None) -> tuple[Figure, Any]:
    # No pyplot: its figures are global state, and drawing happens on a thread of the driver.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    if rows is None:
        return figure, figure.subplots()
    panels: Sequence[Axes] = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    return figure, panels


def _save(figure: Figure, path: Path) -> None:
    from matplotlib.font_manager import fontManager
    from matplotlib.text import Text

    there = set(fontManager.get_font_names())
    for text in figure.findobj(Text):
        text.set_fontfamily([font for font in _FONTS if font in there])
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # A machine without a font for a task's name draws boxes; a warning a glyph would not mend that.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path)
