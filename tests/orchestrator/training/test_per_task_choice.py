"""The choice of a task's values, among trainings that are played."""

import pytest

from orchestrator.per_task import PerTask
from orchestrator.training.per_task_choice import TaskValues, choose_values

pytestmark = pytest.mark.unit

_RATES = (0.1, 0.01, 0.001)


def _plan(**changes):
    values = {"learning_rate": "method.a", "learning_rates": _RATES, "strength": ("method.b",)}
    return PerTask(**values | changes)


def _played(plan, scores, *, strength=1.0, past=True, memory=False):
    """The choice, and the trainings in their order. A strength without a score of its own has 0."""
    made = []

    def score(values):
        made.append(values)
        return scores.get(values, scores.get(values.strength, 0.0))

    return choose_values(plan, strength, score, past=past, memory=memory), made


def _finetuned(*scores):
    return {TaskValues(rate, 0.0): score for rate, score in zip(_RATES, scores, strict=True)}


def test_the_rate_is_the_best_of_finetuning_and_the_strength_decays_to_within_the_margin():
    scores = _finetuned(50.0, 80.0, 70.0) | {1.0: 20.0, 0.5: 63.9, 0.25: 64.0, 0.125: 90.0}
    choice, made = _played(_plan(), scores)
    # 64 is (1 - 0.2) of 80, and is enough.
    assert (choice.values, choice.finetuned, choice.reached) == (TaskValues(0.01, 0.25), 80.0, 64.0)
    assert made == [*((rate, 0.0) for rate in _RATES), (0.01, 1.0), (0.01, 0.5), (0.01, 0.25)]


def test_margin_and_decay_are_the_plans():
    scores = _finetuned(50.0, 80.0, 70.0) | {1.0: 20.0, 0.25: 71.0, 0.0625: 73.0}
    choice, made = _played(_plan(margin=0.1, decay=0.25), scores)
    assert (choice.values.strength, choice.reached, len(made)) == (0.0625, 73.0, 6)


def test_a_task_begins_with_the_strength_of_the_one_before():
    choice, made = _played(_plan(), _finetuned(1.0, 2.0, 3.0) | {0.25: 3.0}, strength=0.25)
    assert choice.values == (0.001, 0.25) and made[3:] == [(0.001, 0.25)]


def test_the_last_attempt_counts_whatever_its_score():
    choice, made = _played(_plan(attempts=4), _finetuned(80.0, 0.0, 0.0) | {0.125: 5.0})
    assert made[3:] == [(0.1, 1.0), (0.1, 0.5), (0.1, 0.25), (0.1, 0.125)]
    assert (choice.values.strength, choice.reached) == (0.125, 5.0)


def test_of_equally_good_rates_the_first_is_taken():
    choice, _ = _played(_plan(), _finetuned(40.0, 80.0, 80.0) | {1.0: 80.0})
    assert choice.values.learning_rate == 0.01


def test_the_first_task_has_no_past_and_the_best_of_its_trainings_is_taken():
    scores = {TaskValues(0.1, 1.0): 30.0, TaskValues(0.01, 1.0): 20.0, TaskValues(0.001, 1.0): 60.0}
    choice, made = _played(_plan(), scores, past=False, memory=True)
    assert (choice.values, choice.finetuned, choice.reached) == ((0.001, 1.0), 60.0, 60.0)
    assert made == [(rate, 1.0) for rate in _RATES]


@pytest.mark.parametrize(("memory", "made_in_all"), [(False, 3), (True, 4)])
def test_without_a_strength_a_memory_alone_is_trained_once_more(memory, made_in_all):
    scores = _finetuned(10.0, 20.0, 90.0) | {TaskValues(0.001, 1.0): 15.0}
    scores |= {TaskValues(0.1, 1.0): 1.0, TaskValues(0.01, 1.0): 2.0}
    choice, made = _played(_plan(strength=()), scores, memory=memory)
    assert len(made) == made_in_all and choice.values == (0.001, 1.0) and choice.reached == 15.0
    assert choice.finetuned == (90.0 if memory else 15.0)


def test_a_training_that_diverges_is_passed_over():
    scores = _finetuned(None, 80.0, 70.0) | {1.0: None, 0.5: 75.0}
    choice, made = _played(_plan(), scores)
    assert (choice.values, choice.reached, len(made)) == ((0.01, 0.5), 75.0, 5)


@pytest.mark.parametrize("scores", [_finetuned(None, None, None), _finetuned(8.0, 1.0, 1.0) | {1.0: None}])
def test_where_none_is_left_nothing_is_chosen(scores):
    assert _played(_plan(attempts=1), scores)[0] is None


def test_after_attempts_that_diverge_the_last_one_that_did_not_counts():
    scores = _finetuned(80.0, 0.0, 0.0) | {1.0: None, 0.5: 3.0, 0.25: 5.0, 0.125: None}
    choice, made = _played(_plan(attempts=4), scores)
    assert (choice.values.strength, choice.reached, len(made)) == (0.25, 5.0, 7)
