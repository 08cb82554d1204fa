"""The names of a chart's colours."""

from __future__ import annotations

from collections.abc import Sequence

from .html import Html, tag


def key(labels: Sequence[str]) -> Html:
    """A list of names, the n-th with the colour n.

    Args:
        labels: The names.
    """
    mark = [
        Html(
            f'<svg viewBox="0 0 22 8" aria-hidden="true"><path class="curve c{n}" d="M0 4L22 4"/>'
            f'<circle class="f{n}" cx="11" cy="4" r="2.5"/></svg>'
        )
        for n in range(len(labels))
    ]
    return tag("ul", *(tag("li", mark[n], label) for n, label in enumerate(labels)), kind="key")
