"""Whether a text has anything that can be seen."""

from __future__ import annotations

import unicodedata

_HIDDEN = ("Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Me")
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # Hangul's fillers, letters by category, and Braille's blank


def shows(text: str) -> bool:
    """Whether ``text`` has a character other than white space, controls, signs without width such as the
    zero-width space, marks that stand on another character (Unicode's categories Z, Cc, Cf, Mn and Me), and
    letters that are blank.
    """
    return any(unicodedata.category(c) not in _HIDDEN and c not in _BLANK for c in text)
