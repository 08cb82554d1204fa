"""The section ``per_task`` of a configuration."""

import pytest

from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.storage.identity import digest

pytestmark = pytest.mark.unit

_PLAN = {
    "learning_rate": "method.learning_rate",
    "learning_rates": [1e-3, 1e-2],
    "strength": ["method.lwf_weight"],
}


def _config(plan=None, method="clip-lwf", **changes):
    values = {"method.name": method, "stream.name": "digits", **changes}
    return RunConfig.from_dict(values | ({"per_task": plan} if plan else {}))


def test_it_is_read_and_written_again_and_its_defaults_are_the_papers(tmp_path):
    config = _config(_PLAN)
    plan = config.per_task
    assert (plan.margin, plan.decay, plan.attempts, plan.learning_rates) == (0.2, 0.5, 10, (1e-3, 1e-2))
    (tmp_path / "c.yaml").write_text(config.yaml())
    assert RunConfig.load_yaml(tmp_path / "c.yaml") == config != _config()
    assert config.flat()["per_task.strength"] == '["method.lwf_weight"]'
    changed = config.with_values({"per_task.margin": 0.1, "run.seed": 3})
    assert (changed.per_task.margin, changed.per_task.learning_rates) == (0.1, (1e-3, 1e-2))


def test_a_configuration_without_it_is_written_as_before_there_was_one():
    assert list(_config().to_dict()) == ["method", "stream", "replay", "run"]
    assert not [key for key in _config().flat() if key.startswith("per_task")]
    assert digest(_config().flat()) != digest(_config(_PLAN).flat())


def test_the_values_of_a_training_are_the_rate_and_the_decayed_strengths():
    config = _config(_PLAN, **{"method.lwf_weight": 8.0})
    values = config.per_task.at(config.method, 1e-2, 0.25)
    assert (values.learning_rate, values.lwf_weight, values.epochs) == (1e-2, 2.0, config.method.epochs)
    assert config.per_task.at(config.method, 1e-3, 0.0).lwf_weight == 0.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"margin": 1}, "per_task.margin: 1 is not in 0 .. 1, 1 excluded"),
        ({"decay": 1.0}, "per_task.decay: 1 is not in 0 .. 1, both excluded"),
        ({"decay": 0}, "per_task.decay: 0 is not in 0 .. 1, both excluded"),
        ({"attempts": 0}, "per_task.attempts: 0 is below 1"),
        ({"learning_rates": [1e-3, 0]}, "per_task.learning_rates: 0 is not above 0"),
        ({"learning_rates": [1e-3, 1e-3]}, "per_task.learning_rates: 0.001 is given twice"),
        ({"learning_rates": []}, "per_task.learning_rates: missing; expected a list of numbers above 0"),
        (
            {"learning_rate": "method.rate"},
            "per_task.learning_rate: 'method.rate' is no number of the method",
        ),
        ({"strength": ["method.head"]}, "per_task.strength: 'method.head' is no number of the method"),
        ({"strength": ["replay.size"]}, "per_task.strength: 'replay.size' is no number of the method"),
        ({"strength": ["method.learning_rate"]}, "per_task.strength: method.learning_rate is the learning r"),
        (
            {"strength": ["method.lwf_temperature"]},
            "per_task: at a strength of 0, as in finetuning, the me",
        ),
        ({"strength": ["method.epochs"]}, "per_task: the method refuses method.epochs: expected an integer"),
        ({"stength": []}, "per_task.stength: unknown key; did you mean strength"),
    ],
)
def test_a_wrong_value_is_one_line(changes, said):
    with pytest.raises(UserError) as error:
        _config(_PLAN | changes)
    assert str(error.value).startswith(said) and "\n" not in str(error.value)


def test_what_cannot_choose_at_a_task_is_refused():
    with pytest.raises(UserError, match="^per_task.strength: method.lwf_weight is 0, and begins at a numbe"):
        _config(_PLAN, **{"method.lwf_weight": 0})
    with pytest.raises(UserError, match="^per_task: run.fresh true leaves no past to hold on to; allowed is"):
        _config(_PLAN, **{"run.fresh": True})
    plan = {key: _PLAN[key] for key in ("learning_rate", "learning_rates")}
    with pytest.raises(UserError, match="^per_task: method.patience 3 goes by earlier tasks' validation da"):
        _config(plan, "mma", **{"method.patience": 3})
    with pytest.raises(UserError, match="^--set per_task.margin: nothing is chosen at each task here; allow"):
        _config().with_values({"per_task.margin": 0.1}, "--set")
    with pytest.raises(UserError, match="^per_task: expected a mapping of keys, found 3$"):
        RunConfig.from_dict({"method.name": "clip-lwf", "stream.name": "digits", "per_task": 3})
