"""The pool on a real Ray."""

import os
import signal
import time
from dataclasses import dataclass

import numpy as np
import pytest
import ray

from methods.backbones.clip_config import ClipConfig
from orchestrator.errors import BadRecord, UserError
from orchestrator.features.encoder import Encoder, PictureChunk, TextChunk
from orchestrator.features.frozen import load_backbone
from orchestrator.features.pool import RayPool, pool_size
from orchestrator.run_options import RunOptions
from orchestrator.streams.pictures import ArrayPictures

CLIP = ClipConfig("small", "random")
CHUNKS = [
    TextChunk(("a cat", "犬")),
    PictureChunk((0, "train"), 0, 30, 0),
    PictureChunk((0, "train"), 30, 50, 0),
    PictureChunk((0, "test"), 0, 5, None),
]


@dataclass(frozen=True)
class _Deadly(ArrayPictures):
    """Reading the first picture kills the process that reads, once."""

    once: str

    def read(self, rows):
        if 0 in rows and not os.path.exists(self.once):
            open(self.once, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(rows)


class _Broken(ArrayPictures):
    def read(self, rows):
        raise BadRecord("shelf/7.png: is no picture", int(rows[0]))


@pytest.fixture(scope="module", autouse=True)
def _ray():
    ray.init(
        "local", num_cpus=2, object_store_memory=80 * 2**20, include_dashboard=False, log_to_driver=False
    )
    yield
    ray.shutdown()


def _encoder(train=ArrayPictures, *options):
    # Above a megabyte: pictures that are held in memory travel through the object store.
    image = np.random.default_rng(0).integers(0, 256, (500, 32, 32, 3), np.uint8)
    sources = {(0, "train"): train(image, *options), (0, "test"): ArrayPictures(image[:5])}
    return Encoder(CLIP, load_backbone(CLIP).fingerprint, sources, "shift", 2, False)


def _pool(folder, said=None):
    return RayPool(RunOptions(device="cpu"), folder, (said if said is not None else []).append)


def test_processes_that_die_are_replaced_and_the_pool_gives_what_one_process_gives(tmp_path, processes_under):
    before, said = ray.available_resources(), []
    encoder = _encoder(_Deadly, str(tmp_path / "once"))
    found = dict(_pool(tmp_path / "pool", said)(encoder, CHUNKS))
    assert os.path.exists(tmp_path / "once")
    assert any("an encoding process died" in line for line in said)
    assert found == {number: encoder.encode(chunk, "cpu") for number, chunk in enumerate(CHUNKS)}
    # Lanes find all CPUs, and the disk as it was.
    assert ray.available_resources()["CPU"] == before["CPU"]
    assert not (tmp_path / "pool").exists()
    deadline = time.monotonic() + 60  # Ray gives a process 30 s to end by itself before it kills it
    while any("MapWorker" in name for name, _ in processes_under()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_bad_picture_is_one_line(tmp_path):
    with pytest.raises(UserError) as error:
        list(_pool(tmp_path / "pool")(_encoder(_Broken), CHUNKS[1:2]))
    assert str(error.value) == "shelf/7.png: is no picture"


def test_another_encoder_on_another_machine_is_refused():
    encoder = Encoder(CLIP, "another", {}, "none", 0, False)
    with pytest.raises(UserError, match=r"small \(random\): its weights differ"):
        encoder.encode(CHUNKS[0], "cpu")


@pytest.mark.parametrize(
    ("nodes", "device", "chunks", "expected"),
    [
        ([{"CPU": 4, "memory": 1e12}], "auto", 100, ("cpu", 4)),
        ([{"CPU": 4, "memory": 1e12}], "auto", 3, ("cpu", 3)),
        ([{"CPU": 8, "memory": 7e9}, {"CPU": 2, "memory": 1e12}], "auto", 100, ("cpu", 4)),
        ([{"CPU": 4, "GPU": 2}, {"CPU": 4, "GPU": 1}, {"CPU": 4}], "auto", 100, ("cuda", 3)),
        ([{"CPU": 4, "GPU": 2, "memory": 1e12}], "cpu", 100, ("cpu", 4)),
    ],
)
def test_one_process_a_gpu_or_a_core(nodes, device, chunks, expected):
    assert pool_size(nodes, device, chunks) == expected


def test_a_cluster_without_cores_is_one_line():
    with pytest.raises(UserError, match="no node has a CPU core"):
        pool_size([{"CPU": 0}], "auto", 1)
