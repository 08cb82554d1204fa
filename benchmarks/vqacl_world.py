"""Do VQACL's prototypes help over replay, at equal memory and equal tuning?

    python benchmarks/vqacl_world.py [--tune 100] [--pairs 0 1 2 3 4] [--rows er vqacl ...] [--out FILE]
        [--set stream.region_noise=0.5 ...]

Walks each row over ``shapes-vqa`` as a detector's regions and in paraphrases, in one process and with one
thread. Each row has four points to choose from: two learning rates, each with two variants. The variants are
two lengths of training; for plain replay a memory that is paired or merged; for VQACL the paper's or long
moving averages. The validation data of the seeds ``--tune`` choose. Then each pair is one seed of everything
(model, stream, order of the tasks), scored once on test data. ``oracle`` is VQACL whose prototypes are always
those of the question's own kind and of the picture's own object, in training and at test, which no method can
know. Differences are to ``er``, with a paired t-test. For rows with prototypes: the accuracy with zero
vectors in their place; how often a test question is given those of its own ``kind`` and ``object``; and how
often it would be given its object's if prototypes were ``fresh``, the means of all training questions under
the last encoder.

``--out`` keeps every walk as a line of JSON; walks that are there are not walked again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import ttest_rel
from walked import Walked, started, walk

from methods.vqa.vqacl.method import VQACL
from methods.vqa.vqacl.prototypes import batch_prototypes, nearest
from orchestrator.config import parse_set
from orchestrator.data.loader import eval_batches
from orchestrator.streams import registry as streams

_WORLD = {
    "stream.tasks": 4,
    "stream.pictures": "regions",
    "stream.region_noise": 0.3,
    "stream.paraphrases": True,
    "stream.tokenizer": "words",
    "stream.train": 40,
    "stream.validation": 12,
    "stream.test": 24,
    "replay.size": 160,
    "method.inner": False,
    "method.backbone.layers": 1,
    "method.batch_size": 20,
    "method.beams": 1,
}
_RATES = [{"method.learning_rate": rate} for rate in (1.5e-3, 4e-3)]
_LONG = {"method.epochs": 20}
_EPOCHS = [{"method.epochs": epochs} for epochs in (10, 20)]
_MIXES = [{**_LONG, "method.replay": mix} for mix in ("paired", "merge")]
_PASTS = [{**_LONG, "method.alpha": a, "method.beta": b} for a, b in ((0.5, 0.3), (0.9, 0.9))]
_ROWS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "finetune": ("vqa-finetune", _EPOCHS),
    "er": ("vqa-er", _MIXES),
    "derpp": ("vqa-derpp", _EPOCHS),
    "vqacl": ("vqacl", _PASTS),
    "oracle": ("vqacl", _PASTS),
    "joint": ("vqa-joint", _EPOCHS),
}


@contextmanager
def _prototypes(right: bool) -> Iterator[None]:
    """With ``right``, VQACL is given the prototypes of a batch's kinds and objects, where these are told."""
    own = VQACL.encode

    def encode(self, batch, *, learn):
        held = self.prototypes

        def retrieve(question, picture):
            kind = nearest(held.question, question, held.question_known) if batch.kind is None else batch.kind
            return torch.stack([held.question[kind], held.picture[batch.label]], 1)

        held.retrieve = retrieve
        return own(self, batch, learn=learn)

    VQACL.encode = encode if right else own
    try:
        yield
    finally:
        VQACL.encode = own


@torch.no_grad()
def _accuracy(walked: Walked, split: str) -> float:
    """Percent of right answers. The batches are whole, labels and all, for the row that looks at them."""
    walked.method.eval()
    right = []
    for task in walked.stream.tasks:
        for batch in eval_batches(task.splits[split], batch_size=256, rank=0, ranks=1):
            wanted = [walked.stream.tables.answers[int(answer)] for answer in batch.answer[:, 0]]
            right += [a == b for a, b in zip(walked.method.answer(batch).texts, wanted, strict=True)]
    return 100 * float(np.mean(right))


@torch.no_grad()
def _pooled(walked: Walked, split: str) -> list[torch.Tensor]:
    """The encoder's means over questions and over pictures of a split, and their kinds and objects."""
    method, found = walked.method, []
    for task in walked.stream.tasks:
        for batch in eval_batches(task.splits[split], batch_size=256, rank=0, ranks=1):
            found.append((*method._pooled(method.model.encode(batch)), batch.kind, batch.label))
    return [torch.cat(column) for column in zip(*found, strict=True)]


def _chosen(walked: Walked) -> dict[str, float]:
    """Percent of test questions with the prototypes of their kind and object, held or fresh."""
    held = walked.method.prototypes
    question, picture, kind, thing = _pooled(walked, "test")
    _, train, _, of = _pooled(walked, "train")
    fresh, count = batch_prototypes(train, of, len(held.picture))
    right = {
        "kind": nearest(held.question, question, held.question_known) == kind,
        "object": nearest(held.picture, picture, held.picture_known) == thing,
        "fresh": nearest(fresh, picture, count > 0) == thing,
    }
    return {name: 100 * found.float().mean().item() for name, found in right.items()}


def _walk(row: str, point: dict[str, Any], seed: int, test: bool) -> dict[str, Any]:
    name = _ROWS[row][0]
    config = started(name, {"run.seed": seed, "stream.seed": seed, "stream.order": seed, **point})
    source = streams.get("shapes-vqa").load(config.stream, skip_bad=False)
    with tempfile.TemporaryDirectory() as folder, _prototypes(row == "oracle"):
        walked = walk(config, source, Path(folder))
        found: dict[str, Any] = {"score": _accuracy(walked, "test" if test else "validation")}
        if test and name == "vqacl":
            found |= _chosen(walked)
            walked.method.prototypes.question.zero_()
            walked.method.prototypes.picture.zero_()
            found["zeros"] = _accuracy(walked, "test")
    return found


class _Walks:
    """Walks, each of them once."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        lines = file.read_text().splitlines() if file and file.exists() else []
        self._known = {line["of"]: line for line in map(json.loads, lines)}

    def __call__(self, *what: Any) -> dict[str, Any]:
        key = json.dumps(what, sort_keys=True)
        if key not in self._known:
            self._known[key] = {"of": key, **_walk(*what)}
            if self._file:
                with self._file.open("a") as file:
                    file.write(json.dumps(self._known[key]) + "\n")
        return self._known[key]


def _row(walks: _Walks, row: str, given: dict[str, Any], options: argparse.Namespace) -> list[float]:
    points = [{**_WORLD, **rate, **own, **given} for rate in _RATES for own in _ROWS[row][1]]
    scores = [np.mean([walks(row, p, seed, False)["score"] for seed in options.tune]) for p in points]
    best = points[int(np.argmax(scores))]
    found = [walks(row, best, seed, True) for seed in options.pairs]
    score = [f["score"] for f in found]
    print(f"{row:>9} {_mean(score)}", end="")
    for name in ("zeros", "kind", "object", "fresh"):
        print(f"{np.mean([f[name] for f in found]):8.1f}" if name in found[0] else " " * 8, end="")
    print("  ", {k.removeprefix("method."): v for k, v in best.items() if k not in _WORLD}, flush=True)
    return score


def _mean(values: list[float]) -> str:
    spread = np.std(values, ddof=1) if len(values) > 1 else np.nan
    return f"{np.mean(values):6.1f} ± {spread:4.1f}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tune", type=int, nargs="+", default=[100], help="seeds that validation chooses on")
    parser.add_argument("--pairs", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="seeds of the test")
    parser.add_argument("--rows", nargs="+", choices=list(_ROWS), default=list(_ROWS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", help="over world and points, for all rows")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    walks, given = _Walks(options.out), parse_set(options.set or [])
    print(f"{'row':>9}  test            zeros    kind  object   fresh   chosen on validation")
    score = {row: _row(walks, row, given, options) for row in options.rows}
    for row, own in score.items():
        if row != "er" and "er" in score and len(own) > 1:
            p, difference = ttest_rel(own, score["er"]).pvalue, np.subtract(own, score["er"]).tolist()
            print(f"{row:>9} - er: {_mean(difference)}, n {len(own)}, p {p:.3f}")


if __name__ == "__main__":
    main()
