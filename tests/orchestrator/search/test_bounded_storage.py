import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from orchestrator.search import bounded_storage
from orchestrator.search.bounded_storage import BoundedStorage

_MOST = bounded_storage._MOST
_X = {"x": FloatDistribution(0, 1)}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(bounded_storage, "_MOST", 6)
    monkeypatch.setattr(bounded_storage, "_BEST", 2)


def _study(direction, values, storage, sampler=None):
    study = optuna.create_study(storage=storage, direction=direction, sampler=sampler)
    for k, value in enumerate(values):
        state = {"f": TrialState.FAIL, "p": TrialState.PRUNED}.get(value, TrialState.COMPLETE)
        scored = {"value": value} if state == TrialState.COMPLETE else {}
        study.add_trial(create_trial(state=state, params={"x": (k / 20) % 1}, distributions=_X, **scored))
    return study


def _shown(study):
    return [trial.number for trial in study.get_trials(deepcopy=False)]


@pytest.mark.parametrize(("direction", "best"), [("maximize", [1, 3]), ("minimize", [0, 4])])
def test_a_sampler_is_shown_the_best_and_the_latest_and_others_all(direction, best):
    study = _study(direction, [1, 9, 5, 8, 2, 6, 6, "f", "p", 6, 6], BoundedStorage())
    assert _shown(study) == [*best, 6, 8, 9, 10]
    assert len(study.trials) == 11
    study.ask()
    study.enqueue_trial({"x": 0.5})
    assert _shown(study) == [*best, 6, 8, 9, 10, 11, 12], "those under way are always shown"
    assert study.ask().params == {} and study.trials[12].state == TrialState.RUNNING


def _two(values):
    study = optuna.create_study(storage=BoundedStorage(), directions=["maximize", "minimize"])
    for pair in values:
        told = {"values": pair} if pair else {"state": TrialState.PRUNED}
        study.add_trial(create_trial(params={"x": 0.5}, distributions=_X, **told))
    return study


def test_of_several_objectives_the_pareto_set_is_shown_first():
    study = _two([(1, 9), (9, 1), (5, 5), (9, 0), (2, 6), (6, 6), (6, 7), (5, 7), (6, 8), (1, 8)])
    assert _shown(study) == [1, 3, 6, 7, 8, 9], "who is best in both, then the next layer"
    assert _shown(_two([None] * 9)) == [3, 4, 5, 6, 7, 8], "where none walked the whole stream, the latest"


def test_up_to_so_many_it_is_shown_all():
    assert _shown(_study("maximize", [1, "f", 3, "p", 2, 2], BoundedStorage())) == [0, 1, 2, 3, 4, 5]


def test_of_a_thousand_trials_none_is_left_out(monkeypatch):
    monkeypatch.setattr(bounded_storage, "_MOST", _MOST)
    study = _study("maximize", [k / 1000 for k in range(1000)], BoundedStorage())
    assert len(_shown(study)) == 1000
    study.ask()
    assert len(_shown(study)) == 1001, "the one under way is shown beside them"


def test_what_is_left_out_is_not_weighed():
    def proposal(values, storage):
        sampler = optuna.samplers.TPESampler(seed=3, n_startup_trials=2, multivariate=True)
        return _study("maximize", values, storage, sampler).ask().suggest_float("x", 0, 1)

    values = [1, 9, 5, 8, 2, 6, 6, 6, 6, 6]
    bounded = proposal(values, BoundedStorage())
    assert bounded != proposal(values, optuna.storages.InMemoryStorage())
    assert bounded == proposal([2, 9, 1, 8, 5, 6, 6, 6, 6, 6], BoundedStorage())
