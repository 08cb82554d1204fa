"""The reference runs of a stream, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .reference_rows import against_rows, reference_rows, reference_sentence
from .stream_result import StreamResult


def reference_blocks(stream: StreamResult) -> list[str]:
    """The paragraphs and tables of a stream's references; none where it has none.

    Args:
        stream: The stream.
    """
    if not (rows := reference_rows(stream)):
        return []
    blocks = [stream.about_references, _table(rows)]
    if found := against_rows(stream):
        blocks += ["Beside them, pair by pair, in points:", _table(found)]
    failed = [f"- {line}" for line in stream.failed_references]
    missing = [f"- {line}" for line in stream.unread_references]
    return [
        *blocks,
        *filter(None, [reference_sentence(stream)]),
        *(["\n".join(["Failed, and tried again by `--resume`:", "", *failed])] if failed else []),
        *(["\n".join(["Not read, so that figures beside it are missing:", "", *missing])] if missing else []),
    ]


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])
