import pytest

from orchestrator.search.search_plan import SearchPlan


@pytest.mark.parametrize(
    ("trials", "lanes", "random", "by_tpe"),
    [(1, 1, 2, 0), (3, 1, 2, 1), (4, 1, 2, 2), (8, 2, 2, 5), (16, 4, 4, 9), (64, 16, 10, 39)],
)
def test_a_quarter_runs_at_once_and_a_quarter_is_drawn_at_random(trials, lanes, random, by_tpe):
    plan = SearchPlan(trials)
    assert (plan.lanes, plan.random, plan.by_tpe) == (lanes, random, by_tpe)


@pytest.mark.parametrize(("concurrent", "by_tpe"), [(1, 12), (2, 11), (4, 9), (12, 1), (16, 0), (99, 0)])
def test_the_more_run_at_once_the_fewer_tpe_proposes(concurrent, by_tpe):
    plan = SearchPlan(16, concurrent)
    assert plan.lanes == min(16, concurrent) and plan.by_tpe == by_tpe


def test_it_says_what_it_does():
    plan = SearchPlan(16)
    assert plan.at_once == "at most 4 trials at once (a quarter; --concurrent N for more)"
    assert plan.proposals == "TPE proposes the last 9, once 4 have ended"
    assert SearchPlan(16, 16).at_once == "16 trials at once"
    assert SearchPlan(16, 1).at_once == "1 trial at once"
    assert SearchPlan(16, 16).proposals == "all but the start are drawn at random"
    assert SearchPlan(1).at_once == "one trial"
    assert SearchPlan(1).proposals == "the one trial is where the search space begins"
    apart = SearchPlan(16, sizes=3)
    assert (apart.random, apart.random_of_size, apart.by_tpe) == (6, 2, 7)
    assert apart.proposals == "TPE proposes the last 7, of each memory size for itself, once 6 have ended"
    assert SearchPlan(4).at_once.startswith("at most 1 trial at once")
