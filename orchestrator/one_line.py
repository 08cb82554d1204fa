"""Text that stays on its line."""

from __future__ import annotations

import unicodedata

_ESCAPED = ("Cc", "Zl", "Zp", "Cs")


def one_line(text: str) -> str:
    r"""``text`` with line ends and other controls (Unicode's Cc, Zl and Zp) and halves of characters (Cs) as
    escapes: names of files may hold any of them, ``a\nb.jpg`` or what sets a terminal's title.
    """
    if text.isprintable():
        return text
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in _ESCAPED else c for c in text)
