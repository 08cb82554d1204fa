"""Evaluation of retrieval on the splits of the tasks."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from methods.method import Method

from ..metrics.retrieval import gallery_map_of_features, recall_of_features
from ..numerics.finite import check_rows
from ..storage.task_key import task_key
from ..streams.stream import Split, Stream
from .distributed import gather_rows, own_batches
from .protocol import Evaluation, Scores, describe_split

Kind = Literal["image", "text", "pair"]


@torch.no_grad()
def embed_split(
    method: Method, split: Split, kinds: tuple[Kind, ...], how: Evaluation, where: str
) -> dict[Kind, Tensor]:
    """Embeds every sample of a split. Each rank embeds its share, and all ranks return the whole.

    Args:
        method: The method that is evaluated.
        split: The split.
        kinds: What is embedded: pictures, texts, or both together.
        how: How the method is evaluated.
        where: Describes the split in the error's message.

    Returns:
        Unit rows (N, D) by kind, float32 on ``how.device``, in the split's order.

    Raises:
        Diverged: A row is not finite (:class:`~orchestrator.numerics.diverged.Diverged`). All ranks raise it.
    """
    embedded: dict[Kind, list[Tensor]] = {kind: [] for kind in kinds}
    places: list[Tensor] = []
    method.eval()
    for batch in own_batches(method, split, how):
        places.append(batch.row)
        with torch.autocast(how.device.type, torch.bfloat16, enabled=how.precision == "bf16"):
            for kind in kinds:
                embedded[kind].append(method.embed(batch, kind).float())
    whole = {kind: gather_rows(parts, places, len(split), how.device) for kind, parts in embedded.items()}
    for kind, rows in whole.items():
        check_rows(rows, f"the {kind} embedding", where)
    return whole


def evaluate_retrieval(
    method: Method,
    stream: Stream,
    split: Literal["validation", "test"],
    *,
    tasks: int,
    seen: int,
    how: Evaluation,
) -> Scores:
    """Scores each task by itself, and the union of the tasks seen, in percent.

    ``by_task`` is R_m of each task among its own candidates. ``metrics`` has ``task_01/r_mean`` ... and, over
    the union of the candidates of the tasks seen as the CTP paper reports it, ``seen/txt_r1`` ...
    ``seen/r_mean``. Where there are query and gallery splits it also has ``seen/map1``, ``seen/map5`` and
    ``seen/map10``.

    Args:
        method: The method that is evaluated.
        stream: The stream.
        split: The split of each task.
        tasks: Tasks 0 .. ``tasks`` - 1 are scored one by one.
        seen: Tasks 0 .. ``seen`` - 1 have been seen; ``seen`` <= ``tasks``.
        how: How the method is evaluated.
    """
    images, texts, by_task, metrics = [], [], [], {}
    for k in range(tasks):
        features = _embed_task(method, stream, k, split, how)
        scores = recall_of_features(features["image"], features["text"])
        metrics[f"{task_key(k)}/r_mean"] = scores["r_mean"]
        by_task.append(scores["r_mean"])
        if k < seen:
            images.append(features["image"])
            texts.append(features["text"])
    if seen:
        union = recall_of_features(torch.cat(images), torch.cat(texts))
        metrics.update({f"seen/{name}": value for name, value in union.items()})
    if seen and split == "test" and all("gallery" in t.splits for t in stream.tasks[:seen]):
        metrics.update(_gallery(method, stream, seen, how))
    return Scores(np.array(by_task), metrics)


def task_r_mean(method: Method, stream: Stream, task: int, split: str, how: Evaluation) -> float:
    """Returns R_m of one split of a task among the split's own candidates, in percent.

    Args:
        method: The method that is evaluated.
        stream: The stream.
        task: The task's number, from 0.
        split: The split's name.
        how: How the method is evaluated.
    """
    features = _embed_task(method, stream, task, split, how)
    return recall_of_features(features["image"], features["text"])["r_mean"]


def _embed_task(method: Method, stream: Stream, task: int, split: str, how: Evaluation) -> dict[Kind, Tensor]:
    where = describe_split(stream, split, task)
    return embed_split(method, stream.tasks[task].splits[split], ("image", "text"), how, where)


def _gallery(method: Method, stream: Stream, seen: int, how: Evaluation) -> dict[str, float]:
    features: dict[str, list[Tensor]] = {"query": [], "gallery": []}
    labels: dict[str, list[np.ndarray]] = {"query": [], "gallery": []}
    records: dict[str, list[np.ndarray]] = {"query": [], "gallery": []}
    for k, task in enumerate(stream.tasks[:seen]):
        for name in features:
            split = task.splits[name]
            embedded = embed_split(method, split, ("pair",), how, describe_split(stream, name, k))
            features[name].append(embedded["pair"])
            labels[name].append(np.asarray(split.label))
            records[name].append(np.asarray(split.record))
    gallery, query = np.concatenate(records["gallery"]), np.concatenate(records["query"])
    order = np.argsort(gallery)
    match = order[np.searchsorted(gallery, query, sorter=order).clip(max=len(gallery) - 1)]
    own = np.where(gallery[match] == query, match, -1)
    precision = gallery_map_of_features(
        torch.cat(features["query"]),
        torch.cat(features["gallery"]),
        torch.from_numpy(np.concatenate(labels["query"])),
        torch.from_numpy(np.concatenate(labels["gallery"])),
        torch.from_numpy(own),
    )
    return {f"seen/{name}": value for name, value in precision.items()}
