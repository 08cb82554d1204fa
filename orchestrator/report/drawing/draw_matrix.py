"""Draws the scores on each task after each task as coloured cells."""

from __future__ import annotations

import numpy as np

from .canvas import WIDTH, Canvas

_LEFT, _TOP, _BOTTOM = 26, 4, 30
_NUMBERED = 10  # tasks up to which a cell has its number
_MOST = 40  # cells in a row; where there are more tasks, a cell is the mean over several
_LEVELS = 20  # of colour, each drawn as one piece
_DARK = 0.55  # above it a number is white
_GAP = 0.6


def draw_matrix(matrix: np.ndarray, title: str, *, signed: bool = False) -> str:
    """Draws a task-by-task matrix as SVG: a row after each task, a column for each task.

    Args:
        matrix: (T, T), in percent, NaN where there is nothing.
        title: What the chart shows.
        signed: Whether the numbers are differences. Those above 0 then have another colour than those below.
    """
    shown, each = _coarse(matrix)
    cells = len(shown)
    size = (WIDTH - _LEFT - 4) / cells
    height = min(size, 30) if cells <= _NUMBERED else size * 0.7
    canvas = Canvas(_TOP + cells * height + _BOTTOM, title)
    most = float(np.nanmax(np.abs(shown), initial=0)) if signed else 100.0
    _colour(canvas, shown / (most or 1), (size, height))
    for row, column in np.argwhere(np.isfinite(shown)) if cells <= _NUMBERED else ():
        value = float(shown[row, column])
        kind = "cell white" if abs(value) / (most or 1) > _DARK else "cell"
        words = f"{round(value) + 0:+d}" if signed and round(value) else f"{round(value) + 0:d}"
        canvas.text((_LEFT + (column + 0.5) * size, _TOP + (row + 0.5) * height + 4), words, kind)
    every = max(1, -(-cells // 10))
    for task in range(0, cells, every):
        canvas.text((_LEFT - 4, _TOP + (task + 0.5) * height + 4), str(task * each + 1), "small", "end")
        canvas.text((_LEFT + (task + 0.5) * size, _TOP + cells * height + 12), str(task * each + 1), "small")
    below = "task; a row is after a task" if each == 1 else f"task; a cell is the mean over {each} tasks"
    canvas.text((_LEFT + cells * size / 2, _TOP + cells * height + 26), below, "small")
    return canvas.svg()


def _colour(canvas: Canvas, shares: np.ndarray, size: tuple[float, float]) -> None:
    """Draws the cells, those of one colour as one piece. ``shares`` are -1 .. 1."""
    levels = np.where(np.isfinite(shares), np.rint(np.nan_to_num(shares) * _LEVELS), 0).astype(int)
    width, height = size
    for level in np.unique(levels):
        at = np.argwhere((levels == level) & np.isfinite(shares))
        corners = [(_LEFT + c * width, _TOP + r * height) for r, c in at]
        kind = "less" if level < 0 else "more"
        if corners:
            inner = (width - _GAP, height - _GAP)
            canvas.squares(corners, inner, kind, max(0.04, min(1.0, abs(level) / _LEVELS)))


def _coarse(matrix: np.ndarray) -> tuple[np.ndarray, int]:
    """The matrix with as many rows as can be drawn, and how many tasks each row is the mean of."""
    each = -(-len(matrix) // _MOST)
    if each == 1:
        return matrix, 1
    cells = -(-len(matrix) // each)
    padded = np.full((cells * each, cells * each), np.nan)
    padded[: len(matrix), : len(matrix)] = matrix
    blocks = padded.reshape(cells, each, cells, each)
    there = np.isfinite(blocks)
    count = there.sum(axis=(1, 3))
    total = np.where(there, blocks, 0).sum(axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), each
