"""Draws accuracy against memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...statistics.summary import Summary
from .canvas import WIDTH, Canvas
from .frame import BOTTOM, LEFT, RIGHT, TOP
from .scale import Scale

_HEIGHT = 240


@dataclass(frozen=True)
class AtMemory:
    """A method with its memory.

    Attributes:
        label: The method's name.
        memory: The samples in its memory at the end, a mean over pairs.
        told: The summary of its figures.
    """

    label: str
    memory: float
    told: Summary


def draw_memory(methods: Sequence[AtMemory], best: Sequence[AtMemory], below: str, title: str) -> str:
    """Draws methods by memory and figure as SVG, with intervals. The methods of the Pareto set are joined.

    Args:
        methods: The methods.
        best: The methods of the Pareto set (:func:`pareto`).
        below: The unit of the memory.
        title: What the chart shows.
    """
    canvas = Canvas(_HEIGHT, title)
    across = Scale.around([0, *(m.memory for m in methods)], LEFT + 10, WIDTH - RIGHT - 10)
    up = Scale.around(
        [v for m in methods for v in (m.told.mean, m.told.low, m.told.high)], _HEIGHT - BOTTOM, TOP
    )
    for tick in up.ticks():
        canvas.line((LEFT, up(tick)), (WIDTH - RIGHT, up(tick)), "grid")
        canvas.text((LEFT - 5, up(tick) + 4), f"{tick:g}", "small", "end")
    for tick in across.ticks():
        canvas.text((across(tick), up.start + 14), f"{tick:g}", "small")
    canvas.line((LEFT, up.start), (WIDTH - RIGHT, up.start), "axis")
    canvas.text(((LEFT + WIDTH) / 2, up.start + 29), below, "small")
    canvas.path([(across(m.memory), up(m.told.mean)) for m in best], "join")
    taken: list[tuple[float, float]] = []
    for method in sorted(methods, key=lambda m: -m.told.mean):
        x, y = across(method.memory), up(method.told.mean)
        if method.told.n > 1:
            canvas.line((x, up(method.told.low)), (x, up(method.told.high)), "interval")
        canvas.dot(
            (x, y), "f1" if method in best else "point", f"{method.label}: {method.told.mean:.1f}", 3.5
        )
        left = x > (LEFT + WIDTH) / 2
        at = y + 4
        while any(abs(at - other) < 10 and abs(x - there) < 90 for there, other in taken):
            at += 2  # names that would overlap move down
        taken.append((x, at))
        canvas.text((x - 7 if left else x + 7, at), method.label, "small", "end" if left else "start")
    return canvas.svg()


def pareto(methods: Sequence[AtMemory], *, less_is_better: bool = False) -> list[AtMemory]:
    """The methods that no method with as little memory beats, from the smallest memory on.

    Args:
        methods: The methods.
        less_is_better: Whether lower figures are better.
    """
    sign = 1 if less_is_better else -1
    found: list[AtMemory] = []
    for method in sorted(methods, key=lambda m: (m.memory, sign * m.told.mean)):
        if not found or sign * method.told.mean < sign * found[-1].told.mean:
            found.append(method)
    return found
