"""An SVG that is put together piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH = 360
"""The width of a chart, in units that are pixels on a small screen."""

Point = tuple[float, float]


class Canvas:
    """An SVG of the width :data:`WIDTH`. Its y axis points down.

    All text is escaped. Colours and widths come from classes.

    Args:
        height: Its height, in the units of the width.
        title: A description of the picture, for those who do not see it.
    """

    def __init__(self, height: float, title: str) -> None:
        self._height = height
        self._title = title
        self._pieces: list[str] = []

    def line(self, start: Point, end: Point, kind: str) -> None:
        """Draws a straight line.

        Args:
            start: Its (x, y), in units.
            end: The other end's (x, y).
            kind: Its class in the page's style.
        """
        (x1, y1), (x2, y2) = start, end
        self._pieces.append(f'<path class="{kind}" d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"/>')

    def path(self, points: Sequence[Point], kind: str, *, closed: bool = False) -> None:
        """Draws a line through points, or an area. A single point draws nothing.

        Args:
            points: The points' (x, y), in units.
            kind: Its class in the page's style.
            closed: Whether the last point is joined to the first one.
        """
        if len(points) > 1:
            steps = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
            self._pieces.append(f'<path class="{kind}" d="M{steps}{"Z" if closed else ""}"/>')

    def squares(self, corners: Sequence[Point], size: Point, kind: str, opacity: float) -> None:
        """Draws rectangles of one width and height as one piece.

        Args:
            corners: Their upper left corners' (x, y), in units.
            size: Their width and height.
            kind: Their class in the page's style.
            opacity: How opaque they are, 0 .. 1.
        """
        width, height = size
        steps = "".join(
            f"M{_n(x)} {_n(y)}h{_n(width)}v{_n(height)}h{_n(-width)}z"  # short, since there may be thousands
            for x, y in corners
        )
        self._pieces.append(f'<path class="{kind}" fill-opacity="{opacity:.2f}" d="{steps}"/>')

    def dot(self, at: Point, kind: str, said: str = "", radius: float = 3) -> None:
        """Draws a dot.

        Args:
            at: Its (x, y), in units.
            kind: Its class in the page's style.
            said: The text that is shown where a pointer rests on it; empty: none.
            radius: Its radius, in units.
        """
        title = f"<title>{escape(said)}</title>" if said else ""
        self._pieces.append(
            f'<circle class="{kind}" cx="{_n(at[0])}" cy="{_n(at[1])}" r="{_n(radius)}">{title}</circle>'
        )

    def cross(self, at: Point, kind: str, size: float = 3) -> None:
        """Draws an x.

        Args:
            at: Its middle's (x, y), in units.
            kind: Its class in the page's style.
            size: Half of its side, in units.
        """
        x, y = at
        steps = f"M{_n(x - size)} {_n(y - size)}l{_n(2 * size)} {_n(2 * size)}"
        steps += f"M{_n(x - size)} {_n(y + size)}l{_n(2 * size)} {_n(-2 * size)}"
        self._pieces.append(f'<path class="{kind}" d="{steps}"/>')

    def text(self, at: Point, words: str, kind: str = "", anchor: str = "middle") -> None:
        """Writes words on one line.

        Args:
            at: The (x, y) of the point that ``anchor`` names, in units.
            words: The words.
            kind: Their class in the page's style; empty: none.
            anchor: ``start``, ``middle`` or ``end``: which point of the text is at ``at``.
        """
        of = f' class="{kind}"' if kind else ""
        self._pieces.append(
            f'<text{of} x="{_n(at[0])}" y="{_n(at[1])}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def svg(self) -> str:
        """The whole SVG."""
        head = f'<svg viewBox="0 0 {WIDTH} {_n(self._height)}" role="img" aria-label="{escape(self._title)}">'
        return "\n".join([head, *self._pieces, "</svg>"])


def _n(value: float) -> str:
    """A coordinate with one digit behind the point, as short as it can be."""
    return f"{round(value, 1) + 0.0:g}"
