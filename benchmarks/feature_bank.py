"""Sixteen CLAP4CLIP trials over five tasks, with features encoded once and with every picture encoded anew.

    python benchmarks/feature_bank.py [--trials 16] [--model ViT-B-32] [--slow 1] [--train 7] [--epochs 5]
        [--pictures 10000]

Both ways walk one stream (shapes-recognition, 30 classes) with the same configurations, one after the other
in this process, by the code that a lane runs: ViT-B/32 with random weights. The time with the bank includes
encoding. Without the bank all trials cost the same: only ``--slow`` of them are run, and their mean is taken
``--trials`` times.

Bytes: proportional set sizes (PSS, /proc/PID/smaps) of the shared memory that holds a bank of ``--pictures``,
over all processes involved (readers, raylet, owner, this one), after one reader has read all of it, and after
``--trials`` have.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import ray
import torch

from methods.method import ClassSpec, Task
from orchestrator.config import RunConfig
from orchestrator.execution.ray_token import RayToken
from orchestrator.features.bank import open_bank, text_features
from orchestrator.features.builder import encode_here
from orchestrator.features.frozen import load_backbone
from orchestrator.object_store.memory_plan import memory_plan
from orchestrator.object_store.publish import publish
from orchestrator.object_store.shared_store import SharedStore, store_bytes
from orchestrator.object_store.stream_handle import StreamHandle
from orchestrator.streams import registry
from orchestrator.streams.pictures.absent import UnavailablePictures
from orchestrator.streams.prepare import prepare
from orchestrator.streams.stream import Split, Stream, TaskData
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_WIDTH, _VIEWS, _BATCH = 512, 4, 64


def _config(options: argparse.Namespace) -> RunConfig:
    return RunConfig.from_dict(
        {
            "method.name": "clap4clip",
            "method.backbone": {"model": options.model, "pretrained": "random"},
            "method.epochs": options.epochs,
            "method.batch_size": 32,
            "stream.name": "shapes-recognition",
            "stream.tasks": 5,
            "stream.colours": 1,
            "stream.train": options.train,
            "stream.validation": 1,
            "stream.test": 1,
            "replay.size": 60,
            "replay.policy": "first",
            "run.views": _VIEWS,
            "run.device": "cpu",
        }
    )


def _trial(config: RunConfig, number: int, stream: Stream, folder: Path) -> tuple[float, float]:
    """Seconds, and the average accuracy at the end."""
    reporter = CollectingReporter()
    began = time.perf_counter()
    config = config.with_values({"run.seed": number})
    StreamLoop(config, stream, folder / str(number), reporter, device=torch.device("cpu")).run()
    return time.perf_counter() - began, reporter.reports[-1]["validation/average"]


def _speed(options: argparse.Namespace, folder: Path) -> None:
    config = _config(options)
    source = registry.get(config.stream_name).load(config.stream, False)
    load_backbone(config.method.backbone)
    began = time.perf_counter()
    bank = open_bank(config, source, folder / "features", lambda line: print(f"  {line}"), encode_here)
    encoding = time.perf_counter() - began
    stream = bank.stream(source, False)
    fast = [_trial(config, number, stream, folder / "fast") for number in range(options.trials)]
    plain = prepare(source, text_features(config, source))
    slow = [_trial(config, number, plain, folder / "slow") for number in range(options.slow)]
    trials = sum(seconds for seconds, _ in fast)
    each = float(np.mean([seconds for seconds, _ in slow]))
    anew = options.trials * each
    print(f"with the bank: encoding {encoding:.1f} s, {options.trials} trials {trials:.1f} s")
    print(
        f"encoding every batch: {each:.1f} s a trial ({options.slow} run), x {options.trials} = {anew:.0f} s"
    )
    print(f"ratio {anew / (encoding + trials):.1f} (10 or more); of the next sweep {anew / trials:.1f}")
    for (_, one), (_, other) in zip(fast, slow, strict=False):
        print(f"average accuracy of the same trial: {one:.2f} with the bank, {other:.2f} without")


@ray.remote(num_cpus=0)
class _Reader:
    """A trial's process."""

    def pid(self) -> int:
        return os.getpid()

    def read(self, handle: StreamHandle) -> None:
        """Touches every number."""
        stream = handle.open()
        for begin in range(0, len(stream.views), _BATCH):
            stream.views[begin : begin + _BATCH].max()
            stream.feature[begin : begin + _BATCH].max()


def _held(pids: list[int]) -> int:
    """Sum over processes of their share of the object store's pages, in bytes."""
    total = 0
    for pid in pids:
        inside = False
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            head, *rest = line.split()
            if not head.endswith(":"):
                inside = "plasma" in line
            elif inside and head == "Pss:":
                total += int(rest[0]) * 1024
    return total


def _raylet() -> int:
    """The process that keeps the object store: this driver's ray.init started it."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return next(int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == "raylet")


def _bytes(count: int, trials: int, folder: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = {"feature": (count, _WIDTH), "views": (count, _VIEWS, _WIDTH)}
    arrays = {name: rng.random(shape, np.float32).astype(np.float16) for name, shape in shapes.items()}
    arrays["herding"] = np.arange(count, dtype=np.int32)
    files = {name: folder / f"{name}.npy" for name in arrays}
    for name, array in arrays.items():
        np.save(files[name], array)
    label = np.zeros(count, np.int32)
    split = Split(
        UnavailablePictures(count), np.empty((count, 0), np.int32), label, feature=arrays["feature"]
    )
    task = TaskData(Task(0, "noise", "recognition", 1, range(1)), {"train": split})
    spec = ClassSpec(("noise",), ("{}",), torch.zeros(1, 1, _WIDTH), 100.0)
    stream = Stream("noise", spec, [task], "shift", image_size=224)
    stream.views, stream.herding = arrays["views"], arrays["herding"]
    size = sum(array.nbytes for array in arrays.values())
    RayToken(print)
    ray.init("local", object_store_memory=2 * size + 2**27, include_dashboard=False, log_to_driver=False)
    store = SharedStore.start(folder / "shared", "feature-bank")
    readers = [_Reader.remote() for _ in range(trials)]
    owner = ray.get(ray.get_actor(store.owner, "vlcl-replay").__ray_call__.remote(lambda self: os.getpid()))
    everyone = [*ray.get([reader.pid.remote() for reader in readers]), owner, _raylet(), os.getpid()]
    before = _held(everyone)
    chosen = memory_plan(stream, largest=0, store_bytes=store_bytes(), seeds=[0])
    handle = publish(stream, store, chosen, files=files)
    ray.get(readers[0].read.remote(handle))
    one = _held(everyone) - before
    ray.get([reader.read.remote(handle) for reader in readers])
    everybody = _held(everyone) - before
    print(f"bank of {count} pictures, {size / 1e6:.1f} MB")
    print(f"held with 1 reader {one / 1e6:.1f} MB, with {trials} {everybody / 1e6:.1f} MB")
    print(f"ratio of bytes {everybody / one:.3f} (at most 1.05)")
    store.close(delete=True)
    ray.shutdown()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=16, help="with the bank, and readers of it")
    parser.add_argument("--model", default="ViT-B-32", help="of open_clip, or small; with random weights")
    parser.add_argument("--slow", type=int, default=1, help="trials that encode every batch")
    parser.add_argument("--train", type=int, default=7, help="training pictures a class")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=10_000, help="of the bank whose bytes are measured")
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        _bytes(options.pictures, options.trials, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        _speed(options, Path(folder))


if __name__ == "__main__":
    main()
