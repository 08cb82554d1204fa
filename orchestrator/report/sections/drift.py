"""The drift of pictures from texts over the tasks."""

from __future__ import annotations

import numpy as np

from ..drawing.draw_curves import Curve, draw_curves
from ..drawing.in_charts import in_charts
from ..figure import figure
from ..html import join, tag
from ..key import key
from ..method_result import MethodResult
from ..stream_result import StreamResult
from .section import Section

_MOST = 180.0  # degrees


def drift(stream: StreamResult) -> Section | None:
    """The angle between pictures and the texts of their classes after each task, a curve for each method with
    a band over its pairs; None where no run has recorded it.

    Where there are many methods there are several charts, and the first one that has it is in each.

    Args:
        stream: The stream.
    """
    found = [curve for method in stream.methods if (curve := _curve(method)) is not None]
    if not found:
        return None
    label = "degrees; tasks done"
    each = in_charts(found)
    drawn = [figure(draw_curves(one, label, _MOST), key([c.label for c in one])) for one in each]
    about = (
        "After each task, the mean angle between the pictures of a class and its text, over the classes seen "
        "so far, in degrees on validation data: what grows has drifted apart. A line is the mean over pairs, "
        "a band one sample standard deviation to either side."
    )
    body = join(tag("p", about, kind="soft"), tag("div", *drawn, kind="grid"))
    return Section("Drift", body, optional=True)


def _curve(method: MethodResult) -> Curve | None:
    """The curve over the pairs that walked as many tasks as most did."""
    tasks = max((len(pair.drift) for pair in method.pairs), default=0)
    if not tasks:
        return None
    every = np.array([pair.drift for pair in method.pairs if len(pair.drift) == tasks])
    spread = every.std(axis=0, ddof=1) if len(every) > 1 else np.full(tasks, np.nan)
    return Curve(method.label, every.mean(axis=0), spread)
