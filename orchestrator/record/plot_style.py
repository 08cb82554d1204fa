"""The look of pictures: made for print, and readable without colours. matplotlib is imported late."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..storage.fresh_file import fresh_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDEST = 7.2
"""Inches: two columns of a page."""

# The palette of Okabe and Ito, Color Universal Design (2008), without its yellow, which is invisible on white
# paper.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LINES = ("-", "--", "-.", (0, (1, 1.2)), (0, (5, 1, 1, 1, 1, 1)))
_DPI = 300

# Task names may be in any language. Each glyph is drawn in the first of these fonts that exists and has it.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "SimHei",
)
_LOOK = {
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "figure.titlesize": 9,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.5,
    "pdf.fonttype": 42,  # publishers refuse Type 3
    "text.parse_math": False,  # a name may have two dollars
    "axes.formatter.use_mathtext": False,
}


def line_style(number: int) -> dict[str, Any]:
    """The colour, marker and line of a curve. Neighbouring curves differ in all three.

    Args:
        number: The curve's number, from 0.
    """
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "linestyle": _LINES[number % len(_LINES)],
    }


@contextmanager
def picture(
    path: Path,
    width: float,
    height: float,
    title: str = "",
    rows: int | None = None,
    columns: int | None = None,
) -> Iterator[tuple[Figure, Any]]:
    """Opens a figure and writes it in the end: to ``path``, as a PNG at 300 dpi, and as a PDF beside it.

    The title is broken where it would leave the figure. A link at ``path`` is not followed.

    Args:
        path: The PNG.
        width: Inches.
        height: Inches.
        title: The title.
        rows: How many axes stand in a column; None: there is one.
        columns: How many axes stand in each row; all then share the axis at the left. None: one axis in each
            row; they share the axis below.

    Returns:
        The figure and its axes.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    there = set(fontManager.get_font_names())
    look = {**_LOOK, "font.family": [font for font in _FONTS if font in there] or ["sans-serif"]}
    with rc_context(look), warnings.catch_warnings():
        # A machine without a font for a task's name draws boxes, which a warning for each glyph would not
        # help.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # pyplot's figures are global state
        figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
        if rows is None:
            axes: Axes | Any = figure.subplots()
        elif columns is not None:
            axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
        else:
            axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        yield figure, axes
        if title:
            _entitle(figure, title)
        _save(figure, path)


def pdf_of(path: Path) -> Path:
    """The path of the PDF of the picture at ``path``."""
    return path.with_suffix(".pdf")


def short_name(name: str, longest: int = 18) -> str:
    """A name in one line, cut where it is longer than ``longest`` letters. A Chinese letter counts as two."""
    name = " ".join(name.split())
    wide, kept = 0, ""
    for letter in name:
        wide += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if wide > longest:
            return f"{kept[:-1]}…"
        kept += letter
    return kept


def _entitle(figure: Figure, title: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    shown = figure.suptitle("")
    room = 0.97 * figure.bbox.width

    def fits(line: str) -> bool:
        shown.set_text(line)
        return shown.get_window_extent(renderer).width <= room

    lines: list[str] = []
    for given in title.split("\n"):
        line = ""
        for part in _parts(given):
            if line and not fits(line + part):
                lines.append(line.strip())
                line = ""
            line += part.lstrip() if not line else part
        lines.append(line.strip())
    shown.set_text("\n".join(lines))


def _parts(text: str) -> list[str]:
    """The parts between which a line may be broken: before words, and within words that no line holds."""
    words = [f" {word}" for word in text.split()]
    return [word[start : start + 20] for word in words for start in range(0, len(word), 20)]


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The figure is laid out once for both files. Otherwise it would be laid out again for each file.
    if layout := figure.get_layout_engine():
        layout.execute(figure)
    figure.set_layout_engine(None)
    for file_path in (path, pdf_of(path)):
        # The same numbers make the same file, whenever it is drawn.
        when = {"metadata": {"CreationDate": None}} if file_path.suffix == ".pdf" else {}
        drawn = BytesIO()
        figure.savefig(drawn, format=file_path.suffix[1:], dpi=_DPI, **when)
        with fresh_file(file_path) as file:
            file.write(drawn.getvalue())
