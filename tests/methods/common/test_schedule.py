"""Learning rates step by step, in numbers."""

import math

import pytest

from methods.common.schedule import cosine, warmup_constant, warmup_cosine


def test_a_cosine_falls_from_one_and_stops_short_of_its_floor():
    half = math.sqrt(0.5)
    assert [cosine(k, 4, 0) for k in range(4)] == pytest.approx([1, (1 + half) / 2, 0.5, (1 - half) / 2])
    assert [cosine(k, 2, 0.2) for k in range(2)] == pytest.approx([1, 0.6])


def test_a_rise_begins_above_nothing_and_ends_at_one():
    assert [warmup_constant(k, 10, 0.3) for k in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert [warmup_constant(k, 10, 0.0) for k in range(2)] == [1, 1]
    # 0.29 of ten steps are two whole ones.
    assert [warmup_constant(k, 10, 0.29) for k in range(4)] == pytest.approx([1 / 3, 2 / 3, 1, 1])


def test_a_rise_is_followed_by_a_cosine_over_the_steps_that_are_left():
    found = [warmup_cosine(k, 6, 0.4, 0.1) for k in range(6)]  # two whole steps rise, and four fall
    assert found == pytest.approx([1 / 3, 2 / 3, *(cosine(k, 4, 0.1) for k in range(4))])
    assert [warmup_cosine(k, 3, 0.0, 0.1) for k in range(3)] == [cosine(k, 3, 0.1) for k in range(3)]
