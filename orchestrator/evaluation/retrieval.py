"""Evaluation of retrieval on the splits of the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from methods.method import Method

from ..metrics.retrieval import first_ranks, recall_of_features
from ..numerics.finite import check_rows
from ..storage.task_key import task_key
from ..streams.stream import Split, Stream
from .distributed import gather_rows, own_batches
from .gallery import Gallery
from .protocol import Evaluation, Scores, describe_split, is_last_look
from .retrieval_summary import last_checkpoint

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
    ``seen/r_mean``. Where there are query and gallery splits, the test split also has ``seen/map1``,
    ``seen/map5`` and ``seen/map10``, and the same as released, ``seen/map1_reference`` ... Where all tasks of
    the stream have been seen, the test split has these of the union of tasks 0 .. k for each k too:
    ``ctp/last/task_01/r_mean``, ``ctp/last/task_01/map1`` ... Each split is embedded once for all of them.

    Args:
        method: The method that is evaluated.
        stream: The stream.
        split: The split of each task.
        tasks: Tasks 0 .. ``tasks`` - 1 are scored one by one.
        seen: Tasks 0 .. ``seen`` - 1 have been seen; ``seen`` <= ``tasks``.
        how: How the method is evaluated.
    """
    features = [_embed_task(method, stream, k, split, how) for k in range(tasks)]
    by_task = [_recall([f])["r_mean"] for f in features]
    metrics = {f"{task_key(k)}/r_mean": value for k, value in enumerate(by_task)}
    if not seen:
        return Scores(np.array(by_task), metrics)
    gallery = None
    if split == "test" and all("gallery" in t.splits for t in stream.tasks[:seen]):
        gallery = Gallery(stream, seen, partial(_embed_pairs, method, stream, how))

    def union(last: int) -> dict[str, float]:
        scores = _recall(features[:last])
        return scores if gallery is None else scores | gallery.precision(last)

    every = is_last_look(stream, split, seen)
    unions = [union(k + 1) for k in range(0 if every else seen - 1, seen)]
    metrics |= {f"seen/{name}": value for name, value in unions[-1].items()}
    if not every:
        return Scores(np.array(by_task), metrics)
    return Scores(np.array(by_task), metrics | last_checkpoint(unions), _ranks(features))


def task_r_mean(method: Method, stream: Stream, task: int, split: str, how: Evaluation) -> float:
    """Returns R_m of one split of a task among the split's own candidates, in percent.

    Args:
        method: The method that is evaluated.
        stream: The stream.
        task: The task's number, from 0.
        split: The split's name.
        how: How the method is evaluated.
    """
    return _recall([_embed_task(method, stream, task, split, how)])["r_mean"]


def _embed_task(method: Method, stream: Stream, task: int, split: str, how: Evaluation) -> dict[Kind, Tensor]:
    where = describe_split(stream, split, task)
    return embed_split(method, stream.tasks[task].splits[split], ("image", "text"), how, where)


def _recall(features: Sequence[dict[Kind, Tensor]]) -> dict[str, float]:
    return recall_of_features(*_both(features))


def _ranks(features: Sequence[dict[Kind, Tensor]]) -> dict[str, np.ndarray]:
    """What is kept of each pair (:data:`~orchestrator.evaluation.kept_predictions.COLUMNS`)."""
    task = np.repeat(np.arange(len(features)), [len(f["image"]) for f in features])
    return {"task": task, **{name: rank.numpy() for name, rank in first_ranks(*_both(features)).items()}}


def _both(features: Sequence[dict[Kind, Tensor]]) -> tuple[Tensor, Tensor]:
    image, text = (torch.cat([f[kind] for f in features]) for kind in ("image", "text"))
    return image, text


def _embed_pairs(
    method: Method, stream: Stream, how: Evaluation, split: Split, name: str, task: int
) -> Tensor:
    return embed_split(method, split, ("pair",), how, describe_split(stream, name, task))["pair"]
