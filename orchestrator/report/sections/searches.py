"""The searches of a stream's methods."""

from __future__ import annotations

from collections import Counter

from ...schema.shown import shown_value
from ..drawing.draw_trials import MOST, draw_trials
from ..figure import figure
from ..html import Html, join, tag
from ..method_result import MethodResult
from ..shown_number import MISSING, shown_number
from ..stream_result import StreamResult
from ..table import table
from .section import Section


def searches(stream: StreamResult) -> Section | None:
    """The trials of each search over tasks, what each search chose, and the command of each; None where no
    search has begun.

    Args:
        stream: The stream.
    """
    methods = [m for m in stream.methods if m.trials or m.searched]
    if not methods:
        return None
    about = (
        f"Searches see validation data alone. A line is a trial's {stream.objective} over tasks; a thick one "
        "was chosen; an x stands at the task where a trial was stopped (yellow) or failed (red)."
    )
    drawn = [_drawn(stream, method) for method in methods if any(t.curve for t in method.searched)]
    rows = [_row(method) for method in methods]
    body = join(
        tag("p", about, kind="soft"),
        *([tag("div", *drawn, kind="grid")] if drawn else []),
        tag("p", "What was chosen:", kind="soft"),
        table(("method", "trial", "validation", "values"), rows, "chosen"),
    )
    return Section("Searches", body, optional=True)


def _drawn(stream: StreamResult, method: MethodResult) -> Html:
    drawn = draw_trials(method.searched, "tasks done", f"Trials of the search of {method.label}")
    counts = Counter(trial.status for trial in method.searched)
    told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    early = sum(trial.status == "failed" and not trial.curve for trial in method.searched)
    more = [f"; {early} failed in the first task"] if early else []
    if len(method.searched) > MOST:
        more.append(f"; {MOST} are drawn")
    if why := next((trial.reason for trial in method.searched if trial.status == "failed"), ""):
        more.append(f". A failure: {why}")
    return figure(drawn, tag("b", method.label), f": {told}", *more)


def _row(method: MethodResult) -> list[str]:
    chosen = next((trial.id for trial in method.searched if trial.chosen), MISSING)
    values = ", ".join(f"{key}={shown_value(value)}" for key, value in method.chosen.items())
    return [method.label, chosen, shown_number(method.score, 2), values or MISSING]
