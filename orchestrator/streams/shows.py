"""Checks whether a text has anything visible."""

from __future__ import annotations

import unicodedata

_HIDDEN = ("Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Me")
# the fillers of Hangul, which count as letters by their category, and the blank of Braille
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"


def shows(text: str) -> bool:
    """Whether ``text`` has a visible character.

    White space, controls, signs without width such as the zero-width space, marks that stand on another
    character (Unicode's categories Z, Cc, Cf, Mn and Me) and blank letters are not visible.
    """
    return any(unicodedata.category(c) not in _HIDDEN and c not in _BLANK for c in text)
