"""The strokes and surfaces that things are drawn from.

Coordinates are in the square -1 .. 1, with x to the right and y downwards. Angles are in degrees, clockwise
from the right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class Part:
    """One surface or stroke.

    Attributes:
        points: float64 (K, 2).
        width: The stroke's width; 0 fills the polygon.
        tone: ``body`` is drawn in the object's colour, ``dark`` in near black, and ``hole`` shows the
            background.
    """

    points: np.ndarray
    width: float = 0.0
    tone: Literal["body", "dark", "hole"] = "body"


def dark(part: Part) -> Part:
    """Returns the same part in near black."""
    return replace(part, tone="dark")


def hole(part: Part) -> Part:
    """The part as a hole in what was drawn before."""
    return replace(part, tone="hole")


def poly(*xy: float) -> Part:
    """A filled polygon through x0, y0, x1, y1, ..."""
    return Part(np.array(xy, float).reshape(-1, 2))


def box(left: float, top: float, right: float, bottom: float) -> Part:
    """A filled rectangle.

    Args:
        left: The x of its left side.
        top: The y of its upper side.
        right: The x of its right side.
        bottom: The y of its lower side.
    """
    return poly(left, top, right, top, right, bottom, left, bottom)


def disc(x: float, y: float, rx: float, ry: float | None = None) -> Part:
    """A filled ellipse.

    Args:
        x: The centre.
        y: The centre.
        rx: The horizontal radius.
        ry: The vertical radius; None: ``rx``, which makes a circle.
    """
    return Part(_arc(x, y, rx, rx if ry is None else ry, 0, 360))


def line(width: float, *xy: float) -> Part:
    """A stroke through x0, y0, x1, y1, ..."""
    return Part(np.array(xy, float).reshape(-1, 2), width)


def arc(width: float, x: float, y: float, r: float, start: float, end: float) -> Part:
    """A stroke along a circle.

    Args:
        width: The stroke's width.
        x: The centre.
        y: The centre.
        r: The radius.
        start: The angle at which it begins, in degrees, clockwise from the right.
        end: The angle at which it ends.
    """
    return Part(_arc(x, y, r, r, start, end), width)


def star(points: int, inner: float, turn: float = -90.0) -> Part:
    """A star of outer radius 1 around the centre.

    Args:
        points: How many points it has.
        inner: The inner radius.
        turn: The angle of the first point, in degrees, clockwise from the right.
    """
    angle = np.radians(turn + np.arange(2 * points) * 180.0 / points)
    radius = np.where(np.arange(2 * points) % 2 == 0, 1.0, inner)
    return Part(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1))


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> np.ndarray:
    angle = np.radians(np.linspace(start, end, 33))
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], 1)
