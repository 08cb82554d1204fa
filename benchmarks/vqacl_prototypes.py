"""What VQACL's prototypes do: are they the right ones, and does the answer depend on them?

    python benchmarks/vqacl_prototypes.py [--regions cells|told] [--seeds 0 1 2] [--setting dual-level]
        [--set method.epochs=10 ...]

Walks ``vqa-er`` and ``vqacl`` over ``shapes-vqa`` with the starting values of their search spaces, in one
process and with one thread, and scores both on test data after the last task. Then: how often a test question
is given the prototype of its own kind, and of its picture's object or of one of the same group; and how many
answers are right when zero vectors stand in the place of all prototypes.

With the regions ``told`` a picture is not cut into cells. It comes as one row for each thing, which gives
object, colour, size, tilt and box, as a perfect detector could. Then the regions do not limit the method.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from walked import started, walk

from methods.vqa.vqacl.method import VQACL
from methods.vqa.vqacl.prototypes import nearest
from orchestrator.config import parse_set
from orchestrator.data.loader import eval_batches
from orchestrator.streams import registry as streams
from orchestrator.streams.source import StreamSource
from orchestrator.streams.stream import Stream
from orchestrator.streams.synthetic.colours import COLOURS
from orchestrator.streams.synthetic.drawings import DRAWINGS
from orchestrator.streams.synthetic.families import THINGS
from orchestrator.streams.synthetic.scenes import SIZES, Scenes

_STEEPEST = 45.0  # degrees: tilts are told in parts of it
_OBJECTS = len(DRAWINGS) * THINGS
_WIDTH = _OBJECTS + len(COLOURS) + len(SIZES) + 1


@dataclass(frozen=True)
class _Told:
    """The things of scenes as regions."""

    scenes: Scenes
    most: int

    def __len__(self) -> int:
        return len(self.scenes)

    def read(self, rows: np.ndarray) -> np.ndarray:
        s = self.scenes
        found = np.zeros((len(rows), self.most, _WIDTH + 4), np.float32)
        for column in range(min(self.most, s.family.shape[1])):
            there = np.flatnonzero(s.family[rows, column] >= 0)
            at = (rows[there], column)
            starts = 0, _OBJECTS, _OBJECTS + len(COLOURS)
            numbers = s.family[at].astype(int) * THINGS + s.thing[at], s.colour[at], s.size[at]
            for start, number in zip(starts, numbers, strict=True):
                found[there, column, start + number] = 1
            found[there, column, _WIDTH - 1] = s.tilt[at] / _STEEPEST
            x, y, half = (getattr(s, name)[at].astype(np.float32) for name in ("x", "y", "side"))
            half /= 2
            found[there, column, _WIDTH:] = np.stack([x - half, y - half, x + half, y + half], 1)
        return found


def _told(source: StreamSource) -> StreamSource:
    splits = [split for task in source.tasks for split in task.splits.values()]
    most = max(int((split.pictures.scenes.family >= 0).sum(1).max()) for split in splits)

    def tell(task):
        told = {n: replace(s, pictures=_Told(s.pictures.scenes, most)) for n, s in task.splits.items()}
        return replace(task, splits=told)

    tables = replace(source.tables, regions=(most, _WIDTH))
    return replace(source, image_size=0, tasks=[tell(task) for task in source.tasks], tables=tables)


@torch.no_grad()
def _right(method: VQACL, stream: Stream) -> tuple[float, float, float]:
    """Percent of test questions with the prototype of their kind, of their object, of their group."""
    held, group = method.prototypes, torch.as_tensor(stream.tables.group_of)
    found = []
    for task in stream.tasks:
        for batch in eval_batches(task.splits["test"], batch_size=256, rank=0, ranks=1):
            question, picture = method._pooled(method.model.encode(batch))
            kind = nearest(held.question, question, held.question_known)
            thing = nearest(held.picture, picture, held.picture_known)
            rows = kind == batch.kind, thing == batch.label, group[thing] == group[batch.label]
            found.append(torch.stack(rows, 1).float())
    return tuple((100 * torch.cat(found).mean(0)).tolist())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--regions", choices=["cells", "told"], default="cells")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--setting", default="dual-level")
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE")
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    names = ("vqa-er", "vqacl", "vqacl, zeros", "right kind", "right object", "right group")
    print("seed ", *(f"{name:>13}" for name in names))
    rows = []
    for seed in options.seeds:
        row = []
        for name in ("vqa-er", "vqacl"):
            given = {"run.seed": seed, "stream.setting": options.setting, **parse_set(options.set or [])}
            config = started(name, given)
            source = streams.get("shapes-vqa").load(config.stream, skip_bad=False)
            with tempfile.TemporaryDirectory() as folder:
                walked = walk(config, _told(source) if options.regions == "told" else source, Path(folder))
            row.append(walked.accuracy())
        right = _right(walked.method, walked.stream)
        walked.method.prototypes.question.zero_()
        walked.method.prototypes.picture.zero_()
        rows.append([*row, walked.accuracy(), *right])
        print(f"{seed:<5}", *(f"{value:13.1f}" for value in rows[-1]), flush=True)
    if len(rows) > 1:
        print("mean ", *(f"{value:13.1f}" for value in np.mean(rows, 0)))
        print("std  ", *(f"{value:13.1f}" for value in np.std(rows, 0, ddof=1)))


if __name__ == "__main__":
    main()
