import pytest

from orchestrator.streams.text.clean_caption import clean_caption


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Big RED bus!", "big red bus"),
        ('a "cat" (black): #1; ~2*', "a cat black 1 2"),
        ("one,two's half-way/there?", "one,two's half-way/there?"),
        ("  a \t b\n", "a b"),
        ("不锈钢 保温杯（新款），500ML", "不锈钢 保温杯（新款），500ml"),
        ("cafe\u0301 caf\u00e9", "cafe\u0301 caf\u00e9"),
        ("...", ""),
    ],
)
def test_punctuation_goes_as_in_the_released_code_and_languages_stay(text, cleaned):
    assert clean_caption(text, 30) == cleaned


def test_words_beyond_the_limit_are_cut():
    assert clean_caption("a b. c d", 3) == "a b c"
