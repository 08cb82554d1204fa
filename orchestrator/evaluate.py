"""Evaluation of a method on the splits of the tasks."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from methods.method import Method

from .metrics import gallery_map_of_features, recall_of_features
from .ranks import gather_rows, own_batches
from .scoring import Evaluation, Scores
from .streams.stream import Split, Stream

Kind = Literal["image", "text", "pair"]


@torch.no_grad()
def embed_split(method: Method, split: Split, kinds: tuple[Kind, ...], how: Evaluation) -> dict[Kind, Tensor]:
    """Unit rows (N, D), float32 on ``how.device``, of every sample of a split, in its order.

    Each rank embeds its share; all ranks return the whole.
    """
    found: dict[Kind, list[Tensor]] = {kind: [] for kind in kinds}
    places: list[Tensor] = []
    method.eval()
    for batch in own_batches(method, split, how):
        places.append(batch.row)
        with torch.autocast(how.device.type, torch.bfloat16, enabled=how.precision == "bf16"):
            for kind in kinds:
                found[kind].append(method.embed(batch, kind).float())
    return {kind: gather_rows(parts, places, len(split), how.device) for kind, parts in found.items()}


def evaluate_retrieval(
    method: Method,
    stream: Stream,
    split: Literal["validation", "test"],
    *,
    tasks: int,
    seen: int,
    how: Evaluation,
) -> Scores:
    """Scores tasks 0 .. ``tasks`` - 1 one by one, and the union of tasks 0 .. ``seen`` - 1 (``seen`` <=
    ``tasks``), as :func:`~orchestrator.scoring.evaluate`.

    ``by_task``: R_m of each task among its own candidates. ``metrics``: ``task_00/r_mean`` ... and, over the
    union of the tasks' candidates as the CTP paper reports it, ``seen/txt_r1`` ... ``seen/r_mean`` and, where
    there are query and gallery splits, ``seen/map1``, ``seen/map5``, ``seen/map10``.
    """
    images, texts, by_task, metrics = [], [], [], {}
    for k in range(tasks):
        found = embed_split(method, stream.tasks[k].splits[split], ("image", "text"), how)
        scores = recall_of_features(found["image"], found["text"])
        metrics[f"task_{k:02d}/r_mean"] = scores["r_mean"]
        by_task.append(scores["r_mean"])
        if k < seen:
            images.append(found["image"])
            texts.append(found["text"])
    if seen:
        union = recall_of_features(torch.cat(images), torch.cat(texts))
        metrics.update({f"seen/{name}": value for name, value in union.items()})
    if seen and split == "test" and all("gallery" in t.splits for t in stream.tasks[:seen]):
        metrics.update(_gallery(method, stream, seen, how))
    return Scores(np.array(by_task), metrics)


def task_r_mean(method: Method, split: Split, how: Evaluation) -> float:
    """R_m of one split among its own candidates, percent."""
    found = embed_split(method, split, ("image", "text"), how)
    return recall_of_features(found["image"], found["text"])["r_mean"]


def _gallery(method: Method, stream: Stream, seen: int, how: Evaluation) -> dict[str, float]:
    features: dict[str, list[Tensor]] = {"query": [], "gallery": []}
    labels: dict[str, list[np.ndarray]] = {"query": [], "gallery": []}
    records: dict[str, list[np.ndarray]] = {"query": [], "gallery": []}
    for task in stream.tasks[:seen]:
        for name in features:
            split = task.splits[name]
            features[name].append(embed_split(method, split, ("pair",), how)["pair"])
            labels[name].append(np.asarray(split.label))
            records[name].append(np.asarray(split.record))
    gallery, query = np.concatenate(records["gallery"]), np.concatenate(records["query"])
    order = np.argsort(gallery)
    place = order[np.searchsorted(gallery, query, sorter=order).clip(max=len(gallery) - 1)]
    own = np.where(gallery[place] == query, place, -1)
    found = gallery_map_of_features(
        torch.cat(features["query"]),
        torch.cat(features["gallery"]),
        torch.from_numpy(np.concatenate(labels["query"])),
        torch.from_numpy(np.concatenate(labels["gallery"])),
        torch.from_numpy(own),
    )
    return {f"seen/{name}": value for name, value in found.items()}
