"""What a configuration keeps, and what a search space asks for, value by value."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Literal

import pytest

from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.schema.config_error import ConfigError
from orchestrator.schema.typed_values import construct
from orchestrator.search.space import Space

_GIVEN = {
    "method.name": "ctp",
    "method.preset": "reference",
    "method.learning_rate": 3e-4,
    "stream.name": "shapes-retrieval",
    "stream.tasks": 2,
    "replay.size": 64,
    "replay.policy": "herding",
    "run.seed": 5,
    "run.accumulate": 2,
    "run.precision": "bf16",
}


def test_every_section_is_written_and_read_back(tmp_path):
    config = RunConfig.from_dict(_GIVEN)
    assert {key: config.flat()[key] for key in _GIVEN} == _GIVEN
    assert RunConfig.from_dict(config.to_dict()) == config
    (tmp_path / "config.yaml").write_text(config.yaml(), encoding="utf-8")
    assert RunConfig.load_yaml(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    "changed", [{"method.learning_rate": 1e-3}, {"stream.tasks": 3}, {"replay.size": 8}, {"run.seed": 6}]
)
def test_what_is_not_changed_stays(changed):
    config = RunConfig.from_dict(_GIVEN)
    flat = config.with_values(changed).flat()
    assert flat == config.flat() | changed
    assert flat["method.preset"] == "reference"


@pytest.mark.parametrize(("workers", "accumulate"), [(3, 1), (1, 3), (2, 512)])
def test_a_batch_is_divided_over_workers_and_micro_batches(workers, accumulate):
    changed = {"run.workers": workers, "run.accumulate": accumulate, "method.batch_size": 512}
    with pytest.raises(ConfigError, match=f"512 cannot be divided .*multiples of {workers * accumulate}"):
        RunConfig.from_dict(_GIVEN | changed)


@dataclass(frozen=True)
class _Chosen:
    views: Literal[0, 1, 2] = 0
    name: Literal["a", "b"] = "a"


def test_true_is_none_of_the_numbers_that_may_be_chosen():
    assert construct(_Chosen, {"views": 1, "name": "b"}, "x", None) == _Chosen(1, "b")
    for value in (True, False, 1.0, 3, "1"):
        with pytest.raises(ConfigError, match="x.views: expected 0 or 1 or 2, found"):
            construct(_Chosen, {"views": value}, "x", None)


_SPACE = """method: {method}
stream: {stream}
objective: {{metric: {metric}, mode: {mode}}}
trials: 7
fixed: {fixed}
start: {start}
search:
  method.learning_rate: {{type: float, low: 0.0001, high: 2}}
{more}
"""
_VALUES = {
    "method": "clip-er",
    "stream": "shapes-recognition",
    "metric": "validation/seen/ece",
    "mode": "min",
    "fixed": "{}",
    "start": "{method.learning_rate: 1}",
    "more": "",
}


@pytest.fixture
def load(tmp_path):
    def load(**changes):
        path = tmp_path / "mine.yaml"
        path.write_text(_SPACE.format(**(_VALUES | changes)))
        return Space.load(path)

    return load


_ENDS = [("seen/ece", "min"), ("seen/accuracy", "max"), ("average", "max"), ("learning_accuracy", "max")]


@pytest.mark.parametrize(("name", "mode"), _ENDS)
def test_the_objectives_mode_is_the_files_and_not_against_its_metric(load, name, mode):
    metric, wrong = f"validation/{name}", {"min": "max", "max": "min"}[mode]
    objective = load(metric=metric, mode=mode).objective
    assert (objective.metric, objective.mode) == (metric, mode)
    less = "less" if mode == "min" else "more"
    with pytest.raises(UserError) as raised:
        load(metric=metric, mode=wrong)
    wanted = f"objective.mode: '{wrong}': {less} {metric} is better; allowed is {mode}"
    assert wanted in str(raised.value) and "\n" not in str(raised.value)


def test_a_start_of_a_float_is_a_float(load):
    space = load()
    assert space.trials == 7 and space.start == {"method.learning_rate": 1.0}
    assert type(space.start["method.learning_rate"]) is float
    assert space.start_config.method.learning_rate == 1.0


_SIZE = "  replay.size: {type: categorical, choices: [5, 1000]}\n"
_POLICY = "  replay.policy: {type: categorical, choices: [random, first]}"
_START = "{method.learning_rate: 1, replay.size: 1000, replay.policy: random}"


def test_every_size_is_tried_with_every_policy(load):
    space = load(more=_SIZE + _POLICY, start=_START)
    few, many = (SimpleNamespace(categories=range(n), scenario="recognition") for n in (5, 6))
    space.check_memory(few)
    with pytest.raises(UserError, match="replay.size=5 is less than one sample for each .* 6 classes"):
        space.check_memory(many)


def test_the_largest_memory_of_a_budget_per_class_grows_with_the_classes(load):
    more = "  replay.size: {type: int, low: 2, high: 20}"
    start = "{method.learning_rate: 1, replay.size: 2}"
    each = load(more=more, start=start, fixed="{replay.policy: first, replay.budget: per_class}")
    assert each.largest_memory(30) == 600
    assert load(more=more, start=start, fixed="{replay.policy: first}").largest_memory(30) == 20
