"""By what runs of one configuration are known."""

import pytest

from orchestrator.config import RunConfig
from orchestrator.record.configuration_key import configuration_key

_BASE = {"method.name": "mma", "stream.name": "digits", "replay.size": 40}


def _key(**changes):
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return configuration_key(RunConfig.from_dict(_BASE | named))


@pytest.mark.parametrize("changed", [{"run__seed": 3}, {"stream__order": 4}, {"stream__order": "natural"}])
def test_seeds_and_orders_have_one_key(changed):
    assert _key(**changed) == _key() and len(_key()) == 8


@pytest.mark.parametrize(
    "changed",
    [{"replay__size": 80}, {"method__learning_rate": 0.5}, {"stream__seed": 1}, {"stream__validation": 0.3}],
)
def test_other_values_and_other_worlds_have_another(changed):
    assert _key(**changed) != _key()
