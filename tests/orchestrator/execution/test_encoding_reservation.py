"""Reservations for encoding processes, on a simulated Ray."""

import pytest
import ray.util

from orchestrator.errors import UserError
from orchestrator.execution import encoding_reservation
from orchestrator.execution.encoding_plan import PoolPlan
from orchestrator.execution.encoding_reservation import reserved


class _Ray:
    """Grants up to ``room`` places, from second ``since`` on. ``held``: the groups that have not been
    removed; ``asked``: the sizes of all.
    """

    def __init__(self, room, since=0):
        self.room, self.since = room, since
        self.now = 0.0
        self.held, self.asked, self.bundles = [], [], []

    def placement_group(self, bundles):
        group = _Group(self, len(bundles))
        self.held.append(group)
        self.asked.append(len(bundles))
        self.bundles += bundles
        return group


class _Group:
    def __init__(self, ray, size):
        self._ray, self._size = ray, size

    def wait(self, seconds):
        if self._size > self._ray.room:
            self._ray.now += seconds
            return False
        self._ray.now = max(self._ray.now, min(self._ray.since, self._ray.now + seconds))
        return self._ray.now >= self._ray.since


@pytest.fixture
def pretended(monkeypatch):
    def make(*given):
        found = _Ray(*given)
        monkeypatch.setattr(ray.util, "placement_group", found.placement_group)
        monkeypatch.setattr(ray.util, "remove_placement_group", found.held.remove)
        monkeypatch.setattr(encoding_reservation.time, "monotonic", lambda: found.now)
        return found

    return make


@pytest.mark.parametrize(("room", "asked"), [(8, [8]), (5, [8, 4]), (1, [8, 4, 2, 1])])
def test_as_many_places_as_can_be_had(pretended, room, asked):
    found, said = pretended(room), []
    with reserved(PoolPlan(8, 3, 0.5), said.append) as (plan, group):
        assert plan == PoolPlan(asked[-1], 3, 0.5) and found.held == [group]
    assert found.asked == asked and found.held == [] and said == []
    assert found.now == (len(asked) - 1) * encoding_reservation._SETTLE
    assert all(bundle == {"CPU": 3, "GPU": 0.5} for bundle in found.bundles)


def test_the_last_place_is_waited_for_as_long_as_others_hold_it(pretended):
    found, said = pretended(1, 10_000), []
    with reserved(PoolPlan(1, 1, 1, "others"), said.append) as (plan, _):
        assert plan.processes == 1
    assert 10_000 / 60 - 5 < len(said) < 10_000 / 60 + 2
    assert said[0] == "encoding waits for 1 CPU and 1 GPU, after 1 s: others hold the cluster"
    assert found.asked == [1] and found.held == []


def test_machines_are_given_time_and_those_that_came_are_used(pretended):
    found, said = pretended(3), []
    with reserved(PoolPlan(8, 4, 1, "machines"), said.append) as (plan, _):
        assert plan.processes == 2
    assert found.now == encoding_reservation._MACHINES + encoding_reservation._SETTLE
    assert said == ["encoding waits for machines: 8 process(es) ask for 4 CPU and 1 GPU each"]


def test_a_machine_that_never_comes_is_one_line(pretended):
    found, said = pretended(0), []
    with (
        pytest.raises(
            UserError, match=r"no machine came within 1800 s .* asks for 4 CPU and 1 GPU; try again"
        ),
        reserved(PoolPlan(2, 4, 1, "machines"), said.append),
    ):
        raise AssertionError("there are no places")
    assert found.held == [] and 1800 < found.now < 1810
    assert said[1].endswith("no machine came yet") and 20 < len(said) < 30


def test_places_go_with_what_ends_the_encoding(pretended):
    found = pretended(8)
    for error in (KeyboardInterrupt(), UserError("refused")):
        with pytest.raises(type(error)), reserved(PoolPlan(2, 1, 0), print):
            raise error
    assert found.held == [] and found.asked == [2, 2]
