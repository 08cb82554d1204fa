"""The vocabulary of the tokenizer ``multilingual``. It does not depend on any stream."""

from __future__ import annotations

import gzip
import string

from methods.backbones.config import CLIP_MERGES

_BLOCKS = (
    (0x0020, 0x007E),  # ASCII
    (0x00A0, 0x024F),  # Latin-1 Supplement, Latin Extended-A and -B
    (0x0300, 0x052F),  # Combining Diacritical Marks, Greek, Cyrillic and its supplement
    (0x0530, 0x06FF),  # Armenian, Hebrew, Arabic
    (0x0900, 0x0EFF),  # the scripts of India and Sri Lanka, Thai, Lao
    (0x10A0, 0x10FF),  # Georgian
    (0x1E00, 0x1FFF),  # Latin Extended Additional (Vietnamese), Greek Extended
    (0x2000, 0x22FF),  # General Punctuation, currencies, letterlike, numbers, arrows, mathematics
    (0x2460, 0x27BF),  # enclosed numbers, boxes, shapes, symbols, dingbats
    (0x3000, 0x33FF),  # CJK punctuation, kana, bopomofo, hangul letters, enclosed and squared CJK
    (0x4E00, 0x9FFF),  # CJK Unified Ideographs
    (0xAC00, 0xD7A3),  # Hangul Syllables
    (0xFE00, 0xFE4F),  # variation selectors, vertical forms, half marks, CJK compatibility forms
    (0xFF00, 0xFFEF),  # half- and fullwidth forms
    (0x1F300, 0x1F64F),  # pictographs, emoticons
    (0x1F680, 0x1F6FF),  # transport
    (0x1F900, 0x1F9FF),  # more pictographs
)


def multilingual() -> tuple[list[str], list[tuple[str, str]]]:
    """The tokens, and the merges that make the tokens of several characters, in their order.

    Every code point of the Unicode blocks in common use is a token, whether it is assigned or not, since
    whole blocks do not depend on the version of Unicode or of Python. After them come the pieces of English
    words that CLIP's first merges make (Radford et al., 2021), and each piece with the space before it, so
    that a word takes no token for its space.
    """
    merges = _english()
    pieces = [*string.ascii_letters, *dict.fromkeys(a + b for a, b in merges)]
    # These come last: a space is joined to the pieces of its word.
    merges += [(" ", piece) for piece in pieces]
    return [*_characters(), *dict.fromkeys(a + b for a, b in merges)], merges


def _english() -> list[tuple[str, str]]:
    lines = gzip.decompress(CLIP_MERGES.read_bytes()).decode().splitlines()[1:]
    # Here a space, and not a mark, shows where a word ends.
    pairs = (line.replace("</w>", "").split() for line in lines)
    letters = set(string.ascii_lowercase)
    return list(dict.fromkeys((a, b) for a, b in pairs if set(a + b) <= letters))


def _characters() -> list[str]:
    return [chr(code) for first, last in _BLOCKS for code in range(first, last + 1)]
