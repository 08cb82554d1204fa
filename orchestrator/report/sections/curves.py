"""Curves over tasks of a stream's methods."""

from __future__ import annotations

import numpy as np

from ..drawing.draw_curves import Curve, draw_curves
from ..drawing.in_charts import in_charts
from ..figure import figure
from ..html import join, tag
from ..key import key
from ..mean_matrix import average_so_far, matrices_of
from ..method_result import MethodResult
from ..stream_result import StreamResult
from .section import Section

_LABEL = "tasks done"


def curves(stream: StreamResult) -> Section | None:
    """The scores on the tasks so far after each task; None where no matrix is recorded.

    Where there are many methods there are several charts, and the first method is in each.

    Args:
        stream: The stream.
    """
    found = [curve for method in stream.methods if (curve := _curve(method)) is not None]
    if not found:
        return None
    drawn = [figure(draw_curves(one, _LABEL), key([c.label for c in one])) for one in in_charts(found)]
    about = (
        "After each task, the mean of the scores on the tasks so far, each task counted alike, in percent on "
        "test data. A line is the mean over pairs, a band one sample standard deviation to either side."
    )
    return Section(
        "Over tasks", join(tag("p", about, kind="soft"), tag("div", *drawn, kind="grid")), optional=True
    )


def _curve(method: MethodResult) -> Curve | None:
    if (matrices := matrices_of(method)) is None:
        return None
    so_far = average_so_far(matrices)
    spread = so_far.std(axis=0, ddof=1) if len(so_far) > 1 else np.full(so_far.shape[1], np.nan)
    return Curve(method.label, so_far.mean(axis=0), spread)
