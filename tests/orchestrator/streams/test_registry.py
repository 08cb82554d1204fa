import dataclasses

import pytest

from orchestrator.errors import UserError
from orchestrator.streams.registry import get, names

SCENARIOS = {
    "cifar100": "recognition",
    "digits": "recognition",
    "image-folder": "recognition",
    "mnist-5k": "recognition",
    "next-qa": "vqa",
    "p9d": "retrieval",
    "shapes-recognition": "recognition",
    "shapes-retrieval": "retrieval",
    "shapes-vqa": "vqa",
    "vqa-v2": "vqa",
}


def test_every_named_stream_can_be_listed_and_has_a_frozen_config():
    assert names() == list(SCENARIOS)
    for name in names():
        reader = get(name)
        assert reader.scenario == SCENARIOS[name]
        assert reader.summary and "\n" not in reader.summary
        with pytest.raises(dataclasses.FrozenInstanceError):
            reader.Config().seed = 3


def test_an_unknown_name_is_one_line_with_what_is_allowed():
    with pytest.raises(UserError, match=f"^stream: 'p8d', allowed: {', '.join(SCENARIOS)}$"):
        get("p8d")
