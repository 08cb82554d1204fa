"""TRIPLET with its frozen queries encoded once, against computing them at every step.

    python benchmarks/query_bank.py [--tasks 2] [--train 80] [--epochs 3] [--size world|base]

It walks the first tasks of ``shapes-vqa``, in one process and with one thread: once as a trial that reads the
shared queries, and once as a trial with ``--no-feature-cache``. The faster of two walks each counts. Size
``base`` has random weights, a ViT-B/16 and BERT-base on 224 pixels. It prints the seconds of training, of
evaluation and of encoding, and after how many trials the encoding has paid.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from orchestrator.config import RunConfig
from orchestrator.features.builder import encode_here
from orchestrator.features.query_bank import open_query_bank
from orchestrator.streams import registry as streams
from orchestrator.streams.prepare import prepare
from orchestrator.streams.stream import Stream
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_SIZES = {
    "world": {"method.general_layers": [0, 1], "method.task_layers": [1, 2, 3], "stream.image_size": 32},
    "base": {
        "method.backbone.image_weights": "random",
        "method.backbone.text_weights": "random",
        "stream.image_size": 224,
    },
}


def _walk(config: RunConfig, stream: Stream, folder: Path) -> tuple[float, float]:
    """Seconds of training and of evaluation."""
    reporter = CollectingReporter()
    StreamLoop(config, stream, folder, reporter, device=torch.device("cpu")).run()
    return tuple(sum(r[f"seconds/{stage}"] for r in reporter.reports) for stage in ("train", "evaluate"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--train", type=int, default=80, help="questions of each kind about each group")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--size", choices=list(_SIZES), default="world")
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    config = RunConfig.from_dict(
        {
            "method.name": "triplet",
            "method.backbone.size": options.size,
            "method.epochs": options.epochs,
            "stream.name": "shapes-vqa",
            "stream.setting": "con-ls",
            "stream.tasks": options.tasks,
            "stream.train": options.train,
            "stream.tokenizer": "world",
            "run.device": "cpu",
            **_SIZES[options.size],
        }
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = streams.get("shapes-vqa").load(config.stream, skip_bad=False)
        stream = prepare(source, fit_tokenizer(source, config.stream, folder / "tokenizer"))
        began = time.perf_counter()
        bank = open_query_bank(config, source, stream, folder / "features", print, encode_here)
        encoding = time.perf_counter() - began
        ways = {"shared": bank.stream(stream), "each": stream}
        found = {
            way: [_walk(config, ways[way], folder / f"{way}-{turn}") for turn in range(2)] for way in ways
        }
        shared, each = (min(found[way], key=sum) for way in ways)
    for stage, fast, slow in zip(("training", "evaluation"), shared, each, strict=True):
        print(f"{stage}: {slow:.1f} s computing queries, {fast:.1f} s reading them: {slow / fast:.2f} times")
    saved = sum(each) - sum(shared)
    print(f"encoding once: {encoding:.1f} s, {saved:.1f} s saved by each trial: pays from trial ", end="")
    print(f"{int(encoding // saved) + 1} on" if saved > 0 else "never")


if __name__ == "__main__":
    main()
