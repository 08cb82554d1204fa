"""What a method never trains is in none of its checkpoints: it comes with the package, or from a file that a
run names.
"""

import pytest
import torch
from tiny_walks import tiny_config, tiny_stream

from methods import registry as methods
from methods.backbones.clip import load_clip
from methods.backbones.clip_config import ClipConfig
from methods.vqa.triplet.backbone_config import FrozenBackboneConfig
from methods.vqa.triplet.query_method import QueryMethod
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_LEAST = 64  # numbers of a tensor that are not alike by chance


def _backbone(method):
    return type(tiny_config(method).method.backbone)


_FROZEN = [name for name in methods.names() if issubclass(_backbone(name), ClipConfig | FrozenBackboneConfig)]
_RUNS = [(name, {}) for name in _FROZEN] + [
    ("clap4clip", {"method.prompt": "coop", "method.context_length": 2})
]


def _large(tensors):
    return {
        value.float().numpy().tobytes(): name for name, value in tensors.items() if value.numel() >= _LEAST
    }


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.mark.parametrize(
    ("name", "changes"), _RUNS, ids=[" ".join([name, *changes]) for name, changes in _RUNS]
)
def test_the_weights_of_a_frozen_encoder_are_in_no_checkpoint(name, changes, shelf, tmp_path):
    config = tiny_config(name, **{"run.feature_cache": False, **changes})
    stream = tiny_stream(config, shelf)
    loop = StreamLoop(config, stream, tmp_path, CollectingReporter(), device=torch.device("cpu"))
    method, _ = loop._fresh()
    method.start_task(stream.tasks[0].task)
    encoder = method.backbone if isinstance(method, QueryMethod) else load_clip(config.method.backbone)
    frozen, kept = _large(encoder.state_dict()), _large(method.state_dict())
    assert len(frozen) > 40, "the encoder has been loaded"
    assert [kept[value] for value in kept.keys() & frozen.keys()] == []
