import pytest

from orchestrator.schema.shown import shown_score, shown_time, shown_value


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


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "1 s"),
        (99.4, "99 s"),
        (100, "1.7 min"),
        (594, "9.9 min"),
        (600, "10 min"),
        (5940, "99 min"),
        (6000, "1.7 h"),
        (35_640, "9.9 h"),
        (93_600, "26 h"),
    ],
)
def test_a_time_has_one_or_two_digits(seconds, shown):
    assert shown_time(seconds) == shown
