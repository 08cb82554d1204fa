"""Errors that a user can mend: one line, no traceback."""

from __future__ import annotations

import unicodedata


class UserError(Exception):
    """Something that the user gave is wrong. The message is one line: what was found, where, and what is
    allowed. Characters that would begin another line, as a file's name may have them, are escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class BadRecord(UserError):
    """A record of a data set that cannot be read.

    ``row`` is the record's row in the split for which it was read. The message names file and record.
    """

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row

    def __reduce__(self):
        return type(self), (self.args[0], self.row)


_ESCAPED = ("Cc", "Zl", "Zp", "Cs")


def one_line(text: str) -> str:
    r"""Escapes whatever in ``text`` would not stay on one line.

    Line ends and other controls (Unicode's Cc, Zl and Zp) and halves of characters (Cs) become escapes. Names
    of files may hold any of them: ``a\nb.jpg``, or what sets a terminal's title.
    """
    if text.isprintable():
        return text
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in _ESCAPED else c for c in text)
