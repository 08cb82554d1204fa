"""What a command prints last."""

from __future__ import annotations

from collections.abc import Sequence

from .told_to_end import ToldToEnd


def last_lines(blocks: Sequence[Sequence[str]], fatal: str, interrupted: bool, again: str) -> str:
    """The text: the ``blocks`` that have lines, why the run came to no end of its own (``fatal``, one line,
    or that it was ``interrupted``), and the command by which to go on (``again``; empty: there is nothing
    left to do), a blank line between two.
    """
    why = []
    if fatal:
        why = [f"Stopped: {fatal}"]
    elif interrupted:
        why = [f"Interrupted by {ToldToEnd.by}." if ToldToEnd.by else "Interrupted."]
    how = ["Everything finished so far is recorded. Go on with:", f"  {again}"] if again else []
    return "\n\n".join("\n".join(block) for block in (*blocks, why, how) if block)


def print_last(text: str) -> None:
    """Prints the text with which a command ends, below its lines of progress."""
    print("\n" + text, flush=True)
