"""HTML that is put together with all text escaped."""

from __future__ import annotations

from html import escape


class Html(str):
    """Text that is HTML already. Any other text is escaped by :func:`tag`."""


def tag(name: str, *inside: str, **attributes: str) -> Html:
    """An element with what is inside it.

    Args:
        name: The element's name.
        inside: Its content. A part that is not :class:`Html` is text, and is escaped.
        attributes: Attribute -> value; ``kind`` stands for ``class``.
    """
    given = "".join(
        f' {"class" if key == "kind" else key}="{escape(value)}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>{join(*inside)}</{name}>")


def join(*parts: str) -> Html:
    """Parts one after another. A part that is not :class:`Html` is text, and is escaped."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))
