"""The picture of a Pareto set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .plot_style import WIDEST, picture, short_name

PARETO_PICTURE = "pareto.png"
"""The picture's file."""

_COLUMNS = 3
_LOOKS: dict[str, dict[str, Any]] = {  # a point differs from those of other kinds in its form too
    "beyond": {"marker": "x", "color": "0.6", "label": "beyond a bound"},
    "dominated": {"marker": "o", "color": "0.6", "markerfacecolor": "none", "label": "another one is better"},
    "set": {"marker": "o", "color": "#0072B2", "label": "Pareto set"},
    "suggested": {"marker": "*", "color": "#D55E00", "markersize": 9, "label": "its knee: a suggestion"},
}


class ParetoPoint(NamedTuple):
    """A trial: its number from 1, the values of all objectives, and what it is: ``beyond`` (a bound),
    ``dominated``, ``set`` or ``suggested``.
    """

    number: int
    values: tuple[float, ...]
    kind: str


def pareto_picture(
    folder: Path,
    points: Sequence[ParetoPoint],
    metrics: Sequence[str],
    bounds: Sequence[float | None],
    title: str,
) -> list[Path]:
    """Draws the first objective over each other one into ``folder``, with its PDF.

    Args:
        folder: The folder.
        points: The trials that walked the whole stream.
        metrics: The objectives.
        bounds: Of each its bound, drawn as a line; None: it has none.
        title: The title.

    Returns:
        The PNG.
    """
    others = len(metrics) - 1
    columns = min(others, _COLUMNS)
    rows = -(-others // _COLUMNS)
    path, width = folder / PARETO_PICTURE, 4.4 if others == 1 else WIDEST
    with picture(path, width, 1.0 + 2.4 * rows, title, rows=rows, columns=columns) as (figure, panels):
        for which, axes in enumerate(panels.flat, 1):
            if which > others:
                axes.set_axis_off()
                continue
            _panel(axes, points, which)
            axes.set_xlabel(short_name(metrics[which], 32))
            if (which - 1) % columns == 0:
                axes.set_ylabel(short_name(metrics[0], 30))
            for bound, draw in ((bounds[0], axes.axhline), (bounds[which], axes.axvline)):
                if bound is not None:
                    draw(bound, color="0.4", linewidth=0.7, linestyle=":")
            axes.grid()
        handles, labels = panels.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2 if others == 1 else 4)
    return [path]


def _panel(axes: Any, points: Sequence[ParetoPoint], which: int) -> None:
    for kind, look in _LOOKS.items():
        alike = [point for point in points if point.kind == kind]
        if alike:
            x, y = [point.values[which] for point in alike], [point.values[0] for point in alike]
            axes.plot(x, y, linestyle="none", **{"markersize": 4, **look})
        for point in alike if kind in ("set", "suggested") else ():
            at = point.values[which], point.values[0]
            axes.annotate(str(point.number), at, xytext=(4, 3), textcoords="offset points", fontsize=6)
