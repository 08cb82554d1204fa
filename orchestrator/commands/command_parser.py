"""The command lines' parser of options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from ..schema.config_error import nearest


class CommandParser(argparse.ArgumentParser):
    """Reports a wrong option in one line, like any other wrong input, with exit status 2."""

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[Any, list[str]]:
        """Refuses unknown options here, so that the error names the command that they were given to and not
        the one above it.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]
            options = [option for option in self._option_string_actions if option.startswith("--")]
            meant = nearest(word, options) if word.startswith("-") else ""
            self.error(f"{' '.join(unknown)}: not known here{meant}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; {self.prog} --help tells more\n")
