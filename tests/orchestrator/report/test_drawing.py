"""Where pictures have what, in the numbers of their SVG."""

import re

import numpy as np
import pytest
from told_study import TRIALS, method, stream

from orchestrator.report.drawing.draw_curves import Curve, draw_curves
from orchestrator.report.drawing.draw_differences import draw_differences
from orchestrator.report.drawing.draw_matrix import draw_matrix
from orchestrator.report.drawing.draw_memory import AtMemory, pareto
from orchestrator.report.drawing.draw_pairs import draw_pairs
from orchestrator.report.drawing.draw_trials import draw_trials
from orchestrator.report.drawing.scale import Scale
from orchestrator.report.mean_matrix import average_so_far, mean_matrix
from orchestrator.report.shown_number import shown_number
from orchestrator.report.shown_p import shown_p
from orchestrator.report.trial_curve import TrialCurve
from orchestrator.statistics.summary import summarise

pytestmark = pytest.mark.unit


def paths(svg, kind):
    """The numbers of each path of a class."""
    return [
        list(map(float, re.findall(r"-?[\d.]+", d))) for d in re.findall(f'class="{kind}" d="([^"]+)"', svg)
    ]


def dots(svg, kind):
    """(x, y, what it says) of each dot of a class."""
    found = re.findall(
        f'<circle class="{kind}" cx="([^"]+)" cy="([^"]+)" r="[^"]+">(?:<title>(.*?)</title>)?', svg
    )
    return [(float(x), float(y), said) for x, y, said in found]


@pytest.mark.parametrize(
    ("values", "low", "high", "ticks"),
    [
        ([3, 97], 0, 100, [0, 20, 40, 60, 80, 100]),
        ([50.2, 54.8], 50, 55, [50, 51, 52, 53, 54, 55]),
        ([-7, 12], -10, 15, [-10, -5, 0, 5, 10, 15]),
        ([0, float("nan"), float("inf"), 1], 0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ([5], 4, 6, [4, 4.5, 5, 5.5, 6]),
        ([], 0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_a_scale_holds_all_values_and_has_round_ticks(values, low, high, ticks):
    scale = Scale.around(values, 10, 110)
    assert (scale.low, scale.high) == pytest.approx((low, high)) and scale.ticks() == pytest.approx(ticks)
    assert (scale(scale.low), scale((scale.low + scale.high) / 2), scale(scale.high)) == pytest.approx(
        (10, 60, 110)
    )


def test_a_curve_goes_through_its_means_and_its_band_lies_around_it():
    svg = draw_curves([Curve("a", np.array([100.0, 50.0]), np.array([10.0, 10.0]))], "tasks done")
    assert paths(svg, "curve c0") == [[48, 8, 342, 164.7]], "40 to 100 lies from 196 up to 8"
    assert paths(svg, "band f0") == [[48, 39.3, 342, 196, 342, 133.3, 48, 8]], "up to 100"
    assert [said for *_, said in dots(svg, "f0")] == ["a, after task 1: 100.0", "a, after task 2: 50.0"]


def test_a_band_ends_at_the_largest_value_that_there_can_be():
    curve = Curve("a", np.array([170.0, 170.0]), np.array([20.0, 5.0]))
    (edge,) = paths(draw_curves([curve], "degrees", 180.0), "band f0")
    low, high = edge[1:4:2], edge[7:4:-2]
    assert low[0] - high[0] == pytest.approx(3 * (low[1] - high[1]), abs=0.2), "150 to 180 beside 165 to 175"


def test_a_curve_of_one_pair_has_no_band():
    svg = draw_curves([Curve("a", np.array([90.0, 50.0]), np.full(2, np.nan))], "tasks done")
    assert paths(svg, "curve c0") and not paths(svg, "band f0")


def test_a_stopped_trial_ends_with_an_x_at_its_task_and_the_chosen_one_is_thick():
    trials = [*TRIALS, TrialCurve("t4", "failed", (70.0, 40.0, None)), TrialCurve("t5", "running", (60.0,))]
    svg = draw_trials(trials, "tasks done", "all")
    task_1, task_2 = 48, 195
    ((x, y, *_),) = paths(svg, "stopped")
    assert (x + 3, y + 3) == (task_1, 93.3), "at 50, and 40 to 70 lies from 136 up to 8"
    ((x, y, *_),) = paths(svg, "failed")
    assert (x + 3, y + 3) == (task_2, 136.0), "at the last value that it has"
    assert paths(svg, "chosen") == [[task_1, 50.7, task_2, 136]]
    assert paths(svg, "trial") == [[task_1, 8, task_2, 136]], "a trial of one task is a dot"
    assert "t4: failed after task 3, 40.0" in svg


def test_a_hundred_trials_are_drawn_and_the_chosen_one_is_among_them():
    trials = [TrialCurve(f"t{n}", "finished", (1.0, 2.0), chosen=n == 149) for n in range(150)]
    svg = draw_trials(trials, "tasks done", "all")
    assert len(paths(svg, "trial")) == 99 and len(paths(svg, "chosen")) == 1


def test_a_cell_has_its_number_and_its_colour():
    svg = draw_matrix(np.array([[100.0, np.nan], [52.4, 20.0]]), "m")
    cells = re.findall(r'<text class="(cell[^"]*)"[^>]*>([^<]+)<', svg)
    assert cells == [("cell white", "100"), ("cell", "52"), ("cell", "20")]
    assert re.findall(r'class="more" fill-opacity="([^"]+)" d="(M[\d.]+ [\d.]+)', svg) == [
        ("0.20", "M191 34"),
        ("0.50", "M26 34"),
        ("1.00", "M26 4"),
    ]
    assert 'class="less"' not in svg


def test_a_difference_has_a_sign_and_two_colours():
    svg = draw_matrix(np.array([[4.0, 0.2], [-2.0, -0.3]]), "m", signed=True)
    assert re.findall(r'<text class="cell[^"]*"[^>]*>([^<]+)<', svg) == ["+4", "0", "-2", "0"]
    assert re.findall(r'class="(more|less)" fill-opacity="([^"]+)"', svg) == [
        ("less", "0.50"),
        ("less", "0.10"),
        ("more", "0.05"),
        ("more", "1.00"),
    ]


def test_a_matrix_of_many_tasks_has_cells_of_several():
    matrix = np.full((100, 100), np.nan)
    matrix[:3, :3] = [[0, np.nan, np.nan], [30, 60, np.nan], [30, 60, 90]]
    svg = draw_matrix(matrix, "m")
    assert re.findall(r'fill-opacity="([^"]+)"', svg) == ["0.45"], "45 is the mean of six"
    assert "a cell is the mean over 3 tasks" in svg and ">34<" not in svg and ">37<" in svg


def test_a_pair_is_joined_from_method_to_method():
    told = [
        ("a", {1: 10.0, 2: 20.0}, summarise([10.0, 20.0])),
        ("b", {2: 30.0}, summarise([30.0])),
        ("c", {}, None),
    ]
    svg = draw_pairs(told, "percent", "all")
    assert paths(svg, "join") == [[228, 18, 348, 42]], "pair 2, from 20 to 30; 10 lies at 108"
    assert dots(svg, "point") == [
        (108, 18, "a, pair 1: 10.0"),
        (228, 18, "a, pair 2: 20.0"),
        (348, 42, "b, pair 2: 30.0"),
    ]
    assert [path[0] for path in paths(svg, "mean")] == [168, 348]
    assert paths(svg, "interval") == [[108, 18, 348, 18]], "it is cut where the chart ends"


def test_differences_lie_around_a_line_at_0():
    (found,) = stream(method("a", (12.0, 16.0)), method("b", (10.0, 10.0))).comparisons
    svg = draw_differences([found], "points", "all")
    zero = paths(svg, "axis")[0][0]
    (first, _, said), (second, *_) = dots(svg, "point")
    assert zero < first < second and (second - zero) / (first - zero) == pytest.approx(3, rel=0.02)
    assert said == "a less b, pair 1: +2.0"
    assert paths(svg, "mean")[0][0] == pytest.approx((first + second) / 2, abs=0.2)
    low, _, high, _ = paths(svg, "interval")[0]
    assert low < zero < high


def test_the_pareto_set_is_what_none_beats_with_as_little_memory():
    def at(label, memory, *figures):
        return AtMemory(label, memory, summarise(figures))

    every = [
        at("a", 40, 70.0),
        at("b", 0, 50.0),
        at("c", 0, 60.0),
        at("d", 40, 60.0),
        at("e", 20, 65.0),
        at("f", 30, 64.0),
    ]
    assert [m.label for m in pareto(every)] == ["c", "e", "a"]
    assert [m.label for m in pareto(every, less_is_better=True)] == ["b"]


def test_a_mean_matrix_is_over_the_pairs_that_have_a_score():
    both = np.array([[[1.0, np.nan], [3.0, 4.0]], [[3.0, np.nan], [np.nan, 6.0]]])
    assert mean_matrix(both).tolist() == [[2.0, pytest.approx(np.nan, nan_ok=True)], [3.0, 5.0]]
    assert average_so_far(both).tolist() == [[1.0, 3.5], [3.0, pytest.approx(np.nan, nan_ok=True)]]


@pytest.mark.parametrize(
    ("value", "signed", "shown"),
    [
        (1.25, False, "1.2"),
        (-0.04, False, "0.0"),
        (-0.04, True, "0.0"),
        (0.4, True, "+0.4"),
        (-3, True, "-3.0"),
    ],
)
def test_a_number_has_one_digit_and_no_sign_of_nothing(value, signed, shown):
    assert shown_number(value, signed=signed) == shown


def test_what_is_no_number_is_a_dash_and_a_small_p_is_below_a_thousandth():
    assert {shown_number(value) for value in (None, float("nan"), float("inf"))} == {"–"}
    assert [shown_p(p) for p in (1.0, 0.0391, 0.001, 0.0009)] == ["1.000", "0.039", "0.001", "< 0.001"]
