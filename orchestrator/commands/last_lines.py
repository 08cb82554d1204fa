"""The last lines that a command prints."""

from __future__ import annotations

from collections.abc import Sequence

from .told_to_end import ToldToEnd


def last_lines(blocks: Sequence[Sequence[str]], fatal: str, interrupted: bool, again: str) -> str:
    """Joins a command's last lines, with a blank line between two blocks.

    Args:
        blocks: Blocks of lines; those without lines are left out.
        fatal: Why the run stopped, in one line; empty where nothing stopped it.
        interrupted: Whether the run was interrupted.
        again: The command that resumes the run; empty where nothing is left to do.
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
