"""What there is to run: ``python -m orchestrator.sweep list``."""

from __future__ import annotations

import inspect
import textwrap

from methods import registry as methods

from .space import Space
from .streams import registry as streams

_WIDTH = 100


def listing() -> str:
    """Methods, streams and search spaces, as aligned plain text for 100 columns."""
    parts = ["Methods", *_table([_method(name) for name in methods.names()])]
    parts += ["", "Streams", *_table([_stream(name) for name in streams.names()])]
    for name in Space.names():
        space = Space.load(name)
        goal = f"{space.objective.mode} {space.objective.metric}"
        head = f"Search space of {name}: {goal}, {space.trials} trials on {space.config.stream_name}"
        parts += ["", head, *(f"  {line}" for line in space.describe())]
    return "\n".join(parts)


def _method(name: str) -> tuple[str, str, str]:
    method = methods.get(name)
    about = inspect.getdoc(method).partition("\n\n")[0]
    return name, ", ".join(sorted(method.scenarios)), " ".join(about.split())


def _stream(name: str) -> tuple[str, str, str]:
    stream = streams.get(name)
    return name, stream.scenario, stream.summary


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    first, second = (max(len(row[i]) for row in rows) for i in range(2))
    lines: list[str] = []
    for name, scenario, about in rows:
        head = f"  {name:{first}}  {scenario:{second}}  "
        lines += textwrap.wrap(head + about, _WIDTH, subsequent_indent=" " * len(head), drop_whitespace=True)
    return lines
