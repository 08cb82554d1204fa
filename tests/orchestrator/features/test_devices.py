"""What a process of the encoding pool computes on, and in which precision."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from methods.backbones.clip_config import ClipConfig
from methods.method import Batch
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.execution import cluster_resources, worker_device
from orchestrator.execution.cluster_resources import ClusterResources
from orchestrator.execution.encoding_plan import PoolPlan
from orchestrator.execution.encoding_pool import EncodingProcess, RayPool
from orchestrator.features import encoder as encoder_module
from orchestrator.features import frozen, query_encoder
from orchestrator.features.encoder import Encoder, PictureChunk
from orchestrator.features.full_precision import full_precision
from orchestrator.features.query_encoder import QueryEncoder
from orchestrator.run_options import RunOptions
from orchestrator.streams.pictures import ArrayPictures

CHUNK, LARGE = (PictureChunk([(0, "test")] * n, np.arange(n), np.arange(n), False) for n in (2, 64))
SOURCES = {(0, "test"): ArrayPictures(np.zeros((2, 8, 8, 3), np.uint8))}


@pytest.mark.parametrize(
    ("run", "plan"),
    [
        (RunOptions(), PoolPlan(2, 4, 1)),
        (RunOptions(device="cuda"), PoolPlan(2, 4, 1)),
        (RunOptions(gpus_per_trial=0.5), PoolPlan(4, 2, 0.5)),
        (RunOptions(workers=2), PoolPlan(2, 4, 1)),
        (RunOptions(gpus_per_trial=0), PoolPlan(8, 1, 0)),
        (RunOptions(device="cpu"), PoolPlan(8, 1, 0)),
    ],
)
def test_encoding_takes_a_gpu_where_trials_do(monkeypatch, tmp_path, run, plan):
    nodes = [{"CPU": 8, "GPU": 2}]
    monkeypatch.setattr(cluster_resources, "cluster_resources", lambda: ClusterResources(nodes, nodes, []))
    assert RayPool(run, tmp_path, print)._plan([LARGE] * 99) == plan
    assert RayPool(run, tmp_path, print)._plan([CHUNK] * 99).processes == 1, "198 pictures"


def test_encoding_asks_for_the_machines_that_trials_will_run_on(monkeypatch, tmp_path):
    """The cluster has a head without a GPU, and eight machines that may be added, as in ``cluster.yaml``."""
    head, machine = {"CPU": 4, "memory": 16e9}, {"CPU": 4, "GPU": 1}
    monkeypatch.setattr(
        cluster_resources, "cluster_resources", lambda: ClusterResources([head], [head], [machine] * 8)
    )
    for run in (RunOptions(), RunOptions(device="cuda"), RunOptions(gpus_per_trial=1)):
        assert RayPool(run, tmp_path, print)._plan([LARGE] * 300) == PoolPlan(3, 4, 1, "machines")
    assert RayPool(RunOptions(gpus_per_trial=0), tmp_path, print)._plan([LARGE] * 300) == PoolPlan(4, 1, 0)
    monkeypatch.setattr(cluster_resources, "cluster_resources", lambda: ClusterResources([head], [head], []))
    with pytest.raises(UserError, match="run.device=cuda: none of the cluster's 1 node"):
        RayPool(RunOptions(device="cuda"), tmp_path, print)._plan([LARGE] * 300)


@dataclass
class _Encodes:
    """Records what it was asked for."""

    def encode(self, chunk, device, threads):
        return f"{chunk} {device} {threads}".encode()


class _Parcel:
    @staticmethod
    def open():
        return _Encodes()


@pytest.fixture
def granted(monkeypatch):
    def grant(device):
        def ask(asked, ids):
            if isinstance(device, str):
                raise UserError(device)
            return device if asked == "cuda" else torch.device("cpu")

        monkeypatch.setattr("ray.get_gpu_ids", lambda: [])
        monkeypatch.setattr(worker_device, "worker_device", ask)

    return grant


@pytest.mark.parametrize(("gpus", "said"), [(0.5, b"b cuda:1 3"), (0, b"b cpu 3")])
def test_a_process_encodes_on_its_own_gpu_with_all_its_cpus(granted, gpus, said):
    granted(torch.device("cuda", 1))
    assert EncodingProcess(_Parcel, PoolPlan(2, 3, gpus)).encode("b") == (said, "")


def test_a_gpu_that_does_not_answer_is_said_and_the_cpu_does_not_step_in(granted):
    granted("GPU 1 does not answer")
    found = EncodingProcess(_Parcel, PoolPlan(1, 1, 1)).encode("a")
    assert found == (b"", "GPU 1 does not answer")


def _switches():
    return torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision


@pytest.fixture
def tf32():
    """Switches both settings on, as a method's code may leave them."""
    kinds = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = _switches()
    for kind in kinds:
        kind.fp32_precision = "tf32"
    yield
    for kind, value in zip(kinds, before, strict=True):
        kind.fp32_precision = value


class _Model:
    """A frozen encoder that notes how it is called."""

    fingerprint, rows, width = "f", 3, 4

    def __init__(self):
        self.seen = []

    def to(self, device):
        return self

    def encode_image(self, image):
        self.seen.append(_switches())
        return torch.zeros(len(image), 4)

    def encode(self, image, tokens):
        self.seen.append(_switches())
        return torch.zeros(len(image), 3, 4)


def test_full_precision_is_the_blocks_alone(tf32):
    with full_precision():
        assert _switches() == ("ieee", "ieee")
    with pytest.raises(UserError), full_precision():
        raise UserError("x")
    assert _switches() == ("tf32", "tf32")


def test_features_are_encoded_in_full_precision(tf32, monkeypatch):
    model = _Model()
    monkeypatch.setattr(encoder_module, "load_backbone", lambda config: model)
    Encoder(ClipConfig("small", "random"), "f", SOURCES, "none", 0, False).encode(CHUNK, "cpu")
    monkeypatch.setattr(query_encoder, "load_queries", lambda backbone, spec: model)
    tokens = {(0, "test"): np.zeros((2, 5), np.int32)}
    QueryEncoder(None, None, "f", SOURCES, tokens, False).encode(CHUNK, "cpu")
    monkeypatch.setattr(frozen, "load_backbone", lambda config: model)
    config = RunConfig.from_dict({"method.name": "zero-shot", "stream.name": "shapes-recognition"})
    stream = type(
        "S", (), {"tasks": [type("T", (), {"splits": {"train": type("P", (), {"feature": None})}})]}
    )
    batch = Batch(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), None, None, None)
    found = frozen.frozen_encoder(config, stream, "cpu")(replace(batch))
    assert found.image is None and model.seen == [("ieee", "ieee")] * 3
    assert _switches() == ("tf32", "tf32")
