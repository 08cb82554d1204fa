"""What a sweep or a run prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from ..errors import UserError
from .last_lines import print_last
from .result_json import result_json
from .run_result import RunResult
from .say import Say


class Output:
    """What a sweep or a run prints: timed lines of progress and the text at its end. With ``--quiet`` it is
    that text alone. With ``--json`` it is the result as one JSON object, with the lines on standard error. On
    a terminal a line below them shows the progress, until the ``with`` block of this object ends.

    Args:
        given: The command line.

    Attributes:
        say: Takes a line of progress; None: it is dropped.
        live: Takes the line below them; None: it is dropped.

    Raises:
        UserError: ``--json`` beside ``--dry-run`` or ``--explain``. The message is one line.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        idle = "--dry-run" if given.dry_run else "--explain"
        if given.json and (given.dry_run or getattr(given, "explain", None) is not None):
            raise UserError(
                f"--json beside {idle}: it starts nothing and has no result; allowed: one of them"
            )
        self.say = None if given.quiet else Say(sys.stderr if given.json else sys.stdout)
        self.live = None if self.say is None else self.say.live.show
        self._last: Callable[[str], None] = _nobody if given.json else print if given.quiet else print_last
        self._json = given.json

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *error: object) -> None:
        if self.live is not None:
            self.live("")

    def first(self, text: str) -> None:
        """Takes what a dry run says before it reads data."""
        print(text, flush=True)

    def last(self, text: str) -> None:
        """Takes the text with which the command ends."""
        if self.live is not None:
            self.live("")
        self._last(text)

    def end(self, result: RunResult) -> int:
        """Prints the result where it is asked for; returns the command's exit status."""
        if self._json:
            print(result_json(result), flush=True)
        return result.exit_status

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        """Adds ``--quiet`` and ``--json``."""
        parser.add_argument("--quiet", action="store_true", help="print what the command ends with alone")
        parser.add_argument(
            "--json",
            action="store_true",
            help="print the result as one JSON object, and lines of progress on standard error",
        )


def _nobody(text: str) -> None:
    """Takes a line that nobody wants."""
