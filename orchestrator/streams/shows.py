"""Whether a text has anything that can be seen."""

from __future__ import annotations

import unicodedata

_HIDDEN = ("Zs", "Zl", "Zp", "Cc", "Cf")


def shows(text: str) -> bool:
    """Whether ``text`` has a character other than white space, controls, and marks without width such as the
    zero-width space (Unicode's categories Z, Cc and Cf).
    """
    return any(unicodedata.category(c) not in _HIDDEN for c in text)
