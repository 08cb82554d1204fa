"""Draws pictures of a search: which values mattered, the objective over each value, and over two of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..report.what_mattered import WhatMattered
from ..schema.shown import shown_value
from .plot_style import WIDEST, picture, short_name

SLICES_FILE = "slices.png"
"""The picture of each search in which a trial walked the whole stream."""

_LEAST = 6  # trials that a contour needs at least
_COLUMNS = 3


class SearchedKey(NamedTuple):
    """A searched key: its name, whether it is searched on a logarithmic scale, and its choices (empty for a
    number of a range).
    """

    key: str
    log: bool
    choices: tuple[Any, ...]


class SearchedTrial(NamedTuple):
    """A trial that walked the whole stream: its searched values, and its objective."""

    values: dict[str, Any]
    objective: float


def search_pictures(
    folder: Path,
    what: WhatMattered,
    keys: Sequence[SearchedKey],
    trials: Sequence[SearchedTrial],
    objective: str,
    title: str,
) -> list[Path]:
    """Draws what there is to be drawn into ``folder``: ``importance.png``, ``slices.png`` and
    ``contour.png``, each with its PDF.

    Args:
        folder: The folder.
        what: Which values mattered.
        keys: What is searched, in the order of the panels.
        trials: The trials that walked the whole stream.
        objective: The objective of the search.
        title: The search's name.

    Returns:
        The PNGs.
    """
    files = []
    if any(one.share is not None for one in what.found):
        files.append(folder / "importance.png")
        _importance(files[-1], what, f"{title}: what mattered, in {what.trials} trials")
    shown = [key for key in keys if any(key.key in trial.values for trial in trials)]
    if pair := _pair(what, shown, trials):
        files.append(folder / "contour.png")
        _contour(files[-1], pair, trials, objective, f"{title}: {objective} of {len(trials)} whole trials")
    if shown:  # drawn last: where it exists, the others exist
        files.append(folder / SLICES_FILE)
        _slices(files[-1], shown, trials, objective, f"{title}: {objective} of {len(trials)} whole trials")
    return files


def _importance(path: Path, what: WhatMattered, title: str) -> None:
    shown = [one for one in what.found if one.share is not None]
    with picture(path, 5.4, 1.2 + 0.22 * len(shown), title) as (_, axes):
        rows = range(len(shown))
        colours = ["#0072B2" if one.told else "0.75" for one in shown]
        axes.barh(rows, [100 * (one.share or 0) for one in shown], color=colours, height=0.7)
        axes.set_yticks(rows, [short_name(one.key, 30) for one in shown])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlabel("% of what the values explain by themselves; grey: not told from chance")
        axes.grid(axis="x")


def _slices(
    path: Path, keys: Sequence[SearchedKey], trials: Sequence[SearchedTrial], objective: str, title: str
) -> None:
    rows = -(-len(keys) // _COLUMNS)
    with picture(path, WIDEST, 0.7 + 1.5 * rows, title, rows=rows, columns=_COLUMNS) as (_, panels):
        for index, axes in enumerate(panels.flat):
            if index >= len(keys):
                axes.set_axis_off()
                continue
            key = keys[index]
            having = [trial for trial in trials if key.key in trial.values]
            x, y = _places(key, having), [trial.objective for trial in having]
            axes.plot(x, y, "o", color="#0072B2", markersize=3, alpha=0.75, markeredgewidth=0)
            axes.set_xlabel(short_name(key.key, 32), fontsize=7)
            _axis(axes.xaxis, axes.set_xscale, key)
            if index % _COLUMNS == 0:
                axes.set_ylabel(short_name(objective.rpartition("/")[2], 20))
            axes.grid()


def _contour(
    path: Path,
    pair: tuple[SearchedKey, SearchedKey],
    trials: Sequence[SearchedTrial],
    objective: str,
    title: str,
) -> None:
    having = [trial for trial in trials if all(key.key in trial.values for key in pair)]
    x, y = (_places(key, having) for key in pair)
    z = np.array([trial.objective for trial in having])
    with picture(path, 4.6, 3.4, title) as (figure, axes):
        for which, (axis, scale) in enumerate(((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale))):
            _axis(axis, scale, pair[which])
        if (triangles := _surface(pair, x, y)) is not None and z.max() > z.min():
            axes.tricontourf(triangles, z, levels=8, cmap="viridis", alpha=0.6)
        dots = axes.scatter(x, y, c=z, cmap="viridis", edgecolors="black", linewidths=0.4, s=18, zorder=3)
        figure.colorbar(dots, ax=axes, label=short_name(objective, 30))
        axes.set(xlabel=pair[0].key, ylabel=pair[1].key)
        axes.use_sticky_edges = False
        axes.margins(0.06)


def _surface(pair: tuple[SearchedKey, SearchedKey], x: NDArray[Any], y: NDArray[Any]) -> Any:
    """The triangles between trials, on the scales on which they were searched; None where there are none."""
    from matplotlib.tri import Triangulation

    scaled = [np.log(v) if key.log else v for key, v in zip(pair, (x, y), strict=True)]
    spans = [max(float(np.ptp(v)), 1e-300) for v in scaled]
    if len(set(zip(x, y, strict=True))) < len(x):  # two trials at one place have no triangle
        return None
    try:
        triangles = Triangulation(*((v - v.min()) / span for v, span in zip(scaled, spans, strict=True)))
    except (RuntimeError, ValueError):  # all lie on one line
        return None
    return Triangulation(x, y, triangles.triangles)


def _pair(
    what: WhatMattered, keys: Sequence[SearchedKey], trials: Sequence[SearchedTrial]
) -> tuple[SearchedKey, SearchedKey] | None:
    """The two keys that mattered most; None where there are fewer keys, or too few trials."""
    named = {key.key: key for key in keys}
    keyed = [named[one.key] for one in what.found if one.key in named and one.share is not None]
    return (keyed[0], keyed[1]) if len(keyed) > 1 and len(trials) >= _LEAST else None


def _places(key: SearchedKey, trials: Sequence[SearchedTrial]) -> NDArray[Any]:
    values = [trial.values[key.key] for trial in trials]
    return np.array([key.choices.index(value) for value in values] if key.choices else values, dtype=float)


def _axis(axis: Any, set_scale: Any, key: SearchedKey) -> None:
    if key.choices:
        axis.set_ticks(range(len(key.choices)), [short_name(shown_value(one), 10) for one in key.choices])
    elif key.log:
        set_scale("log")
        # Powers of ten are drawn as mathematical text; names in pictures are not.
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda value, _: "")
