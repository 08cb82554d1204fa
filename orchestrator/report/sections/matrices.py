"""The task-by-task matrices of a stream's methods."""

from __future__ import annotations

from collections.abc import Sized

from ..best_method import best_method
from ..drawing.draw_matrix import draw_matrix
from ..figure import figure
from ..html import Html, join, tag
from ..mean_matrix import matrices_of, mean_matrix
from ..stream_result import StreamResult
from .section import Section


def matrices(stream: StreamResult) -> Section | None:
    """Each method's scores on each task after each task, as the mean over pairs, and the difference between
    the first method and the best other one; None where no matrix is recorded.

    Args:
        stream: The stream.
    """
    found = {m.label: all_ for m in stream.methods if (all_ := matrices_of(m)) is not None}
    if not found:
        return None
    means = {label: mean_matrix(all_) for label, all_ in found.items()}
    drawn: list[Html] = []
    first, best = stream.methods[0].label, best_method(stream)
    if best is not None and first in means and best in means and means[first].shape == means[best].shape:
        title = f"{first} less {best}"
        said = f"{title}, the best other method, in points: "
        colours = "blue where the first is above, orange where it is below."
        drawn.append(figure(draw_matrix(means[first] - means[best], title, signed=True), said, colours))
    drawn += [
        figure(
            draw_matrix(mean, f"Task-by-task matrix of {label}"), f"{label}, mean over {_pairs(found[label])}"
        )
        for label, mean in means.items()
    ]
    about = (
        "A row is the model after a task, a column a task by its place in the stream, a cell the score on "
        "test data in percent. Right of the diagonal are tasks that had not come yet."
    )
    body = join(tag("p", about, kind="soft"), tag("div", *drawn, kind="grid"))
    return Section("Task by task", body, optional=True)


def _pairs(found: Sized) -> str:
    n = len(found)
    return f"{n} pair{'s' * (n > 1)}"
