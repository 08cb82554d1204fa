"""Region features read by row from HDF5 while a model trains: how long does the step wait?

    python benchmarks/region_reading.py [--pictures 1000] [--size small] [--batch 80] [--steps 40]

Writes 36 x 2048 features a picture in VQACL's layout, one question each, and trains VQACL on them through the
trial's own reader and loader, two threads ahead of the step. The pages of a file just written lie in memory,
so that the reading and gathering is measured and not the disk. With ``--cold`` the kernel is asked to drop
these pages first.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import torch

from methods.method import Task
from methods.registry import get as get_method
from methods.vqa.t5.config import JointT5Config
from orchestrator.data.loader import Loader
from orchestrator.data.row_reader import RowReader
from orchestrator.streams.pictures.regions import RegionPictures
from orchestrator.streams.prepare import prepare
from orchestrator.streams.source import Questions, QuestionTables, SplitSource, StreamSource, TaskSource
from orchestrator.streams.stream import Stream
from orchestrator.streams.text.tokenizer import Tokenizer

_REGIONS, _WIDTH = 36, 2048


def _write(path: Path, pictures: int) -> list[str]:
    rng = np.random.default_rng(0)
    names = [f"COCO_train2014_{i:012d}" for i in range(pictures)]
    with h5py.File(path, "w") as file:
        for name in names:
            group = file.create_group(name)
            group["features"] = rng.random((_REGIONS, _WIDTH), np.float32)
            corner = rng.random((_REGIONS, 2)) * 200
            group["boxes"] = np.concatenate([corner, corner + 100], 1).astype(np.float32)
            group["img_w"], group["img_h"] = 400, 300
    return names


def _stream(path: Path, names: list[str]) -> Stream:
    count = len(names)
    answers = ["yes", "no", "red", "2"]
    questions = Questions(
        np.zeros(count, np.int32),
        np.arange(count, dtype=np.int32)[:, None] % len(answers),
        np.ones((count, 1), np.float32),
    )
    pictures = RegionPictures([str(path)], [0] * count, names, (_REGIONS, _WIDTH))
    texts = [f"what is in picture {i}" for i in range(count)]
    split = SplitSource(pictures, texts, np.zeros(count, np.int32), names, questions)
    tables = QuestionTables(answers, len(answers), ["any"], ["all"], [0], regions=(_REGIONS, _WIDTH))
    task = TaskSource("one", {"train": split}, groups=(0,))
    source = StreamSource("regions", "vqa", 0, ["thing"], [task], "none", "f", tables=tables)
    return prepare(source, Tokenizer.train(texts, 400, 20))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--size", choices=["small", "base"], default="small")
    parser.add_argument("--batch", type=int, default=80)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--cold", action="store_true", help="drop the file's pages first")
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train2014_obj36.h5")
        stream = _stream(path, _write(path, options.pictures))
        print(f"{options.pictures} pictures, {path.stat().st_size / 1e6:.0f} MB")
        if options.cold:
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        cls = get_method("vqacl")
        method = cls(cls.Config(backbone=JointT5Config(size=options.size)), stream.spec)
        task = Task(0, "one", "vqa", 1, groups=(0,))
        method.start_task(task)
        (phase,) = method.phases(task)
        optimizer = phase.optimizer()
        reader, rows = RowReader(stream), stream.train_rows(0)

        def loader() -> Loader:
            return Loader(
                reader,
                rows,
                batch_size=options.batch,
                steps=options.steps + 1,
                seed=0,
                augment="none",
                threads=2,
            )

        method.train()
        with loader() as batches:
            began = None
            for number, batch in enumerate(batches):
                sum(method.loss(batch, phase).values()).backward()
                optimizer.step()
                optimizer.zero_grad()
                began = began or time.perf_counter()
                if number == options.steps:
                    break
            seconds = time.perf_counter() - began
        waited = batches.waited
        began = time.perf_counter()
        with loader() as batches:
            for number, _ in enumerate(batches):
                if number == options.steps:
                    break
        alone = time.perf_counter() - began
    print(
        f"step with its batch: {seconds / options.steps * 1e3:.0f} ms; waited {waited / seconds:.1%} of the"
    )
    print(f"time after the first batch; reading alone: {alone / options.steps * 1e3:.0f} ms a batch")


if __name__ == "__main__":
    main()
