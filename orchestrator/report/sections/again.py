"""The commands that repeat a stream's runs."""

from __future__ import annotations

from ..html import Html, join, tag
from ..stream_result import StreamResult
from .section import Section


def again(stream: StreamResult) -> Section | None:
    """The commands that repeat each method's search, and its run with a pair, outside the study; None where
    none are recorded.

    Args:
        stream: The stream.
    """
    if not any(method.commands for method in stream.methods):
        return None
    about = (
        "A method's runs apart from the study, with the same numbers: its search, and its run with the first "
        "pair. Another pair's configuration lies in its own run. A sweep of its own that "
        "sees all tasks looks at test data once in the end, with the trial that it chose; a study's does not."
    )
    parts: list[Html] = [tag("p", about, kind="soft")]
    for method in stream.methods:
        lines = [f"# {method.label}, {what}\n{command}" for what, command in method.commands.items()]
        parts += [tag("pre", "\n".join(lines))] if lines else []
    return Section("Make it again", join(*parts))
