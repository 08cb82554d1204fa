"""Grids over steps that no float has to the digit, and over more values than there is room for."""

import pytest

from orchestrator.errors import UserError
from orchestrator.search.grid import grid
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.sampler_choice import SamplerChoice
from orchestrator.search.space import Space

pytestmark = pytest.mark.unit

_FILE = """method: ctp
stream: shapes-retrieval
objective: {metric: validation/seen/r_mean, mode: max}
trials: 4
sampler: grid
start: {method.learning_rate: 0.3, method.epochs: 5}
search:
  method.learning_rate: {type: float, low: 0.1, high: 0.5, step: 0.1}
  method.epochs: {type: int, low: 1, high: HIGH}
"""


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "orchestrator.search.space.check_suggestions", lambda *_: None
    )  # which takes a second

    def load(high):
        (tmp_path / "s.yaml").write_text(_FILE.replace("HIGH", str(high)))
        return Space.load(tmp_path / "s.yaml")

    return load


def test_a_start_between_two_floats_is_no_further_point_of_the_grid(loaded):
    """0.1 + 2 * 0.1 is 0.30000000000000004, and 0.3 is another number."""
    space = loaded(6)
    assert 0.1 + 2 * 0.1 != 0.3 and space.start == {"method.learning_rate": 0.1 + 2 * 0.1, "method.epochs": 5}
    points = grid(space)
    assert len(points) == 29 and space.points(99) == 30
    search = TaskSearch(
        space.suggest,
        "validation/seen/r_mean",
        "max",
        seed=1,
        tasks=1,
        starts=[dict(space.start)],
        choice=SamplerChoice("grid"),
        grid=points,
    )
    found = [search.suggest(str(number)) for number in range(30)]
    rounded = {(round(point["method.learning_rate"], 6), point["method.epochs"]) for point in found}
    assert rounded == {(rate / 10, epochs) for rate in range(1, 6) for epochs in range(1, 7)}


def test_what_is_written_by_hand_is_what_the_distribution_gives(loaded):
    rate, epochs = loaded(6).parameters
    given = [rate.settled(value) for value in (0.1, 0.2, 0.3, 0.4, 0.5)]
    assert given == list(rate.values) and rate.settled(0.5) == 0.5
    assert (epochs.settled(3), type(epochs.settled(3))) == (3, int)


def test_a_grid_of_a_billion_points_is_refused_before_they_are_made(loaded):
    with pytest.raises(UserError, match="^sampler grid: the space has more than 10000 points; allowed: fewe"):
        grid(loaded(10**12))
    assert len(grid(loaded(2000))) == 9999
