from dataclasses import dataclass, field

import numpy as np
import pytest

from orchestrator.execution import fair_share
from orchestrator.execution.fair_share import LaneGifts, SweepShare, gives, may_take

START, TRIAL = 5, 100  # seconds


@dataclass
class _Sweep:
    """``lanes`` has an entry for each lane that holds room: whether it has run a trial (None: it is
    starting), and when that trial ends.
    """

    wanted: int
    gifts: LaneGifts
    lanes: list = field(default_factory=list)
    parked: int = 0
    trials: int = 0
    unused: int = 0

    @property
    def up(self):
        return sum(used is not None for used, _ in self.lanes)


class _Cluster:
    """Sweeps that want ``wanted`` lanes each, on a cluster with room for ``places``. Sweep k comes at second
    ``arrive[k]``. Ray serves whoever asked first. ``ups`` has the lanes of each sweep, second by second.
    """

    def __init__(self, places, wanted, arrive=None, seconds=3000):
        self.rng = np.random.default_rng(0)
        self.now = 0
        self.places = places
        self.sweeps = [_Sweep(w, LaneGifts(lambda: self.now)) for w in wanted]
        self.queue, self.ups = [], []
        arrive = arrive or [0, *(50 for _ in wanted[1:])]
        for self.now in range(seconds):
            for number, begin in enumerate(arrive):
                if self.now == begin:
                    self.queue += [number] * wanted[number]
            while self.queue and sum(len(s.lanes) for s in self.sweeps) < places:
                self.sweeps[self.queue.pop(0)].lanes.append((None, self.now + START))
            for number in self.rng.permutation(len(wanted)):
                self._tick(number)
            self.ups.append([sweep.up for sweep in self.sweeps])

    def _tick(self, number):
        sweep = self.sweeps[number]
        for place, (used, until) in enumerate(list(sweep.lanes)):
            if until > self.now:
                continue
            sweep.trials += bool(used)
            # It is up from now on, and takes a trial or leaves.
            sweep.lanes[place] = (bool(used), until)
            own, others = self._standing(number), self._others(number)
            if sweep.gifts.leaves(own, others, bool(used)):
                sweep.lanes[place] = None
                sweep.parked += 1
                sweep.unused += not used
            else:
                sweep.lanes[place] = (True, self.now + int(self.rng.integers(TRIAL - 20, TRIAL + 20)))
        sweep.lanes = [lane for lane in sweep.lanes if lane is not None]
        if sweep.parked and sweep.gifts.may_ask(self._standing(number), self._others(number)):
            sweep.parked -= 1
            self.queue.append(number)

    def _standing(self, number):
        sweep = self.sweeps[number]
        up = sum(lane is not None and lane[0] is not None for lane in sweep.lanes)
        starting = sum(lane is not None and lane[0] is None for lane in sweep.lanes)
        return SweepShare(up, min(starting + self.queue.count(number), sweep.wanted - up))

    def _others(self, number):
        return [self._standing(other) for other in range(len(self.sweeps)) if other != number]

    def first(self, number, lanes):
        """The first second at which a sweep had so many lanes."""
        return next(second for second, up in enumerate(self.ups) if up[number] >= lanes)


@pytest.mark.parametrize(
    ("places", "wanted", "shares"),
    [
        (2, [2, 2], [1, 1]),
        (8, [8, 8], [4, 4]),
        (8, [8, 2], [6, 2]),
        (9, [9, 9, 9], [3, 3, 3]),
        (4, [4], [4]),
        # With lanes that wait for room from the first: they are served before the other sweep's.
        (8, [20, 8], [4, 4]),
        (8, [8, 20], [4, 4]),
        (6, [30, 30, 30], [2, 2, 2]),
    ],
)
def test_sweeps_end_with_equal_shares_or_what_they_want(places, wanted, shares):
    found = _Cluster(places, wanted)
    assert np.mean(found.ups[-1500:], axis=0).round().tolist() == shares
    assert min(sweep.trials for sweep in found.sweeps) > 5


def test_a_sweep_whose_lanes_are_still_starting_gives_way():
    found = _Cluster(8, [8, 8], arrive=[0, 1])
    # A lane at a time, and a start each, rather than after a trial.
    assert found.first(1, 1) <= 3 * START < TRIAL / 2
    assert found.first(1, 3) <= TRIAL / 2


def test_a_place_that_is_given_up_is_not_taken_by_the_givers_own_waiting_lanes():
    found = _Cluster(4, [12, 4], arrive=[0, 200])
    # The trial under way, then a start for each of the eight that have been waiting for longer.
    assert found.first(1, 1) <= 200 + TRIAL + 9 * START
    assert found.ups[200 + 2 * TRIAL + 12 * START] in ([3, 1], [2, 2])


def test_nobody_gives_a_lane_for_nothing():
    for wanted in ([8, 8], [8, 2], [20, 8], [12, 12]):
        found = _Cluster(4, wanted)
        # Each lane that was waiting may have come up once in vain.
        assert sum(sweep.unused for sweep in found.sweeps) <= sum(wanted)
        assert sum(map(sum, found.ups[1000:])) > 0.9 * 4 * 2000


def test_one_lane_goes_back_and_forth_with_a_trial_in_between():
    found = _Cluster(1, [1, 1])
    assert [sweep.unused for sweep in found.sweeps] == [0, 0]
    assert abs(found.sweeps[0].trials - found.sweeps[1].trials) <= 1 and found.sweeps[1].trials >= 10
    assert [1, 0] in found.ups[-300:] and [0, 1] in found.ups[-300:]


def test_who_does_not_wait_is_given_nothing():
    assert not gives(SweepShare(4, 0), [SweepShare(0, 0), SweepShare(3, 1)])
    assert may_take(SweepShare(4, 0), [SweepShare(0, 0)]) and not may_take(
        SweepShare(1, 0), [SweepShare(0, 1)]
    )


def test_a_lane_that_ran_nothing_goes_only_to_who_has_two_fewer():
    assert gives(SweepShare(1, 0), [SweepShare(0, 1)]) and not gives(
        SweepShare(1, 0), [SweepShare(0, 1)], used=False
    )
    assert gives(SweepShare(2, 0), [SweepShare(0, 1)], used=False)
    assert not gives(SweepShare(3, 0), [SweepShare(2, 1)], used=False)


def test_a_second_lane_is_given_up_when_the_first_has_come_up_elsewhere_or_after_a_minute():
    now = [0.0]
    gifts = LaneGifts(lambda: now[0])
    assert gifts.leaves(SweepShare(5, 0), [SweepShare(0, 4)], used=True)
    assert not gifts.leaves(SweepShare(4, 0), [SweepShare(0, 4)], used=True)
    assert not gifts.leaves(SweepShare(4, 0), [SweepShare(0, 4)], used=False), "it was not among those left"
    assert gifts.leaves(SweepShare(5, 0), [SweepShare(0, 4)], used=False), "it took the place"
    assert not gifts.leaves(SweepShare(5, 0), [SweepShare(0, 0)], used=False), "nobody waits any more"
    assert gifts.leaves(SweepShare(4, 0), [SweepShare(1, 3)], used=True)
    now[0] = fair_share._POLITE - 1
    assert not gifts.leaves(SweepShare(4, 0), [SweepShare(1, 3)], used=True)
    now[0] += 1
    assert gifts.leaves(SweepShare(4, 0), [SweepShare(1, 3)], used=True)


def test_a_lane_asks_again_when_the_other_has_its_own():
    now = [0.0]
    gifts = LaneGifts(lambda: now[0])
    assert gifts.may_ask(SweepShare(0, 0), [SweepShare(1, 1)])
    gifts.leaves(SweepShare(1, 0), [SweepShare(0, 1)], used=True)
    assert not gifts.may_ask(SweepShare(0, 0), [SweepShare(0, 1)])
    assert gifts.may_ask(SweepShare(0, 0), [SweepShare(1, 1)])
    now[0] = fair_share._POLITE + 1
    assert not gifts.may_ask(SweepShare(0, 0), [SweepShare(0, 1)])


def test_who_has_no_lane_gives_none():
    assert not gives(SweepShare(0, 0), [SweepShare(0, 1)])
    assert gives(SweepShare(1, 0), [SweepShare(0, 1)])
    assert not gives(SweepShare(2, 0), [SweepShare(1, 1)]) and gives(SweepShare(3, 0), [SweepShare(1, 1)])


def test_a_lane_may_be_taken_by_who_would_still_have_fewer_than_those_that_wait():
    assert may_take(SweepShare(1, 0), [SweepShare(2, 1)])
    assert not may_take(SweepShare(1, 0), [SweepShare(1, 1)]), "as many is not more"
    assert not may_take(SweepShare(1, 2), [SweepShare(2, 1)]), "what it waits for counts as its own"
    assert not may_take(SweepShare(0, 0), [SweepShare(2, 1), SweepShare(0, 1)]), "all that wait have more"
