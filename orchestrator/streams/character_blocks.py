"""The characters that the tokenizer ``characters`` knows one by one."""

from __future__ import annotations

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


def known_characters() -> list[str]:
    """Every code point of the Unicode blocks in common use, assigned or not, in Unicode's order.

    Whole blocks, so that the list depends on no version of Unicode, of Python or of a data set.
    """
    return [chr(code) for first, last in _BLOCKS for code in range(first, last + 1)]
