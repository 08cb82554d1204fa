import pytest

from orchestrator.schema.shown import shown_score, shown_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00030000000000000003, "0.0003"),
        (0.0010615360772719654, "0.00106154"),
        (1e-05, "1e-05"),
        (0.1, "0.1"),
        (2.0, "2.0"),
        (3, "3"),
        (True, "true"),
        (None, "null"),
        ("a b", "a b"),
        (["名", 1], '["名", 1]'),
    ],
)
def test_a_value_is_short_and_what_set_takes(value, text):
    assert shown_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-3.553e-15, "0.00"),
        (-0.004, "0.00"),
        (-0.006, "-0.01"),
        (61.2349, "61.23"),
        (None, "-"),
        (100, "100.00"),
    ],
)
def test_a_score_has_two_decimals_and_no_negative_zero(value, text):
    assert shown_score(value) == text
