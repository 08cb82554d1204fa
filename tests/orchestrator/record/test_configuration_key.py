"""By what runs of one configuration are known."""

import pytest

from orchestrator.config import RunConfig
from orchestrator.record.configuration_key import configuration_key

_BASE = {"method.name": "mma", "stream.name": "digits", "replay.size": 40}


def _key(content="a1", **changes):
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return configuration_key(RunConfig.from_dict(_BASE | named), content)


@pytest.mark.parametrize(
    "changed",
    [
        {"run__seed": 3},
        {"stream__order": 4},
        {"stream__order": "natural"},
        {"run__device": "cpu"},
        {"run__keep": "all"},
        {"run__loader_threads": 1},
        {"run__feature_cache": False},
        {"run__gpus_per_trial": 0},
        {"run__skip_bad": True},
        {"run__stream_in": "disk"},
    ],
)
def test_seeds_orders_and_what_changes_no_number_have_one_key(changed):
    assert _key(**changed) == _key() and len(_key()) == 8


@pytest.mark.parametrize(
    "changed",
    [{"replay__size": 80}, {"method__learning_rate": 0.5}, {"stream__seed": 1}, {"stream__validation": 0.3}],
)
def test_other_values_and_other_worlds_have_another(changed):
    assert _key(**changed) != _key()


def test_a_stream_of_other_content_has_another():
    assert _key(content="b2") != _key()


def test_it_does_not_matter_where_the_data_lies():
    p9d = {"method.name": "ctp", "stream.name": "p9d"}
    here, there = (RunConfig.from_dict(p9d | {"stream.data": data}) for data in ("here", "there"))
    assert configuration_key(here, "a1") == configuration_key(there, "a1")
