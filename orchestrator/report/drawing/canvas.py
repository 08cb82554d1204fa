"""An SVG that is put together piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH = 360
"""The width of a chart, in units that are pixels on a small screen."""

Point = tuple[float, float]


class Canvas:
    """An SVG of the width :data:`WIDTH`. Its y axis leads down.

    All text is escaped. Colours and widths come from classes.

    Args:
        height: Its height, in the units of the width.
        title: What it shows, for those who do not see it.
    """

    def __init__(self, height: float, title: str) -> None:
        self._height = height
        self._title = title
        self._pieces: list[str] = []

    def line(self, start: Point, end: Point, kind: str) -> None:
        """A straight line of the class ``kind``."""
        (x1, y1), (x2, y2) = start, end
        self._pieces.append(f'<path class="{kind}" d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"/>')

    def path(self, points: Sequence[Point], kind: str, *, closed: bool = False) -> None:
        """A line through points, or an area, of the class ``kind``. Of one point nothing is drawn."""
        if len(points) > 1:
            steps = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
            self._pieces.append(f'<path class="{kind}" d="M{steps}{"Z" if closed else ""}"/>')

    def squares(self, corners: Sequence[Point], size: Point, kind: str, opacity: float) -> None:
        """Rectangles of one width and height, by their upper left corners, as one piece."""
        width, height = size
        steps = "".join(
            f"M{_n(x)} {_n(y)}h{_n(width)}v{_n(height)}h{_n(-width)}z"  # compact: there may be thousands
            for x, y in corners
        )
        self._pieces.append(f'<path class="{kind}" fill-opacity="{opacity:.2f}" d="{steps}"/>')

    def dot(self, at: Point, kind: str, said: str = "", radius: float = 3) -> None:
        """A dot; ``said`` is shown where a pointer rests on it."""
        title = f"<title>{escape(said)}</title>" if said else ""
        self._pieces.append(
            f'<circle class="{kind}" cx="{_n(at[0])}" cy="{_n(at[1])}" r="{_n(radius)}">{title}</circle>'
        )

    def cross(self, at: Point, kind: str, size: float = 3) -> None:
        """An x."""
        x, y = at
        steps = f"M{_n(x - size)} {_n(y - size)}l{_n(2 * size)} {_n(2 * size)}"
        steps += f"M{_n(x - size)} {_n(y + size)}l{_n(2 * size)} {_n(-2 * size)}"
        self._pieces.append(f'<path class="{kind}" d="{steps}"/>')

    def text(self, at: Point, words: str, kind: str = "", anchor: str = "middle") -> None:
        """Words; ``anchor`` is ``start``, ``middle`` or ``end``."""
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
