"""The pool on a real Ray."""

import os
import signal
import threading
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import ray
from ray.util import placement_group, remove_placement_group

from methods.backbones.clip_config import ClipConfig
from orchestrator.errors import BadRecord, UserError
from orchestrator.execution.encoding_pool import RayPool
from orchestrator.execution.start_ray import start_ray
from orchestrator.features.encoder import Encoder, PictureChunk, TextChunk, npz, read_chunk
from orchestrator.features.frozen import load_backbone
from orchestrator.run_options import RunOptions
from orchestrator.streams.pictures import ArrayPictures

CLIP = ClipConfig("small", "random")


def _chunk(split, begin, end):
    rows = np.arange(begin, end)
    return PictureChunk([(0, split)] * len(rows), rows, rows, split == "train")


CHUNKS = [
    TextChunk(("a cat", "犬")),
    _chunk("train", 0, 300),
    _chunk("train", 300, 512),  # as many as two processes are for
    _chunk("test", 0, 5),
]


@dataclass(frozen=True)
class _Deadly(ArrayPictures):
    """Pictures of which the first one kills the process that reads it, once."""

    once: str

    def read(self, rows):
        if 0 in rows and not os.path.exists(self.once):
            open(self.once, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(rows)


class _Broken(ArrayPictures):
    def read(self, rows):
        raise BadRecord("shelf/7.png: is no picture", int(rows[0]))


class _Odd(ArrayPictures):
    """Odd rows cannot be read."""

    def read(self, rows):
        for row in rows.tolist():
            if row % 2:
                raise BadRecord(f"{row} is odd", row)
        return super().read(rows)


@dataclass(frozen=True)
class _Means:
    """An encoder without a model, whose libraries a process would take seconds to import: mean colours of
    pictures, lengths of texts.
    """

    sources: dict
    views: int = 0
    skip_bad: bool = False
    name: str = "means"

    def encode(self, chunk, device, threads=1):
        if isinstance(chunk, TextChunk):
            return npz(text=np.array([[len(text)] for text in chunk.texts], np.float32))
        kept, pictures = read_chunk(self, chunk, threads)
        return npz(picture=chunk.numbers[kept], feature=pictures.mean((1, 2)).astype(np.float16))


@pytest.fixture(scope="module", autouse=True)
def _ray(on_shared_ray):
    started = start_ray(lambda line: None)
    yield
    started.end()


def _sources(train=ArrayPictures, *options):
    # Above a megabyte: pictures that are held in memory travel through the object store.
    image = np.random.default_rng(0).integers(0, 256, (512, 32, 32, 3), np.uint8)
    return {(0, "train"): train(image, *options), (0, "test"): ArrayPictures(image[:5])}


def _encoder():
    """The frozen CLIP, whose pool has the test of a recognition sweep's session."""
    return Encoder(CLIP, load_backbone(CLIP).fingerprint, _sources(), "shift", 2, False)


def _pool(folder, said=None):
    return RayPool(RunOptions(device="cpu"), folder, (said if said is not None else []).append)


def test_processes_that_die_are_replaced_and_the_pool_gives_what_one_process_gives(tmp_path, processes_under):
    before, said = ray.available_resources(), []
    encoder = _Means(_sources(_Deadly, str(tmp_path / "once")))
    found = dict(_pool(tmp_path / "pool", said)(encoder, CHUNKS))
    assert os.path.exists(tmp_path / "once")
    assert any("an encoding process died" in line for line in said)
    assert found == {number: encoder.encode(chunk, "cpu") for number, chunk in enumerate(CHUNKS)}
    # Lanes find all CPUs, and the disk as it was.
    assert ray.available_resources()["CPU"] == before["CPU"]
    assert not (tmp_path / "pool").exists()
    deadline = time.monotonic() + 60
    while any("ray::Encoding" in name for name, _ in processes_under()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_bad_picture_is_one_line(tmp_path):
    with pytest.raises(UserError) as error:
        list(_pool(tmp_path / "pool")(_Means(_sources(_Broken)), CHUNKS[1:2]))
    assert str(error.value) == "shelf/7.png: is no picture"


def test_another_encoder_on_another_machine_is_refused():
    encoder = Encoder(CLIP, "another", {}, "none", 0, False)
    with pytest.raises(UserError, match=r"small \(random\): its weights differ"):
        encoder.encode(CHUNKS[0], "cpu")


def test_a_pool_whose_place_others_hold_waits_and_says_so(tmp_path):
    others = placement_group([{"CPU": 2}])
    assert others.wait(30)
    said = []

    def say(line):
        said.append(line)
        if "others hold the cluster" in line:
            remove_placement_group(others)

    encoder = _Means(_sources())
    found = dict(RayPool(RunOptions(gpus_per_trial=0), tmp_path / "pool", say)(encoder, CHUNKS[:2]))
    assert found == {number: encoder.encode(chunk, "cpu") for number, chunk in enumerate(CHUNKS[:2])}
    assert said[0].startswith("encoding waits for 1 CPU, after ") and said[1] == "encoding on 1 CPU core(s)"


def test_threads_read_what_one_reads():
    encoder = _encoder()
    for chunk in (_chunk("train", 290, 311), CHUNKS[3]):
        assert encoder.encode(chunk, "cpu", 4) == encoder.encode(chunk, "cpu")
    lenient = replace(encoder, skip_bad=True, sources={(0, "test"): _Odd(np.zeros((9, 8, 8, 3), np.uint8))})
    chunk = _chunk("test", 0, 9)
    for threads in (1, 3, 20):
        rows, pictures = read_chunk(lenient, chunk, threads)
        assert rows.tolist() == [0, 2, 4, 6, 8] and pictures.shape == (5, 8, 8, 3)
        with pytest.raises(BadRecord, match="1 is odd"):
            read_chunk(replace(lenient, skip_bad=False), chunk, threads)
        rows, pictures = read_chunk(lenient, _chunk("test", 3, 4), threads)
        assert rows.tolist() == [] and len(pictures) == 0


def test_several_threads_read_at_once():
    together = threading.Barrier(3, timeout=30)

    class Meeting(ArrayPictures):
        def read(self, rows):
            together.wait()
            return super().read(rows)

    encoder = replace(_encoder(), sources={(0, "test"): Meeting(np.zeros((9, 8, 8, 3), np.uint8))})
    rows, _ = read_chunk(encoder, _chunk("test", 0, 9), 3)
    assert rows.tolist() == list(range(9))
