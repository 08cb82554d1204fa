"""The reference runs of a stream, and what methods come to beside them."""

from __future__ import annotations

from ..html import join, tag
from ..reference_rows import against_rows, reference_rows, reference_sentence
from ..stream_result import StreamResult
from ..table import table
from .section import Section


def references(stream: StreamResult) -> Section | None:
    """The references' figures, and the methods' metrics that are computed beside them; None where there are
    none.

    Args:
        stream: The stream.
    """
    if not (rows := reference_rows(stream)):
        return None
    parts = [tag("p", stream.about_references, kind="soft"), table(rows[0], rows[1:], "references")]
    if found := against_rows(stream):
        said = "Beside them, pair by pair, in points, mean ± sample standard deviation over pairs:"
        parts += [tag("p", said, kind="soft"), table(found[0], found[1:], "against")]
    if absent := reference_sentence(stream):
        parts.append(tag("p", absent, kind="soft"))
    return Section("References", join(*parts))
