import pytest

from orchestrator.search.search_plan import SearchPlan


@pytest.mark.parametrize(
    ("trials", "lanes", "learned"), [(1, 1, 0), (3, 1, 1), (4, 1, 2), (8, 2, 4), (16, 4, 8), (64, 16, 42)]
)
def test_a_quarter_runs_at_once_and_tpe_proposes_most(trials, lanes, learned):
    plan = SearchPlan(trials)
    assert (plan.lanes, plan.learned) == (lanes, learned)


@pytest.mark.parametrize(("sizes", "drawn"), [(1, [0, 1]), (3, [0, 1, 2, 3, 4, 5])])
def test_of_each_size_two_and_then_every_fourth_are_drawn_at_random_ten_in_all(sizes, drawn):
    plan = SearchPlan(400, sizes=sizes)
    found = [number for number in range(400) if plan.at_random(number)]
    assert found[: len(drawn)] == drawn and len(found) == 10 * sizes
    later = [number // sizes for number in found[len(drawn) :: sizes]]
    assert later == [6, 10, 14, 18, 22, 26, 30, 34]


def test_what_a_trial_is_drawn_by_does_not_depend_on_how_many_there_are():
    short, long = ([SearchPlan(n).at_random(k) for k in range(16)] for n in (16, 64))
    assert short == long


@pytest.mark.parametrize(("concurrent", "learned"), [(1, 11), (2, 10), (4, 8), (12, 2), (16, 0), (99, 0)])
def test_the_more_run_at_once_the_fewer_tpe_proposes(concurrent, learned):
    plan = SearchPlan(16, concurrent)
    assert plan.lanes == min(16, concurrent) and plan.learned == learned


def test_it_says_what_it_does():
    plan = SearchPlan(16)
    assert plan.at_once == "at most 4 trials at once (a quarter; --concurrent N for more)"
    assert plan.proposals == "TPE proposes 8 of 16 trials; the others are drawn at random"
    assert SearchPlan(16, 16).at_once == "16 trials at once"
    assert SearchPlan(16, 1).at_once == "1 trial at once"
    assert SearchPlan(16, 16).proposals == "all but the start are drawn at random"
    assert SearchPlan(1).at_once == "one trial"
    assert SearchPlan(1).proposals == "the one trial is where the search space begins"
    apart = SearchPlan(16, sizes=3)
    assert apart.learned == 7
    assert apart.proposals == (
        "TPE proposes 7 of 16 trials, of each memory size for itself; the others are drawn at random"
    )
    assert SearchPlan(4).at_once.startswith("at most 1 trial at once")
