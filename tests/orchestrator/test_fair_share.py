import numpy as np
import pytest

from orchestrator.fair_share import Standing, gives, may_take


def _share(lanes, wanted, steps=200):
    """What sweeps have, step by step, that want ``wanted`` lanes each of ``lanes``: the first has all it
    wants before the others come. Whoever asks for a free place may get it.
    """
    rng = np.random.default_rng(0)
    up = [min(lanes, wanted[0]), *(0 for _ in wanted[1:])]
    asked = [w - u for w, u in zip(wanted, up, strict=True)]
    seen = []
    for _ in range(steps):
        standings = [Standing(u, a) for u, a in zip(up, asked, strict=True)]
        who = rng.integers(len(wanted))  # one of its trials ends
        others = [s for i, s in enumerate(standings) if i != who]
        if gives(standings[who], others):
            up[who] -= 1
        elif up[who] + asked[who] < wanted[who] and may_take(standings[who], others):
            asked[who] += 1
        while sum(up) < lanes and any(asked):
            lucky = rng.choice(np.flatnonzero(asked))
            up[lucky], asked[lucky] = up[lucky] + 1, asked[lucky] - 1
        seen.append(list(up))
    return seen


@pytest.mark.parametrize(
    ("lanes", "wanted", "shares"),
    [(2, [2, 2], [1, 1]), (8, [8, 8], [4, 4]), (8, [8, 2], [6, 2]), (9, [9, 9, 9], [3, 3, 3]), (4, [4], [4])],
)
def test_sweeps_end_with_equal_shares_or_what_they_want(lanes, wanted, shares):
    assert _share(lanes, wanted)[-1] == shares


def test_one_lane_goes_back_and_forth():
    seen = _share(1, [1, 1])
    assert [1, 0] in seen[-50:] and [0, 1] in seen[-50:]


def test_who_does_not_wait_is_given_nothing():
    assert not gives(Standing(4, 0), [Standing(0, 0), Standing(3, 1)])
    assert may_take(Standing(4, 0), [Standing(0, 0)]) and not may_take(Standing(1, 0), [Standing(0, 1)])


def test_who_has_no_lane_gives_none():
    assert not gives(Standing(0, 0), [Standing(0, 1)])
    assert gives(Standing(1, 0), [Standing(0, 1)])
    assert not gives(Standing(2, 0), [Standing(1, 1)]) and gives(Standing(3, 0), [Standing(1, 1)])


def test_a_lane_may_be_taken_by_who_would_still_have_fewer_than_those_that_wait():
    assert may_take(Standing(1, 0), [Standing(2, 1)])
    assert not may_take(Standing(1, 0), [Standing(1, 1)]), "as many is not more"
    assert not may_take(Standing(1, 2), [Standing(2, 1)]), "what it waits for counts as its own"
    assert not may_take(Standing(0, 0), [Standing(2, 1), Standing(0, 1)]), "all that wait have more"
