"""A stream that holds nothing out: what cannot be done with it is one line."""

import pytest

from orchestrator.commands.check_validation import check_validation
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.streams import registry as streams


def _of(method, **values):
    keys = {f"method.{name}": value for name, value in values.items() if name != "validation"}
    keys["stream.validation"] = values["validation"]
    config = RunConfig.from_dict({"method.name": method, "stream.name": "digits", **keys})
    return config, streams.get("digits").load(config.stream, False)


def test_training_alone_needs_no_validation_data():
    check_validation(*_of("clip-finetune", validation=0))
    check_validation(*_of("mma", validation=0, patience=0))
    check_validation(*_of("mma", validation=0.1, patience=5), "validation/average")


def test_what_chooses_at_each_task_does():
    values = {"method.name": "clip-finetune", "stream.name": "digits", "stream.validation": 0}
    plan = {"per_task.learning_rate": "method.learning_rate", "per_task.learning_rates": [1e-3]}
    config = RunConfig.from_dict(values | plan)
    with pytest.raises(UserError) as found:
        check_validation(config, streams.get("digits").load(config.stream, False))
    assert str(found.value) == (
        "per_task needs validation data, and stream digits holds none out (stream.validation 0): allowed are "
        "stream.validation above 0"
    )


def test_a_search_and_early_stopping_do():
    with pytest.raises(UserError) as found:
        check_validation(*_of("clip-finetune", validation=0), "validation/average")
    assert str(found.value) == (
        "the objective validation/average needs validation data, and stream digits holds none out "
        "(stream.validation 0): allowed are stream.validation above 0, or train"
    )
    with pytest.raises(UserError) as found:
        check_validation(*_of("mma", validation=0, patience=20))
    assert str(found.value) == (
        "method.patience 20 needs validation data, and stream digits holds none out (stream.validation 0): "
        "allowed are stream.validation above 0, or method.patience 0"
    )
