import pytest

from orchestrator.schema.shown import shown_bytes, shown_flops, shown_score, shown_time, shown_value


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


@pytest.mark.parametrize(
    ("amount", "size", "flops"),
    [
        (0, "0 B", "0 FLOPs"),
        (5.2, "5 B", "5 FLOPs"),
        (999.4, "999 B", "999 FLOPs"),
        (999.5, "1.0 kB", "1.0 kFLOPs"),
        (9.949e6, "9.9 MB", "9.9 MFLOPs"),
        (9.95e6, "10 MB", "10 MFLOPs"),
        (284.3e9, "284 GB", "284 GFLOPs"),
        (1.3e15, "1300 TB", "1.3 PFLOPs"),
        (2e18, "2000000 TB", "2.0 EFLOPs"),
        (4e24, "4000000000000 TB", "4000 ZFLOPs"),
    ],
)
def test_an_amount_is_in_powers_of_1000(amount, size, flops):
    assert (shown_bytes(amount), shown_flops(amount)) == (size, flops)
